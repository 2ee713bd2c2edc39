"""Why a line of a file, or a setting of the snapshot, is as it is. Pure; never tells a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification import find_secrets
from pipeline.classification.found import ENTROPY, NOT_SEARCHED
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property, Snapshot
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Origin
from pipeline.model.line_origins import KEPT, of_line
from pipeline.model.manifest import Change, Manifest
from pipeline.report.text.plain import plain
from pipeline.transforms.esf.snapshot.difference import shown

_SNAPSHOT = re.compile(r".*/snapshots/snapshot_([0-9]+)\.xml")
# Files with secrets whose lines begin with a name that is none.
_NAMED = re.compile(r".*/(shadow|gshadow|[^/]+\.properties|(hostapd|wpa_supplicant)[^/]*\.conf|[^/]+-secrets)")
_NAME = re.compile(rb"\s*([A-Za-z_#][A-Za-z0-9_.-]*)\s*[=:]")
_LONGEST = 160
# Inputs that are one gateway's; what is made of any other is alike in all gateways of a release.
_OWN = ("devices.toml", "secret", "keys/")


def line_text(manifest: Manifest, path: GuestPath, number: int, content: bytes | None) -> str:
    """One line: what it says, as far as it is no secret, and which rule and input it comes from.

    Args:
        path: of the tree, links followed.
        content: of the file, None where the image is not at hand.

    Raises:
        PipelineError: the file has no such line.
    """
    change = manifest.changes.get(path)
    lines = content.splitlines() if content is not None else None
    if lines is not None and not 1 <= number <= len(lines):
        raise PipelineError(f"{path}:{number}: the file has {len(lines)} lines", "count from 1")
    told = [f"{plain(path)}:{number}"]
    if lines is not None and content is not None:
        told.append(f"  {_shown(path, lines[number - 1], content, number, change)}")
    return "".join(f"{line}\n" for line in [*told, *_why(manifest, change, number)])


def property_text(manifest: Manifest, path: GuestPath, content: bytes, asked: str) -> str:
    """A setting of the configuration, its value unless it is secret, and where that value comes from.

    Args:
        path: of the snapshot.
        asked: pid and name with a dot between them.

    Raises:
        PipelineError: there is no such component or setting; those that are near are named.
    """
    snapshot = _read(path, content)
    pid, prop = _find(snapshot, asked)
    told = [f"{plain(pid)} {plain(prop.name)}", f"  {plain(prop.type)} {plain(shown(prop))}"]
    place = _lines_of(snapshot, content, pid, prop)
    if place is None:
        return "".join(f"{line}\n" for line in [*told, f"  {plain(path)}, not as the build wrote it: find out who did"])
    told.append(f"  {plain(path)}:{place[0]}" + (f"-{place[1]}" if place[1] > place[0] else ""))
    return "".join(f"{line}\n" for line in [*told, *_why(manifest, manifest.changes.get(path), place[0])])


def snapshot_path(manifest: Manifest) -> GuestPath:
    """The snapshot a gateway loads: that with the highest number.

    Raises:
        PipelineError: there is none.
    """
    found = {int(match[1]): path for path in manifest.tree.nodes if (match := _SNAPSHOT.fullmatch(path))}
    if not found:
        raise PipelineError(f"{manifest.gateway}: the image has no snapshot", "settings are in snapshots only")
    return found[max(found)]


def _why(manifest: Manifest, change: Change | None, number: int) -> Iterator[str]:
    if change is None:
        yield f"  as in the vanilla image {plain(manifest.sources.vanilla_file)}"
        return
    origin = of_line(change.lines, number)
    if origin is not None:
        yield f"  {_reason(origin)}"
    elif len(change.origins) == 1:
        yield f"  {_reason(change.origins[0])}"
    else:
        yield "  the line has no origin of its own; the whole file is made"
        yield from (f"    {_reason(one)}" for one in change.origins)


def _reason(origin: Origin) -> str:
    source = plain(origin.source)
    if origin.rule == KEPT:
        whose = "the golden sample's, kept" if source.startswith("golden") else "the vanilla image's, kept"
        return f"{whose} ({source})"
    own = ", this gateway's own" if any(word in source for word in _OWN) else ""
    document = f", {origin.document}" if origin.document else ""
    return f"by {plain(origin.rule)}, from {source}{document}{own}"


def _shown(path: GuestPath, line: bytes, content: bytes, number: int, change: Change | None) -> str:
    if change is None or not change.secret:
        if _holds_secret(path, content, number):
            return "(secret)"
        text = plain(line.decode("utf-8", "replace"))
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    if _SNAPSHOT.fullmatch(path):
        snapshot = _read(path, content)
        for (pid, name), (first, last) in esf_snapshot.places(snapshot).items():
            if first <= number <= last and (prop := snapshot.by_pid[pid].get(name)):
                return f"{plain(pid)} {plain(name)} {plain(shown(prop))}"
    name_found = _NAME.match(line) if _NAMED.fullmatch(path) else None
    return f"{name_found[1].decode()} (secret)" if name_found else "(secret)"


def _holds_secret(path: GuestPath, content: bytes, number: int) -> bool:
    """Whether a line of a file nobody has called secret is one all the same, such as a hash in the vendor's files."""
    name = str(path)[1:]
    return any(
        one.kind not in (ENTROPY, NOT_SEARCHED) and one.place in (name, f"{name}: line {number}")
        for one in find_secrets(name, content)
    )


def _read(path: GuestPath, content: bytes) -> Snapshot:
    # Generations B and C read the lines of a document apart, which is all that makes a difference for finding places.
    found = esf_snapshot.load(content, "B").snapshot
    if found is None:
        raise PipelineError(f"{path}: no gateway could load it", "doit verify says what is wrong with the image")
    return found


def _find(snapshot: Snapshot, asked: str) -> tuple[str, Property]:
    """Pids and names have dots themselves; the longest pid that fits wins."""
    pids = sorted((pid for pid in snapshot.by_pid if asked.startswith(f"{pid}.")), key=len, reverse=True)
    for pid in pids:
        prop = snapshot.by_pid[pid].get(asked.removeprefix(f"{pid}."))
        if prop is not None:
            return pid, prop
    if pids:
        names = ", ".join(sorted(prop.name for prop in snapshot.by_pid[pids[0]].properties)) or "none"
        raise PipelineError(f"{asked}: {pids[0]} has no such property", f"it has: {plain(names)}")
    raise PipelineError(
        f"{asked}: no such component in the snapshot", f"there are: {plain(', '.join(sorted(snapshot.by_pid)))}"
    )


def _lines_of(snapshot: Snapshot, content: bytes, pid: str, prop: Property) -> tuple[int, int] | None:
    """Where it stands, if the document is as a build writes it."""
    return esf_snapshot.places(snapshot)[pid, prop.name] if esf_snapshot.render(snapshot) == content else None
