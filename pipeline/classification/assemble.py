"""An export and the decisions about it become the golden sample that is built from: only what travels is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.classification.classify import classify, latest_snapshot
from pipeline.classification.containers import Unzstd
from pipeline.classification.documents import Part, wanted
from pipeline.classification.files import digest_of
from pipeline.classification.item import Class, Decision, Item, Kind
from pipeline.classification.lock import Lock
from pipeline.classification.review import decision_of
from pipeline.classification.truth import missing
from pipeline.errors import Problem, raise_if_any
from pipeline.formats import canonical_json
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.java.java_properties import Properties
from pipeline.model.claim import comparable
from pipeline.model.golden import Export, Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout

# Settings that a rule writes anew or takes away need what the golden sample has, to know that they are there.
_TAKEN_OUT_HERE = frozenset({Class.PORTABLE, Class.SECRET, Class.UNKNOWN})


def judge(export: Export, unzstd: Unzstd | None = None, layout: Layout | None = None) -> tuple[Item, ...]:
    """Every file and property of an export in one class.

    Args:
        unzstd: unpacks zstd, for the search for secrets.
        layout: of the golden sample; None where it is not known.

    Raises:
        PipelineError: the latest snapshot is one that no gateway could load.
    """
    latest = latest_snapshot(export.files)
    snapshot = _snapshot(export.files[latest], latest).snapshot if latest else None
    return classify(export.files, export.links, snapshot, unzstd, layout)


def assemble(export: Export, items: Sequence[Item], lock: Lock, layout: Layout | None = None) -> Golden:
    """The golden sample of an export.

    Args:
        items: of the export, as `judge` gives them.
        lock: decisions; what is still undecided travels only where a rule might allow it.
        layout: of the golden sample, which says what can be missing; None where it is not known.

    Raises:
        PipelineError: a mandatory part is missing or there twice; all problems at once.
    """
    staying = {item.key: item for item in items if not _travels(item, lock)}
    refused: list[tuple[str, str]] = []
    dropped: set[tuple[str, str]] = set()
    for key, item in staying.items():
        entry = lock.entries.get(key)
        reason = entry.reason if entry else item.reason
        if key.kind is not Kind.PROPERTY:
            if item.sort is not Class.DERIVED:
                refused.append((key.name, reason))
        elif item.sort in _TAKEN_OUT_HERE or Decision.TRAVELS in item.allowed:
            dropped.add((key.pid, key.name))
            if entry and Decision.TRAVELS in item.allowed:
                refused.append((str(key), reason))
    gone = {key.name for key in staying if key.kind is Kind.FILE}
    kept = {path: content for path, content in export.files.items() if path not in gone}
    left_links = {key.name for key in staying if key.kind is Kind.LINK}
    links = {path: target for path, target in export.links.items() if path not in left_links}
    raise_if_any(_mandatory(kept, export.source))
    latest = latest_snapshot(kept)
    downloaded = _snapshot(kept[latest], latest)
    warnings = tuple(f"golden: {latest}: {wrong}" for wrong in downloaded.malformations)
    kept[latest] = _without(kept[latest], latest, dropped)
    left = {name.rsplit("/", 1)[1] for name in gone if _part(name) is Part.PACKAGE}
    for name in [name for name in kept if _part(name) is Part.DPA]:
        kept[name] = _listing(kept[name], name, left)
    by_part = {part: {name: kept[name] for name in sorted(kept) if _part(name) is part} for part in Part}
    return Golden(
        esf_version=export.esf_version,
        snapshot=kept[latest],
        dpa=next(iter(by_part[Part.DPA].values()), b""),
        packages={name.rsplit("/", 1)[1]: content for name, content in by_part[Part.PACKAGE].items()},
        policy=next(iter(by_part[Part.POLICY].values()), None),
        network={GuestPath(f"/{name}"): content for name, content in by_part[Part.NETWORK].items()},
        links={GuestPath(f"/{name}"): target for name, target in sorted(links.items())},
        refused=tuple(sorted(refused)),
        missing=tuple(missing(kept, layout)),
        sha256=_digest(
            export.esf_version, (item for item in items if item.key not in staying), downloaded.snapshot, links
        ),
        warnings=(*export.warnings, *warnings),
        product=export.product,
        snapshot_name=latest,
        snapshot_lines=_lines(downloaded.snapshot),
        snapshot_left=_left(downloaded.snapshot, dropped),
    )


def _travels(item: Item, lock: Lock) -> bool:
    decision = decision_of(item, lock)
    return decision is Decision.TRAVELS or (decision is Decision.UNDECIDED and Decision.TRAVELS in item.allowed)


def _part(name: str) -> Part | None:
    listed = wanted(name)
    return listed.item if listed else None


def _snapshot(content: bytes, name: str) -> esf_snapshot.Loaded:
    # Which properties are lost does not depend on the generation; how the file's lines are read does, and a download
    # is read with its line ends.
    return esf_snapshot.read(content, "A", f"golden: {name}")


def _lines(snapshot: esf_snapshot.Snapshot | None) -> dict[tuple[str, str], int]:
    """Where settings stand in what was downloaded; what travels of it is written anew."""
    found = snapshot.configurations if snapshot else ()
    return {(component.pid, prop.name): prop.line for component in found for prop in component.properties}


def _left(snapshot: esf_snapshot.Snapshot | None, dropped: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What can still be asked of settings that are taken out: whether another place says the same."""
    return {
        (component.pid, prop.name): comparable(prop.text)
        for component in (snapshot.configurations if snapshot else ())
        for prop in component.properties
        if (component.pid, prop.name) in dropped
    }


