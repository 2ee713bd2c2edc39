"""Services that must not start."""
