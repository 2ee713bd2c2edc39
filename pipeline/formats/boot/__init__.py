"""Formats read at boot: boot loader, init, kernel parameters, supervisors."""
