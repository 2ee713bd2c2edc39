"""Defaults of new files and accounts (login.defs(5)), for the strict profile only."""

from __future__ import annotations

import re

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.vanilla import Vanilla

LOGIN_DEFS = GuestPath("/etc/login.defs")
_RULE = "accounts.umask"
_UMASK = "027"  # the group may read, others nothing (CIS 5.4.3.3)
_ORIGIN = Origin(_RULE, "gateway.toml [rules] profile")


def tighten(vanilla: Vanilla, release: Release) -> Layer:
    """``UMASK`` in ``/etc/login.defs``, which PAM and useradd read; an image without the file stays as it is."""
    before = vanilla.find(LOGIN_DEFS)
    if before is None or not (release.rules.profile == "strict" or _RULE in release.rules.also):
        return Layer()
    text = before.decode("utf-8", "surrogateescape")
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    said = [number for number, line in enumerate(lines) if re.match(r"\s*UMASK\s", line)]
    for number in said:
        lines[number] = re.sub(r"(\s*UMASK\s+)\S+", rf"\g<1>{_UMASK}", lines[number], count=1)
    if not said:
        lines = [*lines[:-1], f"{lines[-1].rstrip()}\n"] if lines else []
        lines.append(f"UMASK\t\t{_UMASK}\n")
    after = "".join(lines).encode("utf-8", "surrogateescape")
    if after == before:
        return Layer()
    place = vanilla.tree.resolve(LOGIN_DEFS)
    node = vanilla.tree.nodes[place]
    return Layer.of(FileEntry(place, after, (_ORIGIN,), node.mode, node.uid, node.gid))