def _without(content: bytes, name: str, dropped: set[tuple[str, str]]) -> bytes:
    """The snapshot without some settings; the very bytes when none of them is in it."""
    snapshot = _snapshot(content, name).snapshot
    if snapshot is None or not dropped:
        return content
    for pid in sorted({pid for pid, _ in dropped}):
        configuration = snapshot.by_pid[pid]
        snapshot = snapshot.with_configuration(configuration.without(name for owner, name in dropped if owner == pid))
    return esf_snapshot.render(snapshot)


def _listing(content: bytes, name: str, left: set[str]) -> bytes:
    """The list of packages without those that stay behind: the gateway would look for them at every boot (A:170)."""
    if not left:
        return content
    listing = Properties.parse(content, f"golden: {name}")
    for key, url in listing.items():
        if url.rsplit("/", 1)[-1] in left:
            listing = listing.without(key)
    return listing.render()


def _mandatory(kept: Mapping[str, bytes], source: str) -> Iterator[Problem]:
    parts = [_part(name) for name in sorted(kept)]
    if Part.SNAPSHOT not in parts:
        yield Problem(
            f"{source}: has no snapshot_<id>.xml at its root (A:137)",
            "download the latest snapshot from the golden sample's console and put it there under its own name",
        )
    if Part.PACKAGE in parts and Part.DPA not in parts:
        yield Problem(
            f"{source}: has deployment packages, but no dpa.properties that lists them (A:170)",
            "copy dpa.properties from the golden sample into the export",
        )
    packages = [name.rsplit("/", 1)[1] for name in kept if _part(name) is Part.PACKAGE]
    for twin in sorted({name for name in packages if packages.count(name) > 1}):
        yield Problem(f"{source}: {twin}: in two directories of packages", "take one of the two out")
    for part in (Part.DPA, Part.POLICY):
        found = [name for name in sorted(kept) if _part(name) is part]
        if len(found) > 1:
            yield Problem(f"{source}: {' and '.join(found)}: only one can be meant", "take the other one out")


def _digest(
    version: str, items: Iterable[Item], downloaded: esf_snapshot.Snapshot | None, links: Mapping[str, str]
) -> str:
    """Over what travels and is no secret; of secrets, over their names only, since whoever guesses could test it here.

    What stays behind changes no image and so not the digest, nor does the number in the snapshot's name.
    """
    told = [
        [item.key.kind, item.key.pid, item.key.name, item.digest]
        for item in sorted(items)
        if item.key.kind is not Kind.LINK and _part(item.key.name) is not Part.SNAPSHOT
    ]
    found = downloaded.configurations if downloaded else ()
    told += [["component", component.pid, "", ""] for component in found if not component.properties]
    told += [[Kind.LINK, "", path, digest_of(target.encode())] for path, target in sorted(links.items())]
    return hashlib.sha256(canonical_json.dumps({"version": version, "travels": told})).hexdigest()
