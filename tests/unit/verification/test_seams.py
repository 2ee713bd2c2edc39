"""What the verifier says on its way, and where it stops: with stand-ins for what would read images."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.model.tree import Tree
from pipeline.model.verdict import Finding
from pipeline.verification import fleet, fleet_files, run
from pipeline.verification.delivery import Delivery
from pipeline.verification.medium import about
from pipeline.verification.uniqueness import Uniqueness


@pytest.mark.parametrize(("count", "words"), [(1, "1 image afresh"), (2, "2 images afresh"), (0, "")])
def test_how_many_images_are_read_is_said_first(
    count: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_layouts_of", lambda _: ())
    judged: list[object] = []
    monkeypatch.setattr(run, "_judge", lambda case, *_args, **_more: judged.append(case))
    delivery = Delivery("gw", tmp_path, tmp_path / "image.img", "gw", None)
    cases = [run._Case(delivery, f"gw-{number}", raw=tmp_path / "image.img") for number in range(count)]
    said: list[str] = []

    def observe(images: list[Path], **_more: object) -> object:
        assert said, "said before the work"
        return iter([object()] * len(images))

    run._look_inside(cases, False, tmp_path, said.append, observe, (), Uniqueness())  # type: ignore[arg-type]
    assert said == ([f"reading {words}, read-only"] if count else [])
    assert judged == cases


@pytest.mark.parametrize("there", [True, False])
def test_a_base_whose_block_map_cannot_be_read_deviates(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []
    monkeypatch.setattr(fleet, "read_signed", lambda *_: SimpleNamespace(findings=(), content=b"{}"))
    monkeypatch.setattr(fleet, "read_base", lambda *_, **__: SimpleNamespace(manifest=SimpleNamespace(disk=None)))
    monkeypatch.setattr(fleet, "read_beside", lambda *_: b"map" if there else None)
    monkeypatch.setattr(fleet.bmap, "read", lambda _: SimpleNamespace(ranges=()))
    monkeypatch.setattr(fleet, "scan", lambda *_: SimpleNamespace(damage="cut short", facts=None))
    monkeypatch.setattr(fleet, "compare_block_map", lambda *given: compared.append(given) or [])
    monkeypatch.setattr(fleet, "compare_image", lambda *_: [])
    trusted = SimpleNamespace(allowed_signers=None, identity=None, at=None)
    verdict, base = fleet._check_base(tmp_path, {}, trusted, tmp_path, (), deep=False)  # type: ignore[arg-type]
    found = {(finding.subject, finding.check) for finding in verdict.findings}
    assert ((fleet.BASE_MAP, "readable") in found) is not there
    assert bool(compared) is there
    assert base is None


@pytest.mark.parametrize(
    ("medium", "older", "told"),
    [
        (100, 0, ""),
        (107, 0, "; it is 7 bytes longer than the image"),
        (100, 1, "; its free blocks hold older bytes (about 1 MiB), which no file has"),
        (100, 3 << 20, "; its free blocks hold older bytes (about 3 MiB), which no file has"),
    ],
)
def test_what_is_said_of_a_medium(medium: int, older: int, told: str) -> None:
    assert about(medium, 100, older) == f"the medium's first 100 bytes{told}"


def test_a_base_with_another_hash_tree_deviates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimpleNamespace(partitions=())
    manifest = SimpleNamespace(disk=disk, tree=Tree({}))
    monkeypatch.setattr(fleet, "read_signed", lambda *_: SimpleNamespace(findings=(), content=b"{}", check="signed"))
    monkeypatch.setattr(fleet, "read_base", lambda *_, **__: SimpleNamespace(manifest=manifest, root="planned"))
    monkeypatch.setattr(fleet, "read_beside", lambda *_: b"map")
    monkeypatch.setattr(fleet.bmap, "read", lambda _: SimpleNamespace(ranges=()))
    monkeypatch.setattr(fleet, "scan", lambda *_: SimpleNamespace(damage="", facts=None))
    for name in ("compare_block_map", "compare_image", "compare_regions", "compare_bills", "_layouts"):
        monkeypatch.setattr(fleet, name, lambda *_: [])
    monkeypatch.setattr(fleet, "hash_tree_of", lambda _: SimpleNamespace(root="other"))
    for name in ("needed_paths", "package_databases", "paths_to_digest"):
        monkeypatch.setattr(fleet, name, lambda *_, **__: ())
    look = SimpleNamespace(contents={}, findings=(), read=0)
    monkeypatch.setattr(fleet, "Readers", lambda *_: SimpleNamespace(base=lambda **_: look))
    monkeypatch.setattr(fleet, "read_fat", lambda *_: ({}, ()))
    trusted = SimpleNamespace(allowed_signers=None, identity=None, at=None)
    verdict, base = fleet._check_base(tmp_path, {}, trusted, tmp_path, (), deep=False)  # type: ignore[arg-type]
    assert [(one.check, one.expected, one.seen) for one in verdict.findings] == [("hash tree", "planned", "other")]
    assert base is not None


def test_a_gateways_files_are_those_its_manifest_names(tmp_path: Path) -> None:
    place = tmp_path / "gw"
    place.mkdir()
    for name in (fleet_files.MANIFEST, fleet_files.SIGNATURE, "a", "changed", "extra"):
        (place / name).write_bytes(b"x")
    fact = SimpleNamespace(size=1, sha256=sha256(b"x").hexdigest())
    unread = Finding("unread", "readable", "", "Input/output error")
    found = SimpleNamespace(files=dict.fromkeys(("a", "changed", "gone", "unread"), fact))
    content = {"a": b"x", "changed": b"y", "gone": None, "unread": unread}
    told = [(one.subject, one.check) for one in fleet_files.against_manifest(place, found, content)]  # type: ignore[arg-type]
    assert told == [("gw/extra", "extra"), ("changed", "content"), ("gone", "missing"), ("unread", "readable")]
