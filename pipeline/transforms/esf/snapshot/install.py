"""Rewriting the snapshot and laying it down as the only one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from pipeline.errors import Problem, raise_if_any
from pipeline.formats.crypto import kura_aes
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LineOrigin, Origin, Removal
from pipeline.model.line_origins import kept
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.model.tree import Kind
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.snapshot.difference import Change, semantic_diff
from pipeline.transforms.esf.snapshot.documents import require, wanted
from pipeline.transforms.esf.snapshot.personal import residue

_NAME = "snapshot_0.xml"
_KEPT = kept("golden: snapshot")
_INSTALL = Origin("snapshot.install", "golden: snapshot", "A:164")
_ONLY = Origin("snapshot.only_one", "golden: snapshot", "A:164")
_RESTORE = Origin("snapshot.factory_restore", "golden: snapshot", "A:164")


def rewrite(golden: Golden, vanilla: Vanilla, release: Release, settings: Sequence[SnapshotSetting]) -> Layer:
    """The layer that makes the golden sample's configuration this gateway's.

    The snapshot becomes the only one in the gateway's directory, since the highest id wins and a plain one beside an
    encrypted one is ignored (formats 1.4), and the copy from which a factory reset restores.

    Args:
        settings: what other transforms and the console want in it; they have the last word.

    Raises:
        PipelineError: the snapshot cannot be read, lacks what provisioning needs (A:162), or two settings contradict.
    """
    _, after, origins = _rewritten(golden, vanilla, release, settings)
    content, lines = esf_snapshot.render(after), _lines(after, origins)
    again = esf_snapshot.load(content, vanilla.layout.generation)
    if again.snapshot is None or again.snapshot.meaning != after.meaning:
        raise RuntimeError("the gateway would not load the snapshot as it is meant")
    layout = vanilla.layout
    uid, gid = vanilla.process_owner  # who reads it, and encrypts it in place at the first start (formats 1.4)
    why = sorted(set(origins.values()))
    entries: list[Entry] = [
        FileEntry(layout.snapshots / _NAME, content, (_INSTALL, *why), 0o600, uid, gid, secret=True, lines=lines)
    ]
    if not _is_directory(vanilla, layout.snapshots):
        entries.append(DirEntry(layout.snapshots, (_INSTALL,), uid=uid, gid=gid))
    there = vanilla.tree.children(vanilla.tree.resolve(layout.snapshots))
    entries.extend(Removal(layout.snapshots / other.name, (_ONLY,)) for other in there if other.name != _NAME)
    if _is_directory(vanilla, layout.restore):
        uid, gid = _owner(vanilla, layout.restore)
        entries.append(
            FileEntry(layout.restore / _NAME, content, (_RESTORE, *why), 0o600, uid, gid, secret=True, lines=lines)
        )
    return Layer.of(*entries)


def changes(
    golden: Golden, vanilla: Vanilla, release: Release, settings: Sequence[SnapshotSetting]
) -> tuple[Change, ...]:
    """What `rewrite` changes in the golden sample's configuration, for reports; secrets are masked."""
    before, after, _ = _rewritten(golden, vanilla, release, settings)
    return semantic_diff(before, after)


def _rewritten(
    golden: Golden, vanilla: Vanilla, release: Release, settings: Sequence[SnapshotSetting]
) -> tuple[Snapshot, Snapshot, Mapping[tuple[str, str], Origin]]:
    """The snapshot before and after, and who wants which property as it is, or away."""
    generation = vanilla.layout.generation
    before = _read(golden.snapshot, generation)
    _refuse_contradictions(settings)
    own = {(setting.pid, setting.name) for setting in settings}
    ours = [*wanted(before, generation, release), *residue(before, own)]
    everything = (*(setting for setting in ours if (setting.pid, setting.name) not in own), *settings)
    after = _applied(before, everything)
    require(after, release, vanilla.layout.product)
    raise_if_any(_unreadable(after, generation))
    return before, after, {(setting.pid, setting.name): setting.origin for setting in everything}


def _unreadable(after: Snapshot, generation: str) -> list[Problem]:
    """Passwords that Kura 3 and 4 lose by chance; none is quoted. What is derived is too short for that (24 bytes)."""
    if generation not in ("A", "B"):
        return []
    return [
        Problem(
            f"snapshot: {configuration.pid}: {prop.name}: Kura 3 and 4 could not read this password back once it is "
            "stored: its ciphertext looks encrypted twice",
            "choose another password, of at most 31 bytes",
        )
        for configuration in after.configurations
        for prop in configuration.properties
        if prop.type == "Password" and any(kura_aes.is_lost(text) for text in prop.texts if text)
    ]


def _lines(after: Snapshot, origins: Mapping[tuple[str, str], Origin]) -> tuple[LineOrigin, ...]:
    """Each property's lines belong to the setting that wrote it, else to the golden sample."""
    return tuple(
        LineOrigin(first, last, origins.get(name, _KEPT)) for name, (first, last) in esf_snapshot.places(after).items()
    )


@lru_cache(maxsize=2)
def _read(content: bytes, generation: str) -> Snapshot:
    """The golden sample's snapshot; a large one takes a tenth of a second, which a fleet need not pay per gateway."""
    snapshot = esf_snapshot.read(content, generation, "golden: snapshot").snapshot
    if snapshot is None:
        raise RuntimeError("a snapshot that can be read has configurations")
    return snapshot


def _applied(snapshot: Snapshot, settings: Iterable[SnapshotSetting]) -> Snapshot:
    """The snapshot with every setting in it; components that are missing are added."""
    by_pid: dict[str, list[SnapshotSetting]] = {}
    for setting in settings:
        by_pid.setdefault(setting.pid, []).append(setting)
    configurations = dict(snapshot.by_pid)
    for pid, wishes in by_pid.items():
        configuration = configurations.get(pid)
        given = [Property(wish.name, wish.type, wish.values, wish.array) for wish in wishes if wish.values is not None]
        if configuration is None and not given:
            continue
        configuration = (configuration or Configuration(pid)).with_properties(*given)
        configurations[pid] = configuration.without(wish.name for wish in wishes if wish.values is None)
    return replace(snapshot, configurations=tuple(configurations[pid] for pid in sorted(configurations)))


def _refuse_contradictions(settings: Sequence[SnapshotSetting]) -> None:
    first: dict[tuple[str, str], SnapshotSetting] = {}
    problems: list[Problem] = []
    for setting in settings:
        known = first.setdefault((setting.pid, setting.name), setting)
        if (known.type, known.array, known.values) != (setting.type, setting.array, setting.values):
            problems.append(
                Problem(
                    f"snapshot: {setting.pid} {setting.name}: wanted differently by {known.origin.rule} "
                    f"({known.origin.source}) and {setting.origin.rule} ({setting.origin.source})",
                    "change one of the two inputs",
                )
            )
    raise_if_any(problems)


def _is_directory(vanilla: Vanilla, path: GuestPath) -> bool:
    node = vanilla.tree.get(vanilla.tree.resolve(path))
    return node is not None and node.kind is Kind.DIRECTORY


def _owner(vanilla: Vanilla, directory: GuestPath) -> tuple[int, int]:
    """Who owns the snapshot: as it was, else as its directory; ESF's process must be able to read and replace it."""
    for path in (directory / _NAME, directory):
        node = vanilla.tree.get(vanilla.tree.resolve(path))
        if node is not None:
            return node.uid, node.gid
    return 0, 0
