"""``SHA256SUMS`` of a release: every file of it is listed, is there, and is the one listed."""

from __future__ import annotations

import io
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.digests import sha256_of
from pipeline.manifest import ReleaseStatement, release_from_bytes
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.verification.beside import read_beside
from pipeline.verification.delivery import BASE, RELEASE, RELEASE_SIGNATURE, SUMS, Delivery
from pipeline.verification.trust import read_signed_release

_LARGEST = 16 << 20  # bytes; the list of a release of ten thousand gateways has nine million
_MOST_NAMED = 20
_MOST_TOLD = 200
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\0]+(?:/[^/\\\0]+)*)")


def read_sums(release: Path) -> tuple[Mapping[str, str], tuple[Finding, ...]]:
    """Digest by path relative to the release, and what is wrong with the file itself."""
    content = read_beside(release / SUMS, _LARGEST)
    if content is None:
        return {}, (Finding(SUMS, "readable", "a list of digests", "not there", Outcome.NOT_LOOKED),)
    if isinstance(content, Finding):
        return {}, (Finding(SUMS, "readable", "a list of digests", content.seen, Outcome.NOT_LOOKED),)
    sums: dict[str, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(io.BytesIO(content), 1):
        found = _LINE.fullmatch(line.decode("utf-8", "backslashreplace").rstrip("\n"))
        if found is None or found[2] in sums or ".." in found[2].split("/"):
            findings.append(
                Finding(SUMS, "format", "digest and path, each path once", f"line {number}: {ascii(line[:120])[2:-1]}")
            )
            if len(findings) == _MOST_NAMED:
                break  # it is no list; what else is wrong with it does not matter
        else:
            sums[found[2]] = found[1]
    return sums, tuple(findings)


def promised_by_signer(
    release: Path, allowed_signers: Path, identity: str | None, at: int | None
) -> tuple[Mapping[str, str] | None, tuple[Finding, ...]]:
    """Digest of every file by path relative to the release, as its signed statement says.

    Returns:
        None where there is no statement to be believed, with what is wrong with one that is there.
    """
    if not (os.path.lexists(release / RELEASE) or os.path.lexists(release / RELEASE_SIGNATURE)):
        return None, ()  # releases of a time before there was one
    signed = read_signed_release(release, allowed_signers, identity, at)
    if signed.content is None:
        return None, signed.findings
    try:
        return release_from_bytes(signed.content, name=RELEASE).digests, signed.findings
    except PipelineError as error:
        return None, tuple(Finding(RELEASE, "format", "", problem.what) for problem in error.problems)


def few(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first of them, and how many more: a list of a million false lines is one thing that is wrong."""
    waiting = iter(findings)
    yield from itertools.islice(waiting, _MOST_TOLD)
    more = sum(1 for _ in waiting)
    if more:
        yield Finding(SUMS, "further", "nothing else", f"{more} more of the same kind")


def check_gateway(delivery: Delivery, sums: Mapping[str, str], image_digest: str | None) -> Iterator[Finding]:
    """The files of one gateway against the list; the image is not read again when its digest is known."""
    listed = {path: digest for path, digest in sums.items() if path.split("/")[0] == delivery.directory.name}
    for path in sorted(delivery.directory.iterdir()):
        name = f"{delivery.directory.name}/{path.name}"
        if name not in listed:
            yield Finding(name, "extra", f"listed in {SUMS}", "not listed")
            continue
        wanted = listed.pop(name)
        if not path.is_file():
            yield Finding(name, "type", "a regular file", "something else")
            continue
        try:
            seen = image_digest if path == delivery.image and image_digest is not None else sha256_of(path)
        except PipelineError as error:
            yield Finding(name, SUMS, wanted, error.problems[0].what, Outcome.NOT_LOOKED)
            continue
        if seen != wanted:
            yield Finding(name, SUMS, wanted, seen)
    yield from few(Finding(name, "missing", f"listed in {SUMS}", "not there") for name in sorted(listed))


def check_release(
    release: Path,
    releases: Mapping[str, str],
    allowed_signers: Path,
    identity: str | None = None,
    at: int | None = None,
) -> Verdict:
    """The release as a whole: what no single gateway can show.

    Args:
        releases: the release each gateway's verified manifest names, by directory.
        allowed_signers / identity / at: who may have signed the statement of the release, judged when.
    """
    sums, wrong = read_sums(release)
    findings = list(wrong)
    listed = {path.split("/")[0] for path in sums}
    present = {path.name for path in release.iterdir()} - {SUMS}
    findings += few(Finding(name, "missing", f"listed in {SUMS}", "not there") for name in sorted(listed - present))
    findings += few(Finding(name, "extra", f"listed in {SUMS}", "not listed") for name in sorted(present - listed))
    findings += few(_loose_files(release, sums))
    signed = read_signed_release(release, allowed_signers, identity, at)
    findings += signed.findings
    checks = [f"{SUMS}: {len(sums)} files"]
    if signed.content is not None:
        try:
            statement = release_from_bytes(signed.content, name=RELEASE)
        except PipelineError as error:
            findings += [Finding(RELEASE, "format", "", problem.what) for problem in error.problems]
        else:
            findings += few(_against(statement, sums))
            releases = {RELEASE: statement.release, **releases}
            checks.append(f"{RELEASE}: {signed.check}, {len(statement.gateways.keys() - {BASE})} gateways, all files")
    names = sorted(set(releases.values()))
    if len(names) > 1:
        findings += [
            Finding(gateway, "release", "one release in one directory", f"belongs to {name}")
            for gateway, name in sorted(releases.items())
        ]
    gateways = len([name for name in releases if name != RELEASE])
    return Verdict(release.name, tuple(findings), (*checks, f"{gateways} gateways of one release"))


def _against(statement: ReleaseStatement, sums: Mapping[str, str]) -> Iterator[Finding]:
    """The list that nobody signed, which the files were compared with, against the one that was signed."""
    signed = statement.digests
    unsigned = {SUMS, RELEASE, RELEASE_SIGNATURE}
    for name in sorted(signed.keys() - sums.keys()):
        yield Finding(name, "missing", f"covered by {RELEASE}", f"not in {SUMS}")
    for name in sorted(sums.keys() - signed.keys() - unsigned):
        yield Finding(name, "extra", f"covered by {RELEASE}", "not covered")
    for name in sorted(sums.keys() & signed.keys()):
        if sums[name] != signed[name]:
            yield Finding(name, RELEASE, signed[name], sums[name])


def _loose_files(release: Path, sums: Mapping[str, str]) -> Iterable[Finding]:
    for name, wanted in sorted(sums.items()):
        if "/" in name or not os.path.lexists(release / name):
            continue
        if not (release / name).is_file():  # opening a pipe would wait for ever
            yield Finding(name, "type", "a regular file", "something else")
            continue
        try:
            seen = sha256_of(release / name)
        except PipelineError as error:
            yield Finding(name, SUMS, wanted, error.problems[0].what, Outcome.NOT_LOOKED)
            continue
        if seen != wanted:
            yield Finding(name, SUMS, wanted, seen)
