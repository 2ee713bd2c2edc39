"""Finds which breakages get on with each other in one image: some minutes, hence once, and kept.

    python -m tests.support.spoilt_images.plan WORKSPACE > tests/support/spoilt_images/planted_together.json

WORKSPACE is one of the demonstration, after ``doit build``. It need not be done again for every new breakage: the test
puts what it finds in no group where it fits.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.image.read.look import look_at_all
from pipeline.inputs.layout_files import load_layouts
from pipeline.inputs.release_file import read_release
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.rules.expectations import expected_of
from tests.support.media.image_files import read_file
from tests.support.spoilt_images.groups import BY_ID, Bench, Finding, own_findings
from tests.support.spoilt_images.planting import NOT_HERE, Breakage, breakages

Alone = Mapping[Breakage, frozenset[Finding]]


def benches_of(workspace: Path, gateways: Sequence[str], state: Path) -> dict[str, Bench]:
    """The finished images of a workspace in memory, as an audit sees them."""
    release = read_release(workspace / "gateway.toml", None)
    images = [workspace / "out" / release.name / gateway / "image.img" for gateway in gateways]
    views = list(look_at_all(images, load_layouts(), state_dir=state, say=lambda _: None))

    def bench(gateway: str, image: Path, view: ImageView) -> Bench:
        return Bench(gateway, view, expected_of(release), lambda path: read_file(image, path))

    return {found[0]: bench(*found) for found in zip(gateways, images, views, strict=True)}


def homes_of(benches: Mapping[str, Bench]) -> tuple[dict[str, list[Breakage]], Alone]:
    """In which gateway's image each breakage is seen, and what it makes there by itself; "" is none of them."""
    alone: dict[Breakage, frozenset[Finding]] = {}
    homes: dict[str, list[Breakage]] = {name: [] for name in ("", *benches)}
    for one in breakages():
        tried = ((name, benches[name].alone(one)) for name in (() if one.needs else one.gateways))
        home, alone[one] = next((found for found in tried if found[1]), ("", frozenset()))
        homes[home].append(one)
    return homes, alone


@dataclass
class _Image:
    members: list[Breakage]
    view: ImageView


def _packed(bench: Bench, members: Sequence[Breakage], alone: Alone) -> Iterator[list[Breakage]]:
    """First fit: after each, only those are judged again whose rules read what it touches."""
    reads = {rule: _files_read(bench, rule) for rule in BY_ID}
    touched = {one: _touched(bench, one) for one in members}
    images: list[_Image] = []
    for one in members:
        for image in images:
            together = [*image.members, one]
            near = [
                other
                for other in together
                if reads[other.rule] & touched[one]
                or touched[other] & touched[one]
                or other.rule.partition(".")[0] == one.rule.partition(".")[0]
            ]
            try:
                view = one.change(image.view)
                found = bench.findings(view, {other.rule for other in near})
            except NOT_HERE:
                continue
            if all(own_findings(other, together, alone, found) for other in near):
                image.members.append(one)
                image.view = view
                break
        else:
            images.append(_Image([one], one.change(bench.view)))
    return (image.members for image in images)


class _Noted(dict[GuestPath, bytes]):
    """Files that remember which of them were asked for."""

    def __init__(self, files: Mapping[GuestPath, bytes]) -> None:
        super().__init__(files)
        self.asked: set[GuestPath] = set()

    def get(self, path: Any, default: Any = None) -> Any:
        self.asked.add(path)
        return super().get(path, default)

    def __getitem__(self, path: GuestPath) -> bytes:
        self.asked.add(path)
        return super().__getitem__(path)


def _files_read(bench: Bench, rule: str) -> set[GuestPath]:
    files = _Noted(bench.view.files)
    bench.findings(replace(bench.view, files=files), [rule])
    return files.asked


def _touched(bench: Bench, one: Breakage) -> set[GuestPath]:
    before, after = bench.view, one.change(bench.view)
    nodes, files = (before.tree.nodes, after.tree.nodes), (before.files, after.files)
    return {path for old, new in (nodes, files) for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def main(workspace: Path) -> None:
    """Print the table."""
    gateways = ("gw-north-01", "gw-south-02", "gw-lab-03")
    with tempfile.TemporaryDirectory() as state:
        benches = benches_of(workspace, gateways, Path(state))
    homes, alone = homes_of(benches)
    packed = [group for name, bench in benches.items() for group in _packed(bench, homes[name], alone)]
    plan = {one.id: number for number, group in enumerate(packed) for one in group}
    sys.stdout.write(json.dumps(plan, indent=0, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
