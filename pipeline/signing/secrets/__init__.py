"""Secrets of gateways: derived, given, handed over."""
