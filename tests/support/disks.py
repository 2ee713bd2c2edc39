"""Tiny disk images for tests: made by mke2fs, debugfs and mtools, without root and without loop devices."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath

MIB = 1 << 20
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TZ": "UTC"}


def run(*command: str | Path, stdin: bytes = b"", ok: Sequence[int] = (0,)) -> bytes:
    """Run a program that must succeed; returns its standard output."""
    done = subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, env=_ENVIRONMENT, check=False
    )
    assert done.returncode in ok, (command, done.returncode, done.stderr.decode(), done.stdout.decode()[-2000:])
    return done.stdout


def tree_on_host(directory: Path, files: Mapping[str, bytes | str]) -> Path:
    """Files by absolute path below a directory of the host; ``str`` makes a link, a slash at the end a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = directory / name.strip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
            path.chmod(0o644)
    return directory


def ext_image(
    path: Path, files: Path | None, *, size: int = 32 * MIB, kind: str = "ext4", options: Sequence[str] = ()
) -> Path:
    """A bare ext file system, filled from a directory of the host."""
    with path.open("wb") as stream:
        stream.truncate(size)
    content = ("-d", files) if files is not None else ()
    owner = ("-E", "root_owner=0:0")
    run("mke2fs", "-q", "-F", "-t", kind, *owner, *options, *content, path)
    return path


def fat_image(path: Path, files: Mapping[str, bytes], *, size: int = 4 * MIB, options: Sequence[str] = ()) -> Path:
    """A bare FAT file system with some files; directories are made as needed."""
    with path.open("wb") as stream:
        stream.truncate(size)
    run("mkfs.vfat", *options, path)
    made: set[str] = set()
    for name, content in files.items():
        parents = name.strip("/").split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            directory = "/".join(parents[:depth])
            if directory not in made:
                made.add(directory)
                run("mmd", "-i", path, f"::/{directory}")
        run("mcopy", "-i", path, "-", f"::{name}", stdin=content)
    return path


def mbr_disk(path: Path, parts: Sequence[tuple[int, Path]]) -> Path:
    """A disk with an MBR and up to four primary partitions: type byte and content of each, 1 MiB apart."""
    table, place = bytearray(512), MIB
    table[510:512] = b"\x55\xaa"
    struct.pack_into("<I", table, 440, 0xC0FFEE00)
    with path.open("wb") as disk:
        for number, (kind, content) in enumerate(parts):
            size = content.stat().st_size
            struct.pack_into(
                "<B3sB3sII", table, 446 + 16 * number, 0, b"\0\0\0", kind, b"\0\0\0", place // 512, size // 512
            )
            _copy(content, disk.fileno(), place)
            place += size
        disk.truncate(place)
        os.pwrite(disk.fileno(), bytes(table), 0)
    return path


def _copy(source: Path, target: int, place: int) -> None:
    data = source.read_bytes()
    for offset in range(0, len(data), MIB):
        piece = data[offset : offset + MIB]
        if piece.strip(b"\0"):
            os.pwrite(target, piece, place + offset)


def gpt_table(size: int, parts: Sequence[tuple[int, int, str]], *, sector: int = 512) -> bytes:
    """The first part of a GPT disk: protective MBR, header, 128 entries; parts are first and last sector and a name."""
    entries = bytearray(128 * 128)
    for number, (first, last, name) in enumerate(parts):
        at = number * 128
        entries[at : at + 16] = bytes(range(16))
        entries[at + 16 : at + 32] = bytes([number + 1]) * 16
        struct.pack_into("<QQ", entries, at + 32, first, last)
        encoded = name.encode("utf-16-le")
        entries[at + 56 : at + 56 + len(encoded)] = encoded
    header = bytearray(92)
    header[:8] = b"EFI PART"
    struct.pack_into("<III", header, 8, 0x10000, 92, 0)
    last_sector = size // sector - 1
    struct.pack_into("<QQQQ", header, 24, 1, last_sector, 34, last_sector - 33)
    struct.pack_into("<QIII", header, 72, 2, 128, 128, zlib.crc32(entries))
    struct.pack_into("<I", header, 16, zlib.crc32(header))
    protective = bytearray(sector)
    protective[510:512] = b"\x55\xaa"
    protective[450] = 0xEE
    return bytes(protective) + bytes(header).ljust(sector, b"\0") + bytes(entries)


def bare(path: Path, filesystem: str = "ext4", mountpoint: str = "/") -> Disk:
    """What inspection says of an image that is one bare file system."""
    size = path.stat().st_size
    return Disk(size, "none", (Partition(0, 0, size, filesystem, mountpoint=GuestPath(mountpoint)),))


def debugfs(image: Path, command: str, *, offset: int = 0) -> str:
    """What one debugfs command prints."""
    return run("debugfs", "-R", command, f"{image}?offset={offset}").decode()


def free_blocks(image: Path) -> set[int]:
    """The blocks dumpe2fs calls free."""
    text = run("dumpe2fs", image).decode()
    found: set[int] = set()
    for ranges in re.findall(r"^  Free blocks: (.+)$", text, re.MULTILINE):
        for part in ranges.split(", "):
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


def make_owned_by_root(image: Path) -> None:
    """Give every file of an ext image to root, whoever made it."""
    listing = run("debugfs", "-R", "ncheck " + " ".join(str(inode) for inode in range(11, 1024)), image).decode()
    inodes = [line.split()[0] for line in listing.splitlines()[1:] if line.split()]
    script = "\n".join(f"sif <{inode}> {name} 0" for inode in ["2", *inodes] for name in ("uid", "gid"))
    run("debugfs", "-w", "-f", "-", image, stdin=script.encode())


def age(image: Path, moment: int, *, offset: int = 0) -> None:
    """Make an ext file system look as if the kernel had written to it at some time: times and generations."""
    script = "\n".join(
        f"sif <{inode}> {name} {value}"
        for inode in range(11, 40)
        for name, value in (("mtime", f"@{moment}"), ("ctime", f"@{moment}"), ("generation", str(moment + inode)))
    )
    run("debugfs", "-w", "-f", "-", f"{image}?offset={offset}", stdin=script.encode())


def debugfs_write(image: Path, *commands: str, offset: int = 0) -> None:
    """Run debugfs commands that change an image."""
    run("debugfs", "-w", "-f", "-", f"{image}?offset={offset}", stdin="\n".join(commands).encode())
