"""Shell patterns over the paths of an image."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Tree


def glob(tree: Tree, pattern: str) -> tuple[GuestPath, ...]:
    """The paths a pattern means, in the order of glob(3) in the C locale.

    As in a shell, ``*`` does not match a leading dot, and links to directories are followed on the way; what is found
    is named by the path it was found under, so a link at the end is itself.
    """
    found = [GuestPath("/")]
    for part in pattern.strip("/").split("/"):
        following: list[GuestPath] = []
        for directory in found:
            place = _directory(tree, directory)
            if place is None:
                continue
            if not re.search(r"[*?\[]", part):
                if tree.get(place / part) is not None:
                    following.append(directory / part)
                continue
            wanted = _matching(part)
            following.extend(
                directory / child.name
                for child in tree.children(place)
                if wanted.fullmatch(child.name) and (part.startswith(".") or not child.name.startswith("."))
            )
        found = following
    return tuple(found)


@lru_cache(maxsize=512)
def _matching(part: str) -> re.Pattern[str]:
    return re.compile(translate(part))


def _directory(tree: Tree, path: GuestPath) -> GuestPath | None:
    try:
        place = tree.resolve(path)
    except PipelineError:  # a loop, or a way through a file: nothing can lie below it
        return None
    node = tree.get(place)
    return place if node is not None and node.kind is Kind.DIRECTORY else None
