"""``SHA256SUMS`` of a release: every file of it is listed, is there, and is the one listed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.digests import sha256_of
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.verification.delivery import SUMS, Delivery

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\0]+(?:/[^/\\\0]+)*)")


def read_sums(release: Path) -> tuple[Mapping[str, str], tuple[Finding, ...]]:
    """Digest by path relative to the release, and what is wrong with the file itself."""
    place = release / SUMS
    if not place.is_file():
        return {}, (Finding(SUMS, "readable", "a list of digests", "not there", Outcome.NOT_LOOKED),)
    try:
        lines = place.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return {}, (Finding(SUMS, "readable", "a list of digests", type(error).__name__, Outcome.NOT_LOOKED),)
    sums: dict[str, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in sums or ".." in found[2].split("/"):
            findings.append(
                Finding(SUMS, "format", "digest and path, each path once", f"line {number}: {line[:120]!r}")
            )
        else:
            sums[found[2]] = found[1]
    return sums, tuple(findings)


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
    yield from (Finding(name, "missing", f"listed in {SUMS}", "not there") for name in sorted(listed))


def check_release(release: Path, releases: Mapping[str, str]) -> Verdict:
    """The release as a whole: what no single gateway can show.

    Args:
        releases: the release each gateway's verified manifest names, by directory.
    """
    sums, wrong = read_sums(release)
    findings = list(wrong)
    listed = {path.split("/")[0] for path in sums}
    present = {path.name for path in release.iterdir()} - {SUMS}
    findings += [Finding(name, "missing", f"listed in {SUMS}", "not there") for name in sorted(listed - present)]
    findings += [Finding(name, "extra", f"listed in {SUMS}", "not listed") for name in sorted(present - listed)]
    findings += _loose_files(release, sums)
    names = sorted(set(releases.values()))
    if len(names) > 1:
        findings += [
            Finding(gateway, "release", "one release in one directory", f"belongs to {name}")
            for gateway, name in sorted(releases.items())
        ]
    return Verdict(
        release.name, tuple(findings), (f"{SUMS}: {len(sums)} files", f"{len(releases)} gateways of one release")
    )


def _loose_files(release: Path, sums: Mapping[str, str]) -> Iterable[Finding]:
    for name, wanted in sorted(sums.items()):
        if "/" not in name and (release / name).is_file():
            seen = sha256_of(release / name)
            if seen != wanted:
                yield Finding(name, SUMS, wanted, seen)
