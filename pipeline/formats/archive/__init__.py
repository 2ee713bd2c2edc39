"""Containers of many bytes: archives and block maps."""
