"""Formats of accounts and privileges."""
