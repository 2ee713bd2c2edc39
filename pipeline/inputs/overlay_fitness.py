"""What people have to decide about a file of an overlay: secrets, which all gateways would share, and loose modes.

Secrets are looked for as in a golden sample's export. A file that was not looked at by anybody must not carry a private
key to every gateway, for everybody to read there.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from pipeline.classification import FoundSecret, find_secrets
from pipeline.classification.found import ENTROPY, NOT_SEARCHED
from pipeline.errors import Problem
from pipeline.inputs.zstd_data import unzstd
from pipeline.model.guest_path import GuestPath

_OTHERS = 0o007
_MOST_SHOWN = 2


def secret_problems(source: Path, place: GuestPath, content: bytes, where: Path) -> Iterator[Problem]:
    """A file in which a secret is, and about which ``overlay.toml`` says nothing.

    Args:
        source: the file; ``place``: where it goes to; ``where``: the ``overlay.toml``.
    """
    found = [one for one in find_secrets(str(place)[1:], content, unzstd) if one.kind not in (ENTROPY, NOT_SEARCHED)]
    if found:
        yield Problem(
            f"{source}: holds a secret, which every gateway would share: {_shown(found)}",
            f'decide in {where} under [paths."{place}"]: secret = true (mode 0600, nothing of it is shown), '
            'or secret = false with a reason = "…"; a secret of each gateway\'s own does not belong in an overlay',
        )


def mode_problems(source: Path, place: GuestPath, mode: int, where: Path, *, secret: bool) -> Iterator[Problem]:
    """A mode that gives more than a file needs, where nobody says why."""
    wrong = []
    if mode & (stat.S_ISUID | stat.S_ISGID):
        wrong.append("runs with the rights of its owner (set-id)")
    if mode & stat.S_IWOTH:
        wrong.append("anybody may write it")
    if secret and mode & _OTHERS:
        wrong.append("is secret, and anybody may read it")
    if wrong:
        yield Problem(
            f"{source}: mode {mode:04o}: {', and '.join(wrong)}",
            f'correct mode in {where} under [paths."{place}"], or say there why: reason = "…"',
        )


def _shown(found: list[FoundSecret]) -> str:
    shown = [f"{one.kind} ({one.reason}) in {one.place}" for one in found]
    return "; ".join(shown[:_MOST_SHOWN]) + (
        f"; and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    )
