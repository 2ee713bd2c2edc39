"""Builds everything a second time, in a private place, and compares it byte by byte with what is published."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.build import reading
from pipeline.build.base import build_base
from pipeline.build.inspecting import inspect_vanilla
from pipeline.build.signing import STATEMENT, describe_gateway
from pipeline.build.stamping import stamp_gateway
from pipeline.errors import Problem, raise_if_any
from pipeline.host.progress import Say
from pipeline.host.scratch import scratch_directory
from pipeline.host.workspace import Workspace
from pipeline.image.containers import unpack
from pipeline.image.containers.sniff import head_of, what_is
from pipeline.image.containers.sparse import SparseWriter, open_private
from pipeline.image.read.block_owner import BLOCK, owners_of
from pipeline.image.write.repeatable import REPEATS
from pipeline.model.disk import Disk
from pipeline.verification.delivery import PROVENANCE, image_in

_DESCRIBED = ("image.bmap", "manifest.json", "sbom.cdx.json", "sbom.spdx.json")
_REMEDY = "report it with the block: the manifest's tools say which programs made the image"
_PIECE = 1 << 20


def build_twice(workspace: Workspace, say: Say) -> None:
    """Inspect, build the base, stamp and describe every gateway again, and compare; nothing of it stays.

    No key is used: manifests and statements are compared before they are signed.

    Raises:
        PipelineError: each file that differs, with its first differing block and whose that is.
    """
    names = tuple(reading.gateways_of(workspace))
    release = reading.release_of(workspace)
    with scratch_directory("twice-", workspace.state / "appliance") as place:
        again = Workspace(workspace.root, place)
        inspect_vanilla(again, say)
        build_base(again, say)
        disk = reading.inputs_of(again).vanilla.disk
        problems = list(_images_differ("base image", workspace.base, again.base, disk))
        for name in names:
            stamp_gateway(again, name, say)
            describe_gateway(again, name, say)
            problems += _gateway_differs(workspace.result(release.name, name), again.candidate(name), disk, place, say)
            (again.candidate(name) / "image.img").unlink()  # a thousand would not fit
    by = workspace.base_writer.read_text()
    raise_if_any(problem if by == REPEATS else Problem(problem.what, f"by {by}") for problem in problems)
    files = len(_DESCRIBED) + 2
    say(f"built twice: the base image and {len(names)} gateways, {files} files each, are identical byte by byte")


def _gateway_differs(published: Path, again: Path, disk: Disk, place: Path, say: Say) -> Iterator[Problem]:
    name = published.name
    image = image_in(published)
    if image is None:
        yield Problem(f"{name}: no image is published to compare with", "doit build")
        return
    if image.suffix != ".img":
        say(f"{name}: unpacking the published image")
        image = _unpacked(image, place / "published.img")
    yield from _images_differ(f"{name}: image.img", image, again / "image.img", disk)
    for file in _DESCRIBED:
        if (published / file).read_bytes() != (again / file).read_bytes():
            yield Problem(f"{name}: {file} differs from that of the second build", _REMEDY)
    envelope = json.loads((published / PROVENANCE).read_bytes())
    if base64.b64decode(envelope["payload"]) != (again / STATEMENT).read_bytes():
        yield Problem(f"{name}: the statement in {PROVENANCE} differs from that of the second build", _REMEDY)


def _unpacked(image: Path, target: Path) -> Path:
    with open_private(target) as stream:
        writer = SparseWriter(stream)
        for piece in unpack.pieces(image, what_is(head_of(image))):
            writer.write(piece)
        writer.finish()
    return target


def _images_differ(name: str, one: Path, other: Path, disk: Disk) -> Iterator[Problem]:
    """Where two images differ first, how much does, and whose it is."""
    sizes = one.stat().st_size, other.stat().st_size
    if sizes[0] != sizes[1]:
        yield Problem(f"{name}: {sizes[0]} bytes, built again {sizes[1]}", _REMEDY)
        return
    blocks = list(_differing_blocks(one, other))
    if blocks:
        owners = "; ".join(owner.text for owner in owners_of(one, disk, blocks[0]))
        more = f", and {len(blocks) - 1} blocks more" if len(blocks) > 1 else ""
        yield Problem(f"{name}: block {blocks[0]} of {BLOCK} bytes differs: {owners}{more}", _REMEDY)


def _differing_blocks(one: Path, other: Path) -> Iterator[int]:
    """Numbers of the blocks that are not the same in two files of one size."""
    with one.open("rb") as ours, other.open("rb") as theirs:
        for place in range(0, os.fstat(ours.fileno()).st_size, _PIECE):
            first, second = ours.read(_PIECE), theirs.read(_PIECE)
            if first != second:
                for at in range(0, len(first), BLOCK):
                    if first[at : at + BLOCK] != second[at : at + BLOCK]:
                        yield (place + at) // BLOCK
