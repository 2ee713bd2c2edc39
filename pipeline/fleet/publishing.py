"""Publishes a release of deltas in ``out/``: complete directories, then reports, sums and one signature."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.build import reading
from pipeline.build.checks.comparing import GOLDEN, golden_own_values, own_values_in
from pipeline.build.placement import PLACING, is_stray, put_directory, put_file, require_place, take_away
from pipeline.build.release.reports import WRITERS, require_waivers_used
from pipeline.build.release.signing import OF_RELEASE, forget_release, sign_statement
from pipeline.build.sweeping import sweep_results
from pipeline.errors import Problem, raise_if_any
from pipeline.fleet.base import ENTRY, require_seen
from pipeline.fleet.context import Context
from pipeline.fleet.gateway import MANIFEST
from pipeline.fleet.ledger import forget_entry, is_intact, known_names, read_entry, write_entry
from pipeline.fleet.unpacker import UNPACKER, unpacker
from pipeline.host.digests import sha256_of
from pipeline.host.progress import Say
from pipeline.host.records import is_current, read_record, write_record
from pipeline.host.workspace import Workspace
from pipeline.image.witness.looking import Readers
from pipeline.manifest import ReleaseStatement, release_to_bytes
from pipeline.manifest.format2 import BaseManifest, read_gateway
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Verdict
from pipeline.verification.delivery import RELEASE, RELEASE_SIGNATURE, SIGNERS, SUMS
from pipeline.verification.uniqueness import Uniqueness

OF_FLEET = (*OF_RELEASE, UNPACKER)
"""Files of a release directory that belong to no single gateway."""


def require_publishable(workspace: Workspace, names: Sequence[str]) -> None:
    """Say before any work what would keep its result out of ``out/``."""
    results = workspace.results(reading.release_of(workspace).name)
    replaced = {}
    for name in (ENTRY, *names):
        entry = read_entry(workspace, name)
        if not (results / name).is_dir() or (entry is not None and is_in_release(workspace, name)):
            continue
        replaced[name] = {path.name for path in (results / name).iterdir()} if entry is None else set(entry.files)
    require_place(results, replaced, OF_FLEET, 0)


def is_in_release(workspace: Workspace, name: str) -> bool:
    """Whether what was made has its name already."""
    return not (workspace.fleet / "candidates" / name).is_dir()


def is_published(workspace: Workspace, name: str, key: str) -> bool:
    """Whether ``out/`` holds a gateway, or the base, of the inputs as they are now, untouched."""
    entry = read_entry(workspace, name)
    place = workspace.result(reading.release_of(workspace).name, name)
    return (
        entry is not None
        and entry.key == key
        and is_in_release(workspace, name)
        and place.is_dir()
        and is_intact(place, entry)
    )


def is_released(workspace: Workspace, names: Sequence[str]) -> bool:
    """Whether reports, sums and signature are there, and no gateway that is no longer in the inventory."""
    results = workspace.results(reading.release_of(workspace).name)
    if known_names(workspace) - {ENTRY, *names} or any(is_stray(path.name) for path in results.iterdir()):
        return False
    record = read_record(workspace.record("fleet-release"))
    return record is not None and is_current(workspace.record("fleet-release"), record.key)


def look_at_base(context: Context) -> None:
    """Both readers over all of the base, every file's content too.

    Raises:
        PipelineError: what they see is not what was planned.
    """
    disk = context.inputs.vanilla.disk
    with Readers(context.workspace.base, disk, context.partitions, context.tree) as readers:
        require_seen(readers.base(digest=["*"]).findings, "base image")


def compare(workspace: Workspace, names: Sequence[str]) -> tuple[str, ...]:
    """Over the whole release, what must be one gateway's own is nobody else's; linear.

    Raises:
        PipelineError: each value that two gateways share and must not, with both; or that is the golden sample's.
    """
    known = Uniqueness()
    known.add_forbidden(GOLDEN, golden_own_values(workspace))
    for name in names:
        entry = read_entry(workspace, name)
        known.add(name, own_values_in(entry.own) if entry is not None else ())
    raise_if_any(
        Problem(
            f"{one.subject}: {one.seen}; wanted: {one.expected}",
            "give one of the two its own: see secrets given by hand, overlays, and rows of the inventory",
        )
        for one in known.all_clones()
    )
    return known.told()


def publish(
    workspace: Workspace, names: Sequence[str], fresh: Sequence[str], base: BaseManifest, searched: str, say: Say
) -> None:
    """Give every new directory its name, then write reports, sums and signature once.

    Args:
        fresh: gateways that wait to be published.
        searched: what was looked for in them and not found.
    """
    release = reading.release_of(workspace)
    results, candidates = workspace.results(release.name), workspace.fleet / "candidates"
    results.mkdir(parents=True, exist_ok=True)
    workspace.record("fleet-release").unlink(missing_ok=True)
    for name in fresh:
        entry = read_entry(workspace, name)
        if entry is not None:
            # once, also where a killed build had come as far as this
            looked = tuple(check for check in entry.checks if check != searched)
            write_entry(workspace, name, replace(entry, checks=(*looked, searched)))
    _flush(workspace.fleet)
    forget_release(workspace)
    for name in (ENTRY, *fresh):
        if (candidates / name).is_dir():
            _place(candidates / name, results / name, workspace.stages(release.name))
    for name in sorted(known_names(workspace) - {ENTRY, *names}):
        say(f"{name}: no longer in {release.devices}, removed from the release")
        if (results / name).is_dir():
            take_away(results / name, workspace.stages(release.name))
        forget_entry(workspace, name)
    sweep_results(results)
    _flush(results)
    _write_release(workspace, names, base, say)
    say(f"release {release.name}: {len(names)} gateways, all verified, in {results.relative_to(workspace.root)}")


def _place(candidate: Path, place: Path, stages: Sequence[Path]) -> None:
    """A name for a complete directory, in exchange for the one that had it.

    It waits under another name meanwhile: what has a gateway's name among the candidates is to be published.
    """
    placing = candidate.with_name(f".{candidate.name}{PLACING}")
    candidate.rename(placing)
    put_directory(placing, place, stages, flushed=True)


def _write_release(workspace: Workspace, names: Sequence[str], base: BaseManifest, say: Say) -> None:
    release = reading.release_of(workspace)
    results, stages = workspace.results(release.name), workspace.stages(release.name)
    entries = {name: entry for name in (ENTRY, *names) if (entry := read_entry(workspace, name)) is not None}
    told = compare(workspace, names)
    together = (Verdict(f"release {release.name}", (), told),) if told else ()
    verdicts = (*(Verdict(name, (), entries[name].checks) for name in sorted(names)), *together)
    manifests = tuple(_manifests(workspace, names, base))
    require_waivers_used(release, manifests)
    files = {name: write(manifests, verdicts) for name, write in WRITERS.items()}
    files |= {SIGNERS: reading.allowed_signers_of(workspace), UNPACKER: unpacker()}
    for name, content in files.items():
        put_file(results / name, content, 0o755 if name == UNPACKER else 0o644, stages)
    digests = {name: sha256_of(results / name) for name in files}
    statement = release_to_bytes(
        ReleaseStatement(release.name, release.epoch, {name: entry.files for name, entry in entries.items()}, digests)
    )
    sign_statement(workspace, statement)
    digests |= {name: sha256_of(results / name) for name in (RELEASE, RELEASE_SIGNATURE)}
    lines = [f"{digest}  {name}" for name, digest in digests.items()]
    lines += [f"{digest}  {name}/{file}" for name, entry in entries.items() for file, digest in entry.files.items()]
    sums = "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[66:]))
    put_file(results / SUMS, sums.encode(), 0o644, stages)
    write_record(workspace.record("fleet-release"), release.name, [results / name for name in OF_FLEET])
    say(f"report for people: {(results / 'report.html').relative_to(workspace.root)}")


def _manifests(workspace: Workspace, names: Sequence[str], base: BaseManifest) -> Iterator[Manifest]:
    results = workspace.results(reading.release_of(workspace).name)
    for name in sorted(names):
        found = read_gateway((results / name / MANIFEST).read_bytes(), base, name=f"{name}/{MANIFEST}")
        image = replace(found.manifest.image, sha256="", partitions={}, outside="")
        yield replace(found.manifest, image=image, tree=base.manifest.tree)


def _flush(directory: Path) -> None:
    """Flush the whole file system once: thousands of files, each by itself, would take minutes."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ctypes.CDLL(None).syncfs(handle)
    finally:
        os.close(handle)
