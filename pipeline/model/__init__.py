"""Frozen values: what the other packages talk about. Nothing here reads or writes anything."""
