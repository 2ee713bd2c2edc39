"""Explains paths, lines, settings and blocks of a finished image by its manifest and, where it is there, the image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.named_files import read_named
from pipeline.host.progress import Say
from pipeline.host.scratch import temporary_directory
from pipeline.image.containers.prepare import prepare_raw
from pipeline.image.read.block_owner import BLOCK, owners_of
from pipeline.image.read.one_file import read_one
from pipeline.manifest import from_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.outside.raw_region import Region
from pipeline.model.tree import Kind
from pipeline.report.text.explanation import explanation, region_explanation
from pipeline.report.text.line_explanation import line_text, property_text, snapshot_path
from pipeline.report.text.plain import plain
from pipeline.verification.delivery import COMPRESSED, MANIFEST, image_in
from pipeline.verification.trust import LARGEST_MANIFEST

_LINE = re.compile(r"(/.+):([1-9][0-9]{0,8})")


def explain_image(place: Path, paths: Sequence[str], *, block: int, setting: str, say: Say) -> Iterator[str]:
    """What there is to say, piece by piece. The manifest is taken at its word: verify first.

    Args:
        place: an image, its manifest, or the directory they lie in.
        paths: in the image, each with the number of a line behind a colon or without.
        block: of `BLOCK` bytes, less than 0 for none.
        setting: pid and name of a setting in the snapshot, empty for none.

    Raises:
        PipelineError: something is not there or cannot be read.
    """
    directory = place if place.is_dir() else place.parent
    manifest = _manifest(place if place.is_file() and place.suffix == ".json" else directory / MANIFEST)
    with ExitStack() as stack:
        image = _Image(directory if place.is_dir() or place.suffix == ".json" else place, stack, say)
        if block >= 0:
            owners = owners_of(image.raw(), manifest.disk, block)
            yield "".join(f"block {block}: {plain(owner.text)}\n" for owner in owners)
            yield region_explanation(manifest, Region(block * BLOCK, BLOCK))
            paths = [*paths, *(owner.path for owner in owners if owner.path is not None)]
        if setting:
            path = snapshot_path(manifest)
            yield property_text(manifest, path, read_one(image.raw(), manifest.disk, path), setting)
        for path_text in paths:
            yield _explained(manifest, image, path_text)


def _explained(manifest: Manifest, image: _Image, text: str) -> str:
    found = _LINE.fullmatch(text)
    if found is None or text in manifest.tree.nodes or text in manifest.changes:
        return explanation(manifest, text)
    asked = GuestPath(found[1])
    path = asked if asked in manifest.changes else manifest.tree.resolve(asked)
    node = manifest.tree.get(path)
    if node is None or node.kind is not Kind.FILE:
        return explanation(manifest, found[1])
    content = read_one(image.raw(), manifest.disk, path) if image.is_there else None
    return line_text(manifest, path, int(found[2]), content)


class _Image:
    """The raw image, unpacked when it is first asked for."""

    def __init__(self, place: Path, stack: ExitStack, say: Say) -> None:
        self._file = image_in(place) if place.is_dir() else place
        self._place, self._stack, self._say = place, stack, say
        self._raw: Path | None = None

    @property
    def is_there(self) -> bool:
        return self._file is not None

    def raw(self) -> Path:
        if self._file is None:
            raise PipelineError(f"{self._place}: no image here", "name the image, or the directory it lies in")
        if self._raw is None and self._file.suffix in COMPRESSED:
            # Private, because the copy holds every secret of the image.
            directory = self._stack.enter_context(temporary_directory("explain-"))
            self._raw = Path(directory) / "image.img"
            prepare_raw(self._file, self._raw, self._say)
        return self._raw or self._file


def _manifest(file: Path) -> Manifest:
    try:
        return from_bytes(read_named(file, LARGEST_MANIFEST), name=str(file))
    except OSError as error:
        raise PipelineError(f"{file}: cannot be read: {error.strerror}", "name a gateway's directory") from None
