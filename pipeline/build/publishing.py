"""Verify and publish: verifies every complete candidate afresh and publishes in ``out/`` only those that pass."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipeline.build import reading
from pipeline.build.checks.comparing import OWN, clones_of_published, own_note
from pipeline.build.checks.leaks import require_no_leaks
from pipeline.build.keys import device_key
from pipeline.build.placement import (
    foreign_things,
    is_same_file_system,
    is_stray,
    put_directory,
    put_file,
    require_place,
    take_away,
)
from pipeline.build.release.reports import CHECKS, write_reports
from pipeline.build.release.signing import OF_RELEASE, forget_release, forget_statement, sign_release
from pipeline.build.sweeping import sweep_results
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host.digests import sha256_of, write_atomically
from pipeline.host.locks import one_at_a_time
from pipeline.host.progress import Say
from pipeline.host.records import Record, is_current, read_record, write_record
from pipeline.host.workspace import STAGING, Workspace
from pipeline.image.containers.compress import compress
from pipeline.model.release import Release
from pipeline.model.verdict import Verdict
from pipeline.report.text.console import verdict_lines
from pipeline.verification import verify_paths
from pipeline.verification.delivery import OF_GATEWAY
from pipeline.verification.uniqueness import Uniqueness

_STAT_BLOCK = 512  # bytes: the unit of st_blocks (stat(2))
_FILES = (
    "image.img",
    "image.bmap",
    "manifest.json",
    "manifest.json.sig",
    "provenance.json",
    "sbom.cdx.json",
    "sbom.spdx.json",
)


def is_published(workspace: Workspace, name: str) -> bool:
    """Whether ``out/`` holds this gateway's verified image of the inputs as they are now, untouched."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    return is_current(workspace.record(f"publish-{name}"), key)


def verify_and_publish(workspace: Workspace, name: str, say: Say) -> None:
    """Verify every candidate that is complete, in one launch of the appliance, and publish those that pass.

    The other workers of a parallel build wait here and then find their gateway published.
    """
    with one_at_a_time(workspace.state / "verify.lock"):
        if is_published(workspace, name):
            return
        waiting = [candidate for candidate in reading.gateways_of(workspace) if _is_complete(workspace, candidate)]
        release = reading.release_of(workspace)
        signers = workspace.state / "allowed_signers"
        write_atomically(signers, reading.allowed_signers_of(workspace), 0o644)
        require_publishable(workspace, waiting)
        say(f"verifying {', '.join(waiting)}: opening each image afresh, read-only")
        for candidate in waiting:
            _drop_unsigned(workspace, candidate)
        known = Uniqueness()
        verdicts = verify_paths(
            [workspace.candidate(candidate) for candidate in waiting],
            allowed_signers=signers,
            identity=None,
            deep=False,
            state_dir=workspace.state / "appliance",
            say=say,
            uniqueness=known,
        )
        clones = clones_of_published(workspace, known, (verdict.gateway for verdict in verdicts if verdict.passed))
        for verdict in verdicts:
            if verdict.passed:
                raise_if_any(clones[verdict.gateway])
                image = workspace.candidate(verdict.gateway) / "image.img"
                searched = require_no_leaks(workspace, verdict.gateway, image, say)
                notes = {
                    CHECKS: "\n".join([*verdict.checks, searched]),
                    OWN: own_note(workspace, known, verdict.gateway),
                }
                _publish(workspace, release, verdict.gateway, notes, say)
        _refuse(verdicts, name)


def _drop_unsigned(workspace: Workspace, name: str) -> None:
    """Take away what a killed step left beside the files that were signed."""
    signed = read_record(workspace.record(f"sign-{name}"))
    for path in workspace.candidate(name).iterdir():
        if signed is not None and str(path) not in signed.outputs:
            path.unlink()


def _is_complete(workspace: Workspace, name: str) -> bool:
    key = device_key(workspace, reading.gateway_of(workspace, name))
    return not is_published(workspace, name) and is_current(workspace.record(f"sign-{name}"), key)


def _refuse(verdicts: tuple[Verdict, ...], name: str) -> None:
    """Fail the task of one gateway if its image deviates; the others' tasks speak for themselves."""
    for verdict in verdicts:
        if verdict.gateway == name and not verdict.passed:
            raise PipelineError.of(
                Problem(line, "nothing was published; build again, and report it if it stays")
                for line in verdict_lines(verdict)[:10]
            )
    if name not in {verdict.gateway for verdict in verdicts}:
        raise PipelineError(f"{name}: its inputs changed while it was built", "start the build again")


