"""Accounts of people, and the defaults new ones get."""
