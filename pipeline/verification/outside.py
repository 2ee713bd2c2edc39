"""What belongs to an image and lies in none of its files: raw regions, and files delivered beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.image.read.raw_region import read_regions
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest, SidecarFact
from pipeline.model.outside.sidecar import ENVIRONMENTS
from pipeline.model.rule import Expected
from pipeline.model.verdict import Finding
from pipeline.rules.boot.bootloader import raw_regions
from pipeline.verification.beside import read_beside

_LARGEST = 32 << 20  # bytes; twice what gateway.toml accepts for an environment


def with_outside(view: ImageView, expected: Expected, image: Path, directory: Path) -> ImageView:
    """The view with what lies outside all file systems, as decisions or the image itself say where.

    Args:
        image: the raw image.
        directory: where the files delivered with it lie.
    """
    regions = raw_regions(view, expected)
    beside = {}
    if expected.environment_outside:
        read = {name: read_beside(directory / name, _LARGEST) for name in ENVIRONMENTS}
        beside = {name: content for name, content in read.items() if isinstance(content, bytes)}
    return replace(view, raw=read_regions(image, regions) if regions else {}, beside=beside)


def compare_regions(manifest: Manifest, image: Path) -> Iterator[Finding]:
    """The raw regions the build wrote, one by one: the image's digest only says that something differs."""
    seen = read_regions(image, [fact.region for fact in manifest.raw])
    for fact in manifest.raw:
        digest = hashlib.sha256(seen[fact.region]).hexdigest()
        if digest != fact.sha256:
            yield Finding(str(fact.region), "content", f"sha256:{fact.sha256}", f"sha256:{digest}")


def compare_sidecars(manifest: Manifest, directory: Path) -> Iterator[Finding]:
    """Every file the manifest says is delivered beside the image."""
    for fact in manifest.sidecars:
        yield from _compare(fact, read_beside(directory / fact.file, _LARGEST))


def _compare(fact: SidecarFact, content: bytes | Finding | None) -> Iterator[Finding]:
    if content is None:
        yield Finding(fact.file, "missing", f"{fact.size} bytes for {fact.device}", "not there")
    elif isinstance(content, Finding):
        yield content
    else:
        digest = hashlib.sha256(content).hexdigest()
        if digest != fact.sha256:
            yield Finding(fact.file, "content", f"sha256:{fact.sha256}", f"sha256:{digest}")
