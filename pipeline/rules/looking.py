"""What all checks need to look at an image: files of a pattern, their lines, and breaches that name both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach
from pipeline.model.tree import Kind, Node
from pipeline.model.tree_glob import glob
from pipeline.rules.shared import shared

# Says whose image it is: the build writes it into every gateway's own.
MARKER = "/etc/gateway-image.json"


def files(view: ImageView, *patterns: str) -> Iterator[tuple[str, bytes]]:
    """The regular files that shell patterns mean, links followed: real path and content, each once, in order.

    Raises:
        Unread: one of them was not read.
    """
    seen: set[GuestPath] = set()
    for pattern in patterns:
        for path in glob(view.tree, pattern):
            place = view.tree.resolve(path)
            node = view.tree.get(place)
            if place not in seen and node is not None and node.kind is Kind.FILE:
                seen.add(place)
                yield str(place), view.find(place) or b""


@shared
def paths(view: ImageView, *patterns: str) -> tuple[GuestPath, ...]:
    """What lies at shell patterns, under the names it was found by; links are themselves."""
    return tuple(dict.fromkeys(path for pattern in patterns for path in glob(view.tree, pattern)))


def lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, from 1."""
    return enumerate(data.decode("utf-8", "replace").splitlines(), 1)


def line_of(data: bytes, start: str) -> int:
    """Number of the first line that starts with a text; 0 when there is none."""
    return next((number for number, line in lines(data) if line.startswith(start)), 0)


def words_of(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Words of each line that has some, comments (``#``) taken away."""
    for number, line in lines(data):
        words = line.partition("#")[0].split()
        if words:
            yield number, words


def program(view: ImageView, path: str) -> Node | None:
    """The node of a program that can be run, links followed; None when there is none."""
    if not path.startswith("/"):
        return None
    node = view.node(path)
    return node if node is not None and node.kind is Kind.FILE and node.mode & 0o111 else None


def first_program(view: ImageView, *candidates: str) -> str | None:
    """The first of some programs the image has."""
    return next((path for path in candidates if program(view, path)), None)


def is_own(view: ImageView) -> bool:
    """Whether the image is one gateway's own; anything else is there to be copied."""
    return view.exists(MARKER)


def writable_by_others(node: Node, owner: int) -> bool:
    """As sshd's StrictModes sees it: somebody else's, or group or others may write."""
    return node.uid not in (0, owner) or bool(node.mode & 0o022)


def loose(path: str, node: Node, most: int, owners: tuple[int, ...] = (0,)) -> Iterator[Breach]:
    """Breaches of a file that more people may use than should."""
    if node.mode & ~most & 0o777:
        yield Breach(path, 0, f"mode {node.mode:04o}", f"at most {most:04o}")
    if node.uid not in owners:
        yield Breach(path, 0, f"belongs to uid {node.uid}", "owner " + " or ".join(str(uid) for uid in owners))


def harmless(text: str) -> str:
    """A short piece of a foreign file that is fit to be shown."""
    shown = re.sub(r"\s+", " ", text).strip()
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
