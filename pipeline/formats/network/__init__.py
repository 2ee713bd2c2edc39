"""Formats of the network's programs."""
