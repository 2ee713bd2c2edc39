"""Compares the bills of materials beside an image with the image's own package databases, read afresh."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline import standards
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding, Outcome
from pipeline.verification.beside import read_beside
from pipeline.verification.delivery import BILLS

_WRITERS = {"sbom.cdx.json": standards.cyclonedx, "sbom.spdx.json": standards.spdx}
# A package URL wherever one of the two standards has it; canonical JSON gives each a line of its own.
_PURL = re.compile(rb'"(?:purl|referenceLocator)": "(pkg:[^"]+)"')
_MOST_NAMED = 10
_MORE = 8 << 20  # bytes a bill may have beyond what we would write: other versions use more words


def compare_bills(directory: Path, manifest: Manifest, files: Mapping[GuestPath, bytes]) -> Iterator[Finding]:
    """Every package that a bill lists and the image lacks, or the other way round.

    Their bytes are the statement's affair; here it is whether they are true. Another version of the pipeline may say
    the same in other words, so only the packages are compared.

    Args:
        files: what was read of the image, its package databases among it.
    """
    present = [name for name in BILLS if (directory / name).is_file()]
    if not present:
        return
    try:
        packages = standards.installed_packages(files)
    except PipelineError as error:
        yield Finding(present[0], "packages", "", error.problems[0].what, Outcome.NOT_LOOKED)
        return
    for name in present:
        expected = _WRITERS[name](manifest, packages)
        seen = read_beside(directory / name, len(expected) + _MORE)
        if isinstance(seen, Finding):
            yield seen
        elif seen is not None and seen != expected:
            yield from _differ(name, expected, seen)


def _differ(name: str, expected: bytes, seen: bytes) -> Iterator[Finding]:
    wanted, listed = (Counter(_PURL.findall(content)) for content in (expected, seen))
    lacking, extra = sorted((wanted - listed).elements()), sorted((listed - wanted).elements())
    for purl in lacking[:_MOST_NAMED]:
        yield Finding(name, "packages", f"lists {_text(purl)}, which is installed", "does not")
    for purl in extra[:_MOST_NAMED]:
        yield Finding(name, "packages", f"{_text(purl)} in the image", "only listed")


def _text(purl: bytes) -> str:
    return purl.decode("ascii", "backslashreplace")
