"""Bytes to values and back, one module per file format. Syntax only: what is good or bad is decided elsewhere."""
