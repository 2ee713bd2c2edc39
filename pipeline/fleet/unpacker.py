"""The stand-alone unpacker that ships in every release of deltas."""

from __future__ import annotations

from importlib.resources import files

UNPACKER = "unpack.py"


def unpacker() -> bytes:
    """The program, one file without dependencies."""
    return (files("pipeline.fleet") / UNPACKER).read_bytes()
