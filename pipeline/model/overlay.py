"""Files of the release engineer's own, carried into every image."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.guest_path import GuestPath


@dataclass(frozen=True)
class OverlayFile:
    """One file of an overlay.

    Attributes:
        template: the content is a jinja2 template, rendered for each gateway.
        source: path as the user knows it, for messages and origins.
    """

    path: GuestPath
    content: bytes = field(repr=False)
    mode: int
    uid: int
    gid: int
    template: bool
    secret: bool
    source: str


@dataclass(frozen=True)
class OverlayLink:
    """A symbolic link of an overlay."""

    path: GuestPath
    target: str
    source: str


@dataclass(frozen=True)
class Overlay:
    """A named overlay: its files and links by path, its directories with mode and owner.

    Attributes:
        left_out: what lies among its files and is no part of it, relative to the overlay (``.DS_Store``).
    """

    name: str
    files: tuple[OverlayFile, ...]
    links: tuple[OverlayLink, ...] = ()
    directories: tuple[tuple[GuestPath, int, int, int], ...] = ()
    left_out: frozenset[str] = frozenset()
