"""A file delivered beside an image, as far as it can be looked at."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.model.verdict import Finding, Outcome

_PIECE = 1 << 20


def read_beside(path: Path, most: int) -> bytes | Finding | None:
    """The content, None where nothing lies there, or why it cannot be looked at.

    Args:
        most: bytes; a larger file is none of ours and is not read to its end.
    """
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file():  # opening a pipe would wait for ever
        return Finding(path.name, "type", "a regular file", "something else")
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        return Finding(path.name, "readable", "", f"{error.strerror}", Outcome.NOT_LOOKED)
    if len(content) > most:
        return Finding(path.name, "size", f"at most {most} bytes", "more")
    return content


def digest_beside(path: Path, most: int) -> str | Finding | None:
    """SHA-256 of what `read_beside` would return, without holding it."""
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file():
        return Finding(path.name, "type", "a regular file", "something else")
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > most:
                    return Finding(path.name, "size", f"at most {most} bytes", "more")
                digest.update(piece)
    except OSError as error:
        return Finding(path.name, "readable", "", f"{error.strerror}", Outcome.NOT_LOOKED)
    return digest.hexdigest()
