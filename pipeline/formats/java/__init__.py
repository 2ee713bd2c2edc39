"""Formats of Java: archives, manifests, properties, start scripts."""
