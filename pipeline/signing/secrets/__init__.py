"""Secrets of gateways: deriving them, reading given ones, handing them over."""
