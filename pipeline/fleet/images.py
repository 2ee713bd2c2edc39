"""Makes whole images from the base and the deltas."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.build import reading
from pipeline.errors import PipelineError
from pipeline.fleet.base import ENTRY, base_manifest_in
from pipeline.fleet.gateway import MANIFEST
from pipeline.fleet.ledger import is_intact, read_entry
from pipeline.host.digests import sha256_of
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.containers import delta, prepare
from pipeline.image.read.hash_tree import hash_tree_of
from pipeline.manifest.format2 import read_gateway

BLOCK = 4096


def make_images(workspace: Workspace, names: Sequence[str], say: Say) -> None:
    """Write whole images of some gateways of a release of deltas, below ``.build/images``.

    What is unpacked is compared with the hash tree in the gateway's manifest.

    Raises:
        PipelineError: no gateway of this name is published, or its delta is not what its manifest says.
    """
    if not names:
        raise PipelineError("no gateway named", "doit image GATEWAY...")
    release = reading.release_of(workspace)
    results = workspace.results(release.name)
    base = base_manifest_in(results / ENTRY, workspace)
    tree = hash_tree_of(workspace.base)
    if tree.root != base.root:
        raise PipelineError(f"{workspace.base}: is not the base of {results}", "doit build")
    place = workspace.state / "images"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        reading.gateway_of(workspace, name)
        entry, directory = read_entry(workspace, name), results / name
        if entry is None or not is_intact(directory, entry):
            raise PipelineError(f"{directory}: is not what was published", "doit build")
        manifest = read_gateway((directory / MANIFEST).read_bytes(), base, name=f"{name}/{MANIFEST}")
        packed = delta.Delta((directory / delta.IMAGE).read_bytes(), (directory / delta.MAP).read_bytes())
        blocks = delta.unpack(packed, size=manifest.manifest.image.size, name=name)
        if tree.root_with(blocks) != manifest.root:
            raise PipelineError(
                f"{name}: base and delta do not make the image that its manifest describes", "doit build"
            )
        materialise(workspace.base, blocks, place / f"{name}.img")
        say(
            f"{name}: {(place / f'{name}.img').relative_to(workspace.root)}, SHA-256 {sha256_of(place / f'{name}.img')}"
        )


def materialise(base: Path, blocks: Mapping[int, bytes], target: Path) -> None:
    """Write a whole image; it has its name when it is complete.

    Raises:
        PipelineError: the disk is full.
    """
    growing = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        prepare.copy_sparse(base, growing)
        with growing.open("r+b") as stream:
            for number, block in blocks.items():
                os.pwrite(stream.fileno(), block, number * BLOCK)
            os.fsync(stream.fileno())
        growing.replace(target)
    except OSError as error:
        raise PipelineError(f"{target}: cannot be written: {error.strerror}", "free some space") from None
    finally:
        growing.unlink(missing_ok=True)
