"""Single changes to a finished release, generated: each is one thing somebody could do to it, and where it shows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model.disk import Disk
from tests.support.delivered import Key

SIDECARS = ("manifest.json", "manifest.json.sig", "image.bmap", "provenance.json", "sbom.cdx.json", "sbom.spdx.json")


@dataclass(frozen=True)
class Tampering:
    """One change.

    Attributes:
        edit: given the release directory.
        named: what a finding must speak of: a part of its subject.
        remade: whoever changes a file also writes SHA256SUMS anew, which nobody signs.
        whole: the release has to be verified, not only the gateway.
    """

    name: str
    edit: Callable[[Path], None]
    named: str
    remade: bool = True
    whole: bool = False


def linked(source: Path, target: Path) -> Path:
    """A copy of a release that shares all its bytes; files are replaced in it, never written to."""
    shutil.copytree(source, target, copy_function=os.link)
    return target


def put(path: Path, content: bytes) -> None:
    """Replace a file of such a copy."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def on(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Replace a file by what a function makes of it."""

    def edit(release: Path) -> None:
        before = (release / path).read_bytes()
        after = change(before)
        assert after != before, path
        put(release / path, after)

    return edit


def flipped(share: float) -> Callable[[bytes], bytes]:
    """One bit changed, at a share of the length."""

    def change(content: bytes) -> bytes:
        place = int(len(content) * share)
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    return change


