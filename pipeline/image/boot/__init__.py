"""Boots images in a throw-away virtual machine."""
