"""A file that comes back from the station which holds a key."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError


def read_returned(path: Path, most: int) -> bytes | None:
    """What the station put there, None for nothing; no more than so many bytes of it."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise PipelineError(f"{path}: it is not a regular file", "put the file itself there")
    try:
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None
