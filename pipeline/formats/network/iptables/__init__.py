"""Firewall files in the form of iptables-save: values, reader and writer, and a walk of a packet through them."""
