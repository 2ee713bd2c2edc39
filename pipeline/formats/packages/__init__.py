"""Formats of package databases."""
