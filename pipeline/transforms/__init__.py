"""Turns facts into layer entries, one subject per module. Pure; no module imports another."""