def _publish(workspace: Workspace, release: Release, name: str, notes: Mapping[str, str], say: Say) -> None:
    """Move a verified candidate to its place, in exchange for the old one; only whole directories are ever seen."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    signed = read_record(workspace.record(f"sign-{name}"))
    if signed is None or signed.key != key:
        raise PipelineError(f"{name}: its inputs changed while it was verified", "start the build again")
    candidate, place = workspace.candidate(name), workspace.result(release.name, name)
    known = _known(candidate, place, signed)
    if release.output.compress != "none":
        say(f"{name}: compressing the image")
        compress(candidate / "image.img", release.output.compress)
    workspace.results(release.name).mkdir(parents=True, exist_ok=True)
    workspace.record(f"publish-{name}").unlink(missing_ok=True)
    workspace.record("release").unlink(missing_ok=True)
    forget_release(workspace)
    put_directory(candidate, place, workspace.stages(release.name))
    files = sorted(path for path in place.iterdir() if path.is_file())
    write_record(
        workspace.record(f"publish-{name}"),
        key,
        files,
        notes=notes,
        known={p: known[p] for p in files if p in known},
    )
    for step in ("stamp", "describe", "sign"):
        workspace.record(f"{step}-{name}").unlink(missing_ok=True)
    if not _unrecorded(workspace):
        write_sums(workspace)
    say(f"{name}: verified, {place.relative_to(workspace.root)}")


def _unrecorded(workspace: Workspace) -> list[str]:
    """Gateways whose former image is published and about to be replaced: sums that leave it out would be wrong."""
    results = workspace.results(reading.release_of(workspace).name)
    return [
        name
        for name in reading.gateways_of(workspace)
        if os.path.lexists(results / name) and read_record(workspace.record(f"publish-{name}")) is None
    ]


def require_publishable(workspace: Workspace, names: Iterable[str] | None = None) -> None:
    """Say before any work what would keep its result out of ``out/``.

    Args:
        names: gateways that are about to be made; None for all.

    Raises:
        PipelineError: every place that cannot be written to, is in people's use, or is too full.
    """
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    gateways = reading.gateways_of(workspace)
    replaced = {name: _names_of(workspace, name) for name in (gateways if names is None else names)}
    waiting = sum(not workspace.record(f"publish-{name}").exists() for name in gateways)
    # Before there is a base, a gateway's image takes about what the vanilla disk does.
    known = next((image for image in (workspace.base, workspace.raw) if image.exists()), None)
    need = 0
    if known is not None and not is_same_file_system(known, results):
        need = waiting * known.stat().st_blocks * _STAT_BLOCK
    require_place(results, replaced, OF_RELEASE, need)


def _names_of(workspace: Workspace, name: str) -> set[str]:
    """Names in a gateway's directory that are ours."""
    record = read_record(workspace.record(f"publish-{name}"))
    return {*OF_GATEWAY, *(Path(path).name for path in (record.outputs if record is not None else ()))}


def _known(candidate: Path, place: Path, signed: Record) -> dict[Path, str]:
    """Digests from the signing step, under the names the files are going to have."""
    return {
        place / name: signed.outputs[str(candidate / name)].sha256
        for name in _FILES
        if str(candidate / name) in signed.outputs
    }


def write_sums(workspace: Workspace) -> None:
    """``SHA256SUMS`` over every published file of the release, the signers, and the reports that are there."""
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    stages = workspace.stages(release.name)
    put_file(results / "allowed_signers", reading.allowed_signers_of(workspace), 0o644, stages)
    lines = [
        f"{sha256_of(results / name)}  {name}"
        for name in OF_RELEASE
        if name != "SHA256SUMS" and (results / name).is_file()
    ]
    for name in sorted(reading.gateways_of(workspace)):
        record = read_record(workspace.record(f"publish-{name}"))
        if record is not None:
            lines += [f"{output.sha256}  {name}/{Path(path).name}" for path, output in record.outputs.items()]
    sums = "".join(f"{line}\n" for line in sorted(lines, key=_name))
    put_file(results / "SHA256SUMS", sums.encode(), 0o644, stages)


def _name(line: str) -> str:
    return line[66:]


def is_released(workspace: Workspace) -> bool:
    """Whether the release directory holds every gateway of the inventory, the right reports and sums, no stray of ours.

    What people put there beside them is not looked at.
    """
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    names = set(reading.gateways_of(workspace))
    if not results.is_dir() or not all(is_published(workspace, name) for name in names):
        return False
    if any(is_stray(path.name) or path.name == STAGING for path in (*results.iterdir(), *results.glob("*/.*"))):
        return False
    if _retired(workspace):
        return False
    record = read_record(workspace.record("release"))
    return record is not None and is_current(workspace.record("release"), record.key)


def _retired(workspace: Workspace) -> list[Path]:
    """Directories of gateways that were published here and are no longer in the inventory."""
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    names = set(reading.gateways_of(workspace))
    return [
        path
        for path in (sorted(results.iterdir()) if results.is_dir() else ())
        if path.name not in names
        and path.is_dir()
        and not path.is_symlink()
        and read_record(workspace.record(f"publish-{path.name}")) is not None
        and not foreign_things(path, _names_of(workspace, path.name))
    ]


def _forget_retired(workspace: Workspace, results: Path, names: Collection[str]) -> None:
    """Records of gateways that are neither in the inventory nor in the release."""
    records = workspace.record("any").parent
    for record in sorted(records.glob("publish-*.json")):
        name = record.stem.removeprefix("publish-")
        if name not in names and not os.path.lexists(results / name):
            record.unlink()


def finish_release(workspace: Workspace, say: Say) -> None:
    """Take away gateways that are no longer in the inventory, then write the release's reports and sums."""
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    names = set(reading.gateways_of(workspace))
    workspace.record("release").unlink(missing_ok=True)
    forget_statement(workspace)
    for path in _retired(workspace):
        say(f"{path.name}: no longer in {release.devices}, removed from the release")
        take_away(path, workspace.stages(release.name))
    _forget_retired(workspace, results, names)
    sweep_results(results)
    write_reports(workspace, say)
    write_sums(workspace)
    sign_release(workspace)
    write_sums(workspace)
    write_record(workspace.record("release"), release.name, [results / name for name in OF_RELEASE])
    for path in foreign_things(results, {*names, *OF_RELEASE}):
        say(f"{path.relative_to(workspace.root)}: not part of this release, left alone; doit verify will name it")
    say(f"release {release.name}: {len(names)} gateways, all verified, in {results.relative_to(workspace.root)}")
