"""Signs that an image was started before: it then has its own identity and secrets and is not vanilla (A:244)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import Problem
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from pipeline.model.vanilla import Vanilla

# Written by this product; an image that has it is a result, not an input.
MARKER = GuestPath("/etc/gateway-image.json")

_REMEDY = "use the vendor's image as delivered, never started; starting it even once gives it keys of its own"


def signs(vanilla: Vanilla) -> tuple[Problem, ...]:
    """Everything that shows that the image was booted or built before; empty for a vanilla image."""
    if vanilla.exists(MARKER):
        return (
            Problem(
                f"the image was built by this product already ({MARKER})",
                "give the vendor's vanilla image, not one of the results",
            ),
        )
    return tuple(Problem(f"the image was started before: {sign}", _REMEDY) for sign in sorted(_signs(vanilla)))


def _signs(vanilla: Vanilla) -> Iterator[str]:
    yield from _framework(vanilla)
    identity = vanilla.find("/etc/machine-id")
    # systemd takes an empty file and this word as "not started yet".
    if identity is not None and identity.strip() not in (b"", b"uninitialized"):
        yield "/etc/machine-id holds an identity"
    tree = vanilla.tree
    for directory, pattern in (("/var/log", r"(kura|esf)[^/]*|wtmp|btmp"), ("/var/log/journal", r".+")):
        place = tree.resolve(GuestPath(directory))
        for path in tree.below(place):
            node = tree.nodes[path]
            if node.kind is Kind.FILE and node.size and re.fullmatch(pattern, path[len(place) + 1 :], re.DOTALL):
                yield f"{path} is not empty"


def _framework(vanilla: Vanilla) -> Iterator[str]:
    """What ESF leaves behind when it ran: snapshots, store of passwords, message store, OSGi state."""
    layout, tree = vanilla.layout, vanilla.tree
    # Beside the snapshots in generation A; from B on these are in user/, and what a run leaves behind in data/.
    for data in sorted({layout.snapshots.parent, layout.root / "data"}):
        if vanilla.exists(data / "store.save"):
            yield f"{data / 'store.save'} holds the framework's keystore passwords"
        for name in ("paho-persistence", "persistance", "db"):
            if tree.below(tree.resolve(data / name)):
                yield f"{data / name} is not empty"
    snapshots = tree.resolve(layout.snapshots)
    for path in tree.children(snapshots):
        found = re.fullmatch(r"snapshot_([0-9]+)\.xml", path.name)
        if found and int(found[1]) != 0:
            yield f"{layout.snapshots / path.name} was taken while the framework ran"
        elif found and not vanilla.read(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            yield f"{layout.snapshots / path.name} is encrypted, which the framework does at its first start"
