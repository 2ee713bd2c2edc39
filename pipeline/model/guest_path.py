"""Paths inside an image, kept apart from paths of the build machine."""

from __future__ import annotations

_DOTS = frozenset({".", ".."})


class GuestPath(str):
    """An absolute, canonical path in an image: no ``.``, ``..``, doubled or trailing slashes.

    It is a `str`, so that it sorts and prints as one, but only its own operations keep it canonical. Names that are not
    UTF-8 are carried with ``surrogateescape``.

    Raises:
        ValueError: the text is not canonical; a path from outside is checked before it gets this far.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> GuestPath:
        """Check and wrap a path."""
        if text != "/" and (
            not text.startswith("/")
            or text.endswith("/")
            or "//" in text
            or "\0" in text
            or ("/." in text and not _DOTS.isdisjoint(text.split("/")))
        ):
            raise ValueError(f"not a canonical absolute path: {text!r}")
        return super().__new__(cls, text)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names from the root down; empty for ``/``."""
        return tuple(self[1:].split("/")) if self != "/" else ()

    @property
    def name(self) -> str:
        """The last name; empty for ``/``."""
        return self.rsplit("/", 1)[1]

    @property
    def parent(self) -> GuestPath:
        """The directory that holds it; ``/`` is its own parent."""
        return GuestPath(self.rsplit("/", 1)[0] or "/")

    def __truediv__(self, relative: str) -> GuestPath:
        """Append a relative path of one or more names."""
        return GuestPath(f"{self}/{relative}" if self != "/" else f"/{relative}")

    def is_under(self, directory: GuestPath) -> bool:
        """Whether it lies below a directory, compared name by name (``/etc-old`` is not under ``/etc``)."""
        return self != directory and self.startswith(f"{directory}/" if directory != "/" else "/")

    def ancestors(self) -> tuple[GuestPath, ...]:
        """All directories above it, ``/`` first."""
        parts = self.parts
        return tuple(GuestPath("/" + "/".join(parts[:depth])) for depth in range(len(parts)))
