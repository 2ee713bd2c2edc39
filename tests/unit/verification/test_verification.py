"""From files on disk to verdicts: each single tampering with a delivery is caught and named; untouched ones pass."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.observation import Observation
from pipeline.model.tree import Tree
from pipeline.model.verdict import Verdict
from pipeline.verification import verify_paths
from pipeline.verification.booted import booted_since
from tests.support.delivered import (
    SIGNER,
    Key,
    Looker,
    a_manifest_of,
    armored,
    block_map,
    deliver,
    image_bytes,
    put_gateway,
    put_statement,
    put_sums,
)
from tests.support.manifest import UNIT, a_file

KEY, FOREIGN = Key.new(), Key.new()
Tamper = Callable[[Path], object]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    place = tmp_path / "out" / "demo-1"
    deliver(place, KEY, "gw-1", "gw-2")
    (tmp_path / "trusted").write_text(KEY.line())
    return place


def verify(*paths: Path, looker: Looker | None = None, **options: object) -> tuple[Verdict, ...]:
    top = next(parent for parent in paths[0].resolve().parents if (parent / "trusted").exists())
    settings: dict[str, object] = {
        "allowed_signers": top / "trusted",
        "identity": None,
        "deep": False,
        "state_dir": top / "state",
        "say": lambda text: None,
        "rules": (),  # this image is bytes; rules are judged on real ones
        "observe": looker if looker is not None else Looker(),
    }
    return verify_paths(paths, **(settings | options))  # type: ignore[arg-type]


def named(verdicts: tuple[Verdict, ...]) -> set[tuple[str, str]]:
    return {(finding.subject, finding.check) for verdict in verdicts for finding in verdict.findings}


def statuses(verdicts: tuple[Verdict, ...]) -> set[int]:
    return {verdict.exit_status for verdict in verdicts}


def test_an_untouched_release_passes_in_one_launch(release: Path) -> None:
    looker = Looker()
    verdicts = verify(release, looker=looker)
    assert [(verdict.gateway, verdict.findings) for verdict in verdicts] == [("gw-1", ()), ("gw-2", ()), ("demo-1", ())]
    assert looker.launches == [2]
    assert any("names and metadata" in check for check in verdicts[0].checks)
    assert {"manifest", "block map", "SHA256SUMS"} <= set(verdicts[0].checks)


def test_a_gateway_directory_an_image_and_a_manifest_are_enough(release: Path) -> None:
    for path in (release / "gw-1", release / "gw-1" / "image.img", release / "gw-1" / "manifest.json"):
        (verdict,) = verify(path)
        assert (verdict.gateway, verdict.findings) == ("gw-1", ())


def test_three_files_and_a_key_anywhere_are_enough(release: Path, tmp_path: Path) -> None:
    place = tmp_path / "download"
    place.mkdir()
    for name in ("image.img", "manifest.json", "manifest.json.sig"):
        shutil.copy(release / "gw-1" / name, place)
    (verdict,) = verify(place / "image.img")
    assert (verdict.gateway, verdict.findings) == ("gw-1", ())
    assert "block map" not in verdict.checks


def test_many_paths_are_verified_at_once_and_none_twice(release: Path) -> None:
    looker = Looker()
    assert len(verify(release / "gw-1", release / "gw-2", release, release / "gw-1", looker=looker)) == 3
    assert looker.launches == [2]


def test_a_deep_look_asks_for_all_content(release: Path) -> None:
    looker = Looker()
    verify(release, looker=looker, deep=True)
    assert looker.asked == [None, None]


def test_the_key_delivered_with_a_release_vouches_for_nothing(release: Path) -> None:
    looker = Looker()
    verdicts = verify(release / "gw-1", allowed_signers=release / "nothing", looker=looker)
    assert looker.launches == []
    assert (release / "allowed_signers").is_file()
    assert ("nothing", "signature") in named(verdicts)
    assert statuses(verdicts) == {2}


def test_the_identity_asked_for_is_the_one_that_counts(release: Path) -> None:
    assert verify(release / "gw-1", identity=SIGNER)[0].passed
    assert named(verify(release / "gw-1", identity="boss@example.com")) == {("manifest.json", "signature")}


def pack_gzip(image: Path) -> None:
    Path(f"{image}.gz").write_bytes(gzip.compress(image.read_bytes(), mtime=0))


def pack_xz(image: Path) -> None:
    Path(f"{image}.xz").write_bytes(lzma.compress(image.read_bytes(), preset=0))


def pack_zstd(image: Path) -> None:
    subprocess.run(["zstd", "-q", str(image)], check=True)


def compressed(release: Path, pack: Callable[[Path], None] = pack_gzip) -> Path:
    image = release / "gw-1" / "image.img"
    pack(image)
    image.unlink()
    put_statement(release, KEY)
    put_sums(release)
    return next((release / "gw-1").glob("image.img.*"))


@pytest.mark.parametrize(
    "pack", [pack_gzip, pack_xz, pytest.param(pack_zstd, marks=pytest.mark.tools)], ids=["gz", "xz", "zst"]
)
def test_a_compressed_image_is_verified_and_nothing_stays_behind(release: Path, pack: Callable[[Path], None]) -> None:
    compressed(release, pack)
    assert {verdict.findings for verdict in verify(release)} == {()}
    assert list((release.parents[1] / "state").iterdir()) == []


def at(offset: int) -> Tamper:
    """Change one bit of the image of gw-1."""

    def tamper(release: Path) -> None:
        with (release / "gw-1" / "image.img").open("r+b") as stream:
            stream.seek(offset)
            byte = stream.read(1)[0]
            stream.seek(offset)
            stream.write(bytes([byte ^ 1]))

    return tamper


def cut(name: str, size: int) -> Tamper:
    def tamper(release: Path) -> None:
        with (release / "gw-1" / name).open("r+b") as stream:
            stream.truncate(size)

    return tamper


def write(name: str, content: bytes | Callable[[Path], bytes]) -> Tamper:
    def tamper(release: Path) -> None:
        (release / name).write_bytes(content if isinstance(content, bytes) else content(release))

    return tamper


def gone(name: str) -> Tamper:
    return lambda release: (release / name).unlink()


def pipe(name: str) -> Tamper:
    """Something that would keep a careless reader waiting for ever."""

    def tamper(release: Path) -> None:
        (release / name).unlink()
        os.mkfifo(release / name)

    return tamper


def swap_gateways(release: Path) -> None:
    (release / "gw-1").rename(release / "x")
    (release / "gw-2").rename(release / "gw-1")
    (release / "x").rename(release / "gw-2")
    put_sums(release)


def replay_manifest(release: Path) -> None:
    for name in ("manifest.json", "manifest.json.sig"):
        shutil.copy(release / "gw-2" / name, release / "gw-1" / name)
    put_sums(release)


def edited(release: Path) -> bytes:
    return (release / "gw-1" / "manifest.json").read_bytes().replace(b'"epoch": 1700000000', b'"epoch": 1700000001')


def signed_by_foreigner(release: Path) -> bytes:
    return FOREIGN.sign((release / "gw-1" / "manifest.json").read_bytes())


def signed_for_something_else(release: Path) -> bytes:
    return KEY.sign((release / "gw-1" / "manifest.json").read_bytes(), namespace="git")


def everything_by_a_foreigner(release: Path) -> None:
    shutil.rmtree(release)
    deliver(release, FOREIGN, "gw-1", "gw-2")


def older_release(release: Path) -> None:
    put_gateway(release / "gw-1", KEY, a_manifest_of("gw-1", image_bytes("gw-1"), release="demo-0"))
    put_sums(release)


def map_without_a_range(release: Path) -> bytes:
    image = bytearray(image_bytes("gw-1"))
    image[3 * UNIT : 3 * UNIT + 16384] = bytes(16384)
    return block_map(bytes(image))


def map_without_zeros_in_use(release: Path) -> bytes:
    return block_map(image_bytes("gw-1"), left_out=range(6 * UNIT // 4096, 7 * UNIT // 4096))


def map_of_other_bytes(release: Path) -> bytes:
    return block_map(image_bytes("gw-9"))


def map_edited(release: Path) -> bytes:
    return (release / "gw-1" / "image.bmap").read_bytes().replace(b"> 0 <", b"> 1 <")


def well_signed(content: bytes) -> Tamper:
    def tamper(release: Path) -> None:
        (release / "gw-1" / "manifest.json").write_bytes(content)
        (release / "gw-1" / "manifest.json.sig").write_bytes(KEY.sign(content))
        put_sums(release)

    return tamper


def signed_but_reordered(release: Path) -> None:
    value = json.loads((release / "gw-1" / "manifest.json").read_bytes())
    well_signed(json.dumps(value).encode())(release)


IMAGE, MANIFEST, SIG, MAP = "gw-1/image.img", "gw-1/manifest.json", "gw-1/manifest.json.sig", "gw-1/image.bmap"
BAD_SIGNATURE = ("manifest.json", "signature")
# name: what is done, a finding that must be among those made, exit status
TAMPERINGS: dict[str, tuple[Tamper, tuple[str, str], int]] = {
    "boot sector": (at(100), ("outside all partitions", "sha256"), 1),
    "partition table": (at(446), ("outside all partitions", "sha256"), 1),
    "gap before the first partition": (at(UNIT - 1), ("outside all partitions", "sha256"), 1),
    "first byte of the boot partition": (at(UNIT), ("partition 1 (/boot)", "sha256"), 1),
    "last byte of the boot partition": (at(2 * UNIT - 1), ("partition 1 (/boot)", "sha256"), 1),
    "first byte of the root partition": (at(2 * UNIT), ("partition 2 (/)", "sha256"), 1),
    "data of the root partition": (at(3 * UNIT + 7), ("partition 2 (/)", "sha256"), 1),
    "free space": (at(5 * UNIT), ("partition 2 (/)", "unexplained"), 1),
    "last byte": (at(8 * UNIT - 1), ("partition 2 (/)", "sha256"), 1),
    "zeros that are mapped": (at(5 * UNIT), ("image.bmap", "block map"), 1),
    "mapped data": (at(3 * UNIT), ("image.bmap", "block map"), 1),
    "image against the list": (at(5 * UNIT), (IMAGE, "SHA256SUMS"), 1),
    "image cut off": (cut("image.img", 7 * UNIT), ("image.img", "size"), 1),
    "image cut by one byte": (cut("image.img", 8 * UNIT - 1), ("image.img", "size"), 1),
    "image empty": (cut("image.img", 0), ("image.img", "size"), 1),
    "image longer": (cut("image.img", 9 * UNIT), ("image.img", "size"), 1),
    "image replaced by a qcow2": (write(IMAGE, b"QFI\xfb\0\0\0\x03".ljust(8 * UNIT, b"\0")), ("image.img", "type"), 1),
    "image of another gateway": (write(IMAGE, image_bytes("gw-2")), ("image.img", "sha256"), 1),
    "image missing": (gone(IMAGE), ("image.img", "missing"), 2),
    "manifest edited": (write(MANIFEST, edited), BAD_SIGNATURE, 1),
    "manifest empty": (write(MANIFEST, b""), BAD_SIGNATURE, 1),
    "manifest missing": (gone(MANIFEST), BAD_SIGNATURE, 2),
    "manifest of another gateway": (replay_manifest, ("manifest.json", "gateway"), 1),
    "gateways swapped": (swap_gateways, ("manifest.json", "gateway"), 1),
    "gateway of an older release": (older_release, ("gw-1", "release"), 1),
    "signature missing": (gone(SIG), BAD_SIGNATURE, 2),
    "signature empty": (write(SIG, b""), BAD_SIGNATURE, 1),
    "signature nonsense": (write(SIG, armored(b"SSHSIG nonsense")), BAD_SIGNATURE, 1),
    "signature of another gateway": (
        lambda release: shutil.copy(release / "gw-2/manifest.json.sig", release / SIG), BAD_SIGNATURE, 1
    ),
    "foreign signature": (write(SIG, signed_by_foreigner), BAD_SIGNATURE, 1),
    "signature for another purpose": (write(SIG, signed_for_something_else), BAD_SIGNATURE, 1),
    "all signed anew by a foreigner": (everything_by_a_foreigner, BAD_SIGNATURE, 1),
    "signed, but not a manifest": (well_signed(b"{}\n"), ("manifest.json", "schema"), 1),
    "signed, but not JSON": (well_signed(b"\xff"), ("manifest.json", "schema"), 1),
    "signed, but not canonical": (signed_but_reordered, ("manifest.json", "schema"), 1),
    "block map of other bytes": (write(MAP, map_of_other_bytes), ("image.bmap", "block map"), 1),
    "block map edited": (write(MAP, map_edited), ("image.bmap", "block map"), 1),
    "block map without a range": (write(MAP, map_without_a_range), ("image.bmap", "block map"), 1),
    "block map without zeros in use": (write(MAP, map_without_zeros_in_use), ("image.bmap", "block map"), 1),
    "block map of another size": (write(MAP, block_map(image_bytes("gw-1")[: 7 * UNIT])), ("image.bmap", "size"), 1),
    "block map not XML": (write(MAP, b"<bmap"), ("image.bmap", "block map"), 1),
    "block map with entities": (
        write(MAP, b'<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><bmap version="2.0">&a;</bmap>'),
        ("image.bmap", "block map"), 1,
    ),
    "block map missing": (gone(MAP), (MAP, "missing"), 1),
    "block map a pipe": (pipe(MAP), (MAP, "type"), 1),
    "manifest a pipe": (pipe(MANIFEST), BAD_SIGNATURE, 2),
    "image a pipe": (pipe(IMAGE), ("image.img", "missing"), 2),
    "list a pipe": (pipe("SHA256SUMS"), ("SHA256SUMS", "readable"), 2),
    "list missing": (gone("SHA256SUMS"), ("SHA256SUMS", "readable"), 2),
    "extra file beside the image": (write("gw-1/README", b"x"), ("gw-1/README", "extra"), 1),
    "extra file in the release": (write("README", b"x"), ("README", "extra"), 1),
    "gateway missing": (lambda release: shutil.rmtree(release / "gw-2"), ("gw-2", "missing"), 1),
    "gateway added": (lambda release: shutil.copytree(release / "gw-2", release / "gw-3"), ("gw-3", "extra"), 1),
    "list missing a file": (
        lambda release: (release / "SHA256SUMS").write_text(
            "".join(line for line in (release / "SHA256SUMS").read_text().splitlines(True) if IMAGE not in line)
        ),
        (IMAGE, "extra"), 1,
    ),
    "list with a wrong digest": (
        lambda release: (release / "SHA256SUMS").write_text(
            (release / "SHA256SUMS").read_text().replace("  gw-1/image.bmap", "X").replace("X", "  gw-1/image.bmap.old")
        ),
        (MAP, "extra"), 1,
    ),
    "list malformed": (write("SHA256SUMS", b"hello\n"), ("SHA256SUMS", "format"), 1),
    "list leading outside": (write("SHA256SUMS", b"0" * 64 + b"  ../../x\n"), ("SHA256SUMS", "format"), 1),
    "signers replaced": (write("allowed_signers", FOREIGN.line().encode()), ("allowed_signers", "SHA256SUMS"), 1),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "expected", "status"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_each_tampering_is_caught_and_named(
    release: Path, tamper: Tamper, expected: tuple[str, str], status: int
) -> None:
    tamper(release)
    verdicts = verify(release)
    assert expected in named(verdicts)
    assert max(statuses(verdicts)) == status


def truncated(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-20])


def not_compressed(packed: Path) -> None:
    packed.write_bytes(image_bytes("gw-1"))


def bomb(packed: Path) -> None:
    packed.write_bytes(gzip.compress(image_bytes("gw-1") + bytes(64 * UNIT)))


def other_content(packed: Path) -> None:
    packed.write_bytes(gzip.compress(image_bytes("gw-2")))


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (truncated, ("image.img.gz", "compression")),
        (not_compressed, ("image.img.gz", "compression")),
        (bomb, ("image.img", "size")),
        (other_content, ("image.img", "sha256")),
    ],
)
def test_tampering_with_a_compressed_image_is_caught(
    release: Path, tamper: Callable[[Path], None], expected: tuple[str, str]
) -> None:
    tamper(compressed(release))
    verdicts = verify(release / "gw-1")
    assert expected in named(verdicts)
    assert statuses(verdicts) == {1}


def test_a_path_that_deviates_reaches_the_verdict(release: Path) -> None:
    looker = Looker(lambda seen: replace(seen, clean=False))
    assert named(verify(release / "gw-1", looker=looker)) == {("file systems", "clean")}


def test_an_image_that_could_not_be_looked_at_has_not_passed(release: Path) -> None:
    looker = Looker(lambda seen: PipelineError("no appliance here", "run doit doctor"))
    verdicts = verify(release / "gw-1", looker=looker)
    assert named(verdicts) == {("image.img", "readable")}
    assert statuses(verdicts) == {2}


def test_a_damaged_image_that_nobody_can_open_is_a_deviation(release: Path) -> None:
    at(3 * UNIT)(release)
    verdicts = verify(release / "gw-1", looker=Looker(lambda seen: PipelineError("no file system", "…")))
    assert statuses(verdicts) == {1}
    assert ("image.img", "readable") in named(verdicts)


def test_an_appliance_that_dies_on_the_way_leaves_no_image_passed(release: Path) -> None:
    calls = 0

    def die_at_the_second(seen: Observation) -> Observation:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise PipelineError("the appliance died", "run doit doctor")
        return seen

    verdicts = verify(release, looker=Looker(die_at_the_second))
    assert [verdict.exit_status for verdict in verdicts] == [0, 2, 0]


def test_an_image_that_changes_meanwhile_has_not_passed(release: Path) -> None:
    def change(seen: Observation) -> Observation:
        at(5 * UNIT)(release)
        return seen

    assert ("image.img", "unchanged") in named(verify(release / "gw-1", looker=Looker(change)))


def test_a_manifest_that_changes_meanwhile_has_not_passed(release: Path) -> None:
    def change(seen: Observation) -> Observation:
        (release / MANIFEST).write_bytes(b"{}")
        return seen

    verdicts = verify(release / "gw-1", looker=Looker(change))
    assert named(verdicts) == {("manifest.json", "unchanged")}
    assert statuses(verdicts) == {2}


@pytest.mark.parametrize("content", ["", "nonsense\n"])
def test_a_file_of_keys_without_a_usable_key_verifies_nothing(release: Path, content: str) -> None:
    (release.parents[1] / "trusted").write_text(content)
    assert statuses(verify(release / "gw-1")) <= {1, 2}


def test_paths_with_nothing_to_verify_are_all_named(release: Path) -> None:
    empty = release.parents[1] / "empty"
    empty.mkdir()
    with pytest.raises(PipelineError) as caught:
        verify(empty, release / "nowhere")
    assert len(caught.value.problems) == 2


@pytest.mark.tools
def test_stock_tools_accept_an_untouched_delivery(release: Path) -> None:
    gateway = release / "gw-1"
    command = ["ssh-keygen", "-Y", "verify", "-f", str(release / "allowed_signers"), "-I", SIGNER]
    command += ["-n", "gateway-image-manifest", "-s", str(gateway / "manifest.json.sig")]
    subprocess.run(command, input=(gateway / "manifest.json").read_bytes(), check=True, capture_output=True)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=release, check=True, capture_output=True)
    copied = ["bmaptool", "copy", "--bmap", str(gateway / "image.bmap"), str(gateway / "image.img"), "copy.img"]
    subprocess.run(copied, cwd=release, check=True, capture_output=True)
    assert (release / "copy.img").read_bytes() == (gateway / "image.img").read_bytes()


def flashed(release: Path, more: int) -> Path:
    medium = release.parents[1] / "card.dump"
    image = (release / "gw-1" / "image.img").read_bytes()
    medium.write_bytes(image + os.urandom(more) if more >= 0 else image[:more])
    return medium


@pytest.mark.parametrize("more", [0, 1, 70_000])
def test_a_flashed_medium_may_be_longer_than_the_image_and_it_is_said(release: Path, more: int) -> None:
    medium = flashed(release, more)
    (release / "gw-1" / "image.img").unlink()
    (verdict,) = verify(release / "gw-1", medium=medium)
    assert (verdict.gateway, verdict.findings) == ("gw-1", ())
    assert any(f"{more} bytes longer than the image" in check for check in verdict.checks) == (more > 0)
    assert list((release.parents[1] / "state").iterdir()) == []


def test_a_medium_with_other_bytes_or_too_few_is_told(release: Path) -> None:
    medium = flashed(release, 512)
    with medium.open("r+b") as stream:
        stream.seek(3 * UNIT + 5)
        stream.write(b"!")
    assert ("partition 2 (/)", "sha256") in named(verify(release / "gw-1", medium=medium))
    medium = flashed(release, -512)
    assert ("image.img", "size") in named(verify(release / "gw-1", medium=medium))


def test_a_medium_holds_one_gateway(release: Path) -> None:
    medium = flashed(release, 0)
    for paths in ([release], [release / "gw-1", release / "gw-2"]):
        with pytest.raises(PipelineError, match="a medium holds one"):
            verify(*paths, medium=medium)
    (verdict,) = verify(release / "gw-1", medium=release / "nothing")
    assert verdict.exit_status == 2
    os.mkfifo(release.parent / "pipe")
    (verdict,) = verify(release / "gw-1", medium=release.parent / "pipe")
    assert verdict.exit_status == 2


def test_an_image_that_ran_is_told_to_have_run(release: Path) -> None:
    manifest = a_manifest_of("gw-1", image_bytes("gw-1"))
    image = release / "gw-1" / "image.img"
    part = manifest.disk.partitions[1]
    assert list(booted_since(manifest, manifest.tree, image)) == []
    with image.open("r+b") as stream:
        stream.seek(part.start + 1024 + 0x38)
        stream.write(b"\x53\xef")
        stream.seek(part.start + 1024 + 0x2C)
        stream.write((manifest.epoch + 60).to_bytes(4, "little") + bytes(4) + b"\x01\x00")
        stream.seek(part.start + 1024 + 0x60)
        stream.write(b"\x04\0\0\0")
    ran = Tree({**manifest.tree.nodes, GuestPath("/var/log/wtmp"): a_file("somebody was here")})
    (found,) = booted_since(manifest, ran, image)
    for sign in ("last mounted 60 s after", "waits for replay", "/var/log/wtmp"):
        assert sign in found.seen


def test_a_copy_of_a_gateways_directory_may_have_any_name(release: Path, tmp_path: Path) -> None:
    """QA copies what is to be looked at to a desk; inside a release the name is a claim."""
    desk = tmp_path / "desk"
    shutil.copytree(release / "gw-1", desk)
    (verdict,) = verify(desk)
    assert (verdict.gateway, verdict.findings) == ("gw-1", ())
    (release / "gw-1").rename(release / "desk")
    (verdict,) = verify(release / "desk")
    assert any(finding.check == "gateway" for finding in verdict.findings)