def of_sidecars(gateway: str, other: str) -> Iterator[Tampering]:
    """Every file beside an image: a bit, cut, emptied, longer, gone, another gateway's."""
    for file in SIDECARS:
        path, named = f"{gateway}/{file}", file.removesuffix(".sig")
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            yield Tampering(f"{file}: bit at {share:.0%}", on(path, flipped(share)), named, remade=file != SIDECARS[3])
        yield Tampering(f"{file}: half", on(path, lambda data: data[: len(data) // 2]), named)
        yield Tampering(f"{file}: empty", on(path, lambda data: b""), named)
        yield Tampering(f"{file}: longer", on(path, lambda data: data + b"x"), named)
        yield Tampering(f"{file}: gone", _gone(path), named)
        yield Tampering(f"{file}: of {other}", _copied(f"{other}/{file}", path), named)


def of_the_manifest(gateway: str) -> Iterator[Tampering]:
    """Fields edited in place, as a person with an editor would; the signature is the old one."""
    edits: dict[str, tuple[list[str], object]] = {
        "release name": (["release", "name"], "demo-9.9"),
        "production": (["release", "production"], True),
        "epoch": (["release", "epoch"], 1),
        "gateway": (["gateway", "name"], "gw-south-02"),
        "serial": (["gateway", "serial"], "other"),
        "image digest": (["image", "sha256"], "0" * 64),
        "image size": (["image", "size"], 1 << 20),
        "digest of a partition": (["image", "partitions", "2"], "0" * 64),
        "digest outside": (["image", "outside"], "0" * 64),
        "start of a partition": (["disk", "partitions", 0, "start"], 4096),
        "vanilla": (["inputs", "vanilla", "sha256"], "0" * 64),
        "golden": (["inputs", "golden", "sha256"], "0" * 64),
        "configuration": (["inputs", "configuration", "sha256"], "0" * 64),
        "pipeline": (["inputs", "pipeline", "version"], "9"),
        "mode of a change": (["changes", "/etc/shadow", "mode"], "0666"),
        "origin of a change": (["changes", "/etc/shadow", "origins"], []),
        "digest of a change": (["changes", "/etc/hostname", "sha256"], "0" * 64),
        "tree": (["tree", "sha256"], "0" * 64),
        "paths": (["tree", "paths"], 1),
        "packages": (["packages"], []),
        "keystores": (["keystores"], {}),
        "facts": (["facts", "ssh", "port"], 22),
        "decisions": (["facts", "decisions", "vpn"], ["0.0.0.0/0"]),
        "rules": (["rules", "outcomes"], {}),
        "steps": (["steps"], []),
    }
    for name, (keys, value) in edits.items():
        yield Tampering(f"manifest edited: {name}", on(f"{gateway}/manifest.json", _set(keys, value)), "manifest.json")


def of_the_statements(gateway: str) -> Iterator[Tampering]:
    """Bills of materials and the statement about them, edited."""
    for file, keys in (
        ("sbom.cdx.json", ["components", 0, "version"]),
        ("sbom.cdx.json", ["components", 3, "name"]),
        ("sbom.cdx.json", ["serialNumber"]),
        ("sbom.spdx.json", ["packages", 2, "versionInfo"]),
        ("sbom.spdx.json", ["packages", 2, "name"]),
        ("sbom.spdx.json", ["documentNamespace"]),
        ("provenance.json", ["payload"]),
        ("provenance.json", ["payloadType"]),
        ("provenance.json", ["signatures", 0, "sig"]),
        ("provenance.json", ["signatures"]),
    ):
        value: object = [] if keys == ["signatures"] else "AAAA"
        yield Tampering(f"{file} edited: {keys}", on(f"{gateway}/{file}", _set(keys, value)), file)


def of_signers(gateway: str, foreign: Key) -> Iterator[Tampering]:
    """A key nobody trusts, alone and with everything else made to fit."""

    def sign(release: Path) -> None:
        content = (release / gateway / "manifest.json").read_bytes()
        put(release / gateway / "manifest.json.sig", foreign.sign(content))

    def sign_edited(release: Path) -> None:
        on(f"{gateway}/manifest.json", _set(["facts", "ssh", "port"], 22))(release)
        sign(release)

    def bring_the_key(release: Path) -> None:
        sign_edited(release)
        put(release / "allowed_signers", foreign.line().encode())

    def other_purpose(release: Path) -> None:
        content = (release / gateway / "manifest.json").read_bytes()
        put(release / gateway / "manifest.json.sig", foreign.sign(content, "file"))

    for edit in (sign, sign_edited, bring_the_key, other_purpose):
        yield Tampering(f"foreign signature: {edit.__name__}", edit, "manifest.json")


def of_the_release(gateway: str, other: str) -> Iterator[Tampering]:
    """The directory itself: lists, names, what is too much and what is missing."""

    def lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
        return on("SHA256SUMS", lambda data: "".join(change(data.decode().splitlines(keepends=True))).encode())

    def swapped(release: Path) -> None:
        (release / gateway).rename(release / "x")
        (release / other).rename(release / gateway)
        (release / "x").rename(release / other)

    def replayed(release: Path) -> None:
        for file in SIDECARS:
            put(release / gateway / file, (release / other / file).read_bytes())

    def image_of_other(release: Path) -> None:
        (release / gateway / "image.img").unlink()
        (release / gateway / "image.img").hardlink_to(release / other / "image.img")

    listed = f"{gateway}/"
    changes: list[tuple[str, Callable[[Path], None], str, bool]] = [
        ("a line of the sums gone", lines(lambda found: found[1:]), "", False),
        ("a digest of the sums changed", lines(lambda found: ["0" * 64 + found[0][64:], *found[1:]]), "", False),
        ("a line of the sums twice", lines(lambda found: [*found, found[0]]), "SHA256SUMS", False),
        ("a file too much in the sums", lines(lambda found: [*found, f"{'0' * 64}  {gateway}/x\n"]), listed, False),
        ("sums that are no list", on("SHA256SUMS", lambda data: b"x\n" + data), "SHA256SUMS", False),
        ("a file too much in a gateway", lambda release: put(release / gateway / "notes.txt", b"hi"), listed, False),
        ("a file too much in the release", lambda release: put(release / "notes.txt", b"hi"), "notes.txt", False),
        ("a directory too much", lambda release: (release / gateway / "more").mkdir(), listed, False),
        ("other signers", on("allowed_signers", lambda data: data + b"# x\n"), "allowed_signers", False),
        ("a gateway gone", lambda release: shutil.rmtree(release / gateway), gateway, False),
        ("a gateway renamed", lambda release: _renamed(release / gateway, "gw-new"), "manifest.json", True),
        ("a gateway twice", lambda release: _again(release / gateway, "gw-new"), "manifest.json", True),
        ("two gateways swapped", swapped, "manifest.json", True),
        ("manifest and all of another gateway", replayed, "manifest.json", True),
        ("the image of another gateway", image_of_other, "partition", True),
        ("the image gone", lambda release: (release / gateway / "image.img").unlink(), "image.img", True),
    ]
    for name, edit, named, remade in changes:
        yield Tampering(name, edit, named, remade, whole=True)


def of_bytes(disk: Disk) -> Iterator[tuple[str, int, str]]:
    """Single bits of an image: name, offset, what must be named."""
    starts = [part.start for part in disk.partitions]
    for name, offset in (
        ("boot code", 0), ("disk signature", 440), ("first entry of the partition table", 446),
        ("second entry of the partition table", 462), ("mark of the boot sector", 510), ("gap", starts[0] - 1),
        ("gap after the table", 512),
    ):  # fmt: skip
        yield name, offset, "outside all partitions"
    for part in disk.partitions:
        where = f"partition {part.number} ("
        for share in (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
            place = int(part.size * share)
            yield f"partition {part.number} at {share:.0%}", part.start + place, where
        yield f"last byte of partition {part.number}", part.start + part.size - 1, where
    root = disk.partitions[-1].start
    for name, offset in (
        ("superblock", 1024), ("state of the file system", 1024 + 0x3A), ("group descriptors", 4096 + 8),
        ("mount count", 1024 + 0x34),
    ):  # fmt: skip
        yield name, root + offset, f"partition {disk.partitions[-1].number} ("


def remake_sums(release: Path, digest: Callable[[Path], str]) -> None:
    """SHA256SUMS over everything that is there."""
    files = sorted(path for path in release.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    put(
        release / "SHA256SUMS",
        "".join(f"{digest(path)}  {path.relative_to(release).as_posix()}\n" for path in files).encode(),
    )


class Remembered:
    """A function of files that is computed once for the same bytes: copies here share their inodes."""

    def __init__(self, compute: Callable[..., Any]) -> None:
        self.compute = compute
        self.known: dict[str, Any] = {}

    def __call__(self, path: Path, *more: Any) -> Any:
        about = path.stat()
        key = hashlib.sha256(repr((about.st_ino, about.st_size, about.st_mtime_ns, more[:2])).encode()).hexdigest()
        if key not in self.known:
            self.known[key] = self.compute(path, *more)
        return self.known[key]


def _set(keys: list[Any], value: object) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        whole = json.loads(content)
        place = whole
        for key in keys[:-1]:
            place = place[key]
        assert place[keys[-1]] != value
        place[keys[-1]] = value
        return json.dumps(whole).encode()

    return change


def _gone(path: str) -> Callable[[Path], None]:
    return lambda release: (release / path).unlink()


def _copied(source: str, target: str) -> Callable[[Path], None]:
    return lambda release: put(release / target, (release / source).read_bytes())


def _renamed(directory: Path, name: str) -> None:
    directory.rename(directory.with_name(name))


def _again(directory: Path, name: str) -> None:
    linked(directory, directory.with_name(name))
