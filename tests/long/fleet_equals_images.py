"""Every gateway of a release of deltas is, byte for byte, the image that stamping a whole copy of the base gives.

    python -m tests.long.fleet_equals_images WORKSPACE [GATEWAYS]

The workspace has built its release in the form `fleet`. Each gateway is planned again and stamped on a full copy of the
base, as the form `images` does; that copy is compared block by block with base and published delta, and its hash tree
with the signed root. Outside CI: a copy of half a gigabyte for each gateway.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from pipeline.build import reading
from pipeline.build.base import base_tree_of
from pipeline.build.planned import device_plan_of
from pipeline.host.workspace import Workspace
from pipeline.image.containers import delta, prepare
from pipeline.image.read.hash_tree import hash_tree_of
from pipeline.image.write import stamp

BLOCK = 4096
_PIECE = 1 << 20


def same(stamped: Path, base: Path, blocks: dict[int, bytes]) -> bool:
    """Whether base with the delta over it is the stamped image."""
    size = stamped.stat().st_size
    with stamped.open("rb") as left, base.open("rb") as right:
        for place in range(0, size, _PIECE):
            length = min(_PIECE, size - place)
            mine = bytearray(os.pread(right.fileno(), length, place))
            for number in range(place // BLOCK, -(-(place + length) // BLOCK)):
                if number in blocks:
                    at = number * BLOCK - place
                    mine[at : at + len(blocks[number])] = blocks[number]
            if os.pread(left.fileno(), length, place) != mine:
                return False
    return True


def main(arguments: list[str]) -> None:
    """Compare and print; status 1 where one differs."""
    root = Path(arguments[0]).resolve()
    os.chdir(root)
    workspace = Workspace(root)
    inputs, tree = reading.inputs_of(workspace), base_tree_of(workspace)
    results = workspace.results(inputs.release.name)
    names = sorted(reading.gateways_of(workspace))[: int(arguments[1]) if len(arguments) > 1 else None]
    different = []
    for name in names:
        packed = delta.Delta(*((results / name / file).read_bytes() for file in (delta.IMAGE, delta.MAP)))
        with tempfile.TemporaryDirectory(dir=workspace.state) as scratch:
            image = Path(scratch) / "image.img"
            prepare.copy_sparse(workspace.base, image)
            stamp.stamp(
                image, inputs.vanilla.disk, tree, device_plan_of(workspace, name).layer,
                epoch=inputs.release.epoch, state_dir=Path(scratch), lasting=False,
            )  # fmt: skip
            blocks = dict(delta.unpack(packed, size=image.stat().st_size, name=name))
            signed = json.loads((results / name / "manifest.json").read_bytes())["image"]["root"]
            if not same(image, workspace.base, blocks) or hash_tree_of(image).root != signed:
                different.append(name)
                print(f"{name}: differs", flush=True)
    print(f"{len(names)} gateways, {len(different)} differ")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
