"""Golden sample in, hardened and reproducible gateway images out."""

__version__ = "0.1.0"
