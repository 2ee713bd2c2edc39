"""Differences of two images on a screen: by area, each with who is responsible."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pipeline.report.text.difference import UNEXPLAINED, Difference
from pipeline.report.text.plain import plain

_LONGEST = 100


def difference_text(title: str, found: Sequence[Difference], unseen: int) -> str:
    """The lines about one pair of images.

    Args:
        unseen: how many files nobody compared, because their content is secret and the images were not read.
    """
    lines = [title if found else f"{title}: no difference"]
    for area, members in groupby(found, key=lambda one: one.area):
        lines.append(f"  {area}")
        for one in members:
            lines.append(f"    {plain(one.subject)}: {_short(one.before)} -> {_short(one.after)}")
            lines.append(f"        {plain(one.cause)}")
    unexplained = sum(one.cause == UNEXPLAINED for one in found)
    if found:
        lines.append(f"  {len(found)} differences, {unexplained} unexplained")
    if unseen:
        lines.append(f"  {unseen} files with secret content were not compared (--deep reads them)")
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    shown = plain(text) or "nothing"
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
