"""Formats of OpenSSH and dropbear."""
