"""What all tests share: hypothesis asks for outcomes, not for time, which on a loaded machine says nothing."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("outcomes", deadline=None)
settings.load_profile("outcomes")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes that are no plain text have no name: some are made with a clock, and processes would disagree."""
    if isinstance(val, bytes) and not (len(val) <= 60 and val.isascii() and val.decode("ascii").isprintable()):
        return "bytes"
    return None
