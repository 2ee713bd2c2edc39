"""Formats of keys, certificates and signatures."""
