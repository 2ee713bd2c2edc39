"""Finds the root file system of an image and mounts the image as its own fstab says.

libguestfs' own inspection looks for LVM, RAID and every operating system it knows, which takes half a minute without
KVM; a gateway has a partition table and an fstab.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.appliance.session import Session
from pipeline.image.containers.disk import DiskError, parse_disk
from pipeline.image.ext4.tools import EXT
from pipeline.image.read.fstab import Mount, parse_fstab
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath

_ROOT = GuestPath("/")
_ROOTS = EXT | {"xfs", "btrfs", "f2fs"}
_MOUNTABLE = _ROOTS | {"vfat"}
_LARGEST_FSTAB = 1 << 20


def locate(session: Session, device: str, raw: Path, *, name: str = "", root: str = "", prefer: int = -1) -> Disk:
    """The disk with its file systems, as blkid names them, and their mount points.

    Args:
        device: where the appliance has the image.
        raw: the image, for its partition table.
        name: what people call the image, for messages; its file's own name when empty.
        root: which partition holds the root file system, where several do: a number, or ``LABEL=``, ``UUID=``,
            ``PARTUUID=``, ``PARTLABEL=`` and a value, as in fstab.
        prefer: the number of the partition to take where several hold one and nobody names it.

    Raises:
        PipelineError: the partition table is damaged, or there is not exactly one root file system.
    """
    disk, part_ids = parse(raw, name)
    looked_at = [_look(session, session.device_of(device, part), part) for part in disk.partitions]
    chosen = _choose(_roots(session, device, looked_at), looked_at, part_ids, name or raw.name, root, prefer)
    session.mount(session.device_of(device, chosen), chosen.filesystem, _ROOT, writable=False)
    try:
        mounts = _fstab(session)
        places = dict(reversed([*_places(mounts, looked_at, part_ids)]))  # of two lines about one, the first
        places = {number: place for number, place in places.items() if number != chosen.number and place != _ROOT}
        places = {number: place for number, place in places.items() if session.is_directory(place)}
    finally:
        session.umount_all()
    places[chosen.number] = _ROOT
    return replace(disk, partitions=tuple(replace(p, mountpoint=places.get(p.number)) for p in looked_at))


def mount_all(session: Session, device: str, disk: Disk, *, writable: bool) -> None:
    """Mount every partition that has a mount point, outer ones first."""
    mounted = [(part.mountpoint, part) for part in disk.partitions if part.mountpoint is not None]
    for place, part in sorted(mounted, key=lambda item: len(item[0].parts)):
        session.mount(session.device_of(device, part), part.filesystem, place, writable=writable)


def unclean(session: Session, device: str, disk: Disk) -> tuple[str, ...]:
    """Why file systems that get mounted are not in order, one line each; empty when they are."""
    reasons: list[str] = []
    for part in disk.partitions:
        if part.mountpoint is None or part.filesystem not in EXT:
            continue
        state = session.ext_state(session.device_of(device, part))
        if {"needs_recovery", "orphan_present"} & set(state.get("Filesystem features", "").split()):
            reasons.append(f"partition {part.number} ({part.mountpoint}): its journal holds unfinished changes")
        elif state.get("Filesystem state") != "clean":
            reasons.append(f"partition {part.number} ({part.mountpoint}): marked {state.get('Filesystem state')}")
    return tuple(reasons)


def parse(raw: Path, name: str = "") -> tuple[Disk, Mapping[int, tuple[str, str]]]:
    """The disk, and each partition's identity in the partition table: PARTUUID and PARTLABEL.

    Args:
        name: what people call the image, for messages.
    """
    with raw.open("rb") as stream:
        handle = stream.fileno()
        try:
            disk = parse_disk(lambda offset, length: os.pread(handle, length, offset), os.fstat(handle).st_size)
        except DiskError as error:
            raise PipelineError(f"{name or raw.name}: {error}", error.remedy) from None
        if disk.table == "gpt":
            return disk, {part.number: (part.uuid, part.label) for part in disk.partitions}
        (signature,) = struct.unpack_from("<I", os.pread(handle, 512, 0), 440)
    return disk, {part.number: (f"{signature:08x}-{part.number:02x}", "") for part in disk.partitions}


def _look(session: Session, device: str, part: Partition) -> Partition:
    filesystem = session.filesystem(device)
    label, uuid = session.identity(device) if filesystem in _MOUNTABLE else ("", "")
    return replace(part, filesystem=filesystem, label=label, uuid=uuid)


def _roots(session: Session, device: str, parts: list[Partition]) -> list[Partition]:
    """The partitions that hold a root file system."""
    roots: list[Partition] = []
    for part in parts:
        if part.filesystem in _ROOTS:
            session.mount(session.device_of(device, part), part.filesystem, _ROOT, writable=False)
            try:
                if session.is_directory(GuestPath("/etc")) and any(
                    session.exists(GuestPath(path)) for path in ("/etc/fstab", "/etc/os-release", "/etc/passwd")
                ):
                    roots.append(part)
            finally:
                session.umount_all()
    return roots


def _choose(
    roots: list[Partition],
    parts: list[Partition],
    ids: Mapping[int, tuple[str, str]],
    name: str,
    root: str,
    prefer: int,
) -> Partition:
    """The one that was named, or the only one, or the preferred one."""
    found = ", ".join(f"partition {part.number}: {part.filesystem}" for part in parts)
    if root:
        return _named_root(roots, parts, ids, name, root)
    if len(roots) == 1:
        return roots[0]
    if preferred := [part for part in roots if part.number == prefer]:
        return preferred[0]
    if roots:
        numbers = " and ".join(str(part.number) for part in roots)
        raise PipelineError(
            f"{name}: partitions {numbers} each hold a root file system",
            f'say which one is built: gateway.toml [vanilla] root = "{roots[0].number}" (the other stays as it is)',
        )
    remedies = {
        "crypto_LUKS": "a partition is encrypted (LUKS): give an unencrypted vanilla image",
        "squashfs": "squashfs cannot be written: give an image whose root file system can",
        "LVM2_member": "LVM is not supported: give an image with plain partitions",
    }
    remedy = next((remedies[part.filesystem] for part in parts if part.filesystem in remedies), "")
    raise PipelineError(
        f"{name}: no Linux root file system found ({found})", remedy or "give a complete image of the gateway"
    )


def _named_root(
    roots: list[Partition], parts: list[Partition], ids: Mapping[int, tuple[str, str]], name: str, root: str
) -> Partition:
    """The partition people named, which must hold a root file system."""
    by, _, value = root.rpartition("=")
    wanted = Mount(by.lower() or "number", value.lower() if by in ("UUID", "PARTUUID") else value, _ROOT)
    numbers = {number for number, _ in _places((wanted,), parts, ids)}
    chosen = [part for part in roots if part.number in numbers]
    if len(chosen) != 1:
        there = ", ".join(str(part.number) for part in roots) or "none"
        raise PipelineError(
            f"{name}: {root} names {'several' if chosen else 'no'} partition with a root file system",
            f"name one of partitions {there} in gateway.toml [vanilla] root",
        )
    return chosen[0]


def _fstab(session: Session) -> tuple[Mount, ...]:
    path = GuestPath("/etc/fstab")
    if not session.exists(path):
        return ()
    about = session.stat(path)
    if about.mode & 0o170000 != 0o100000 or about.size > _LARGEST_FSTAB:
        raise PipelineError("the image's /etc/fstab is not a regular file of a sane size", "correct the vanilla image")
    return parse_fstab(session.read(path, about.size))


def _places(
    mounts: tuple[Mount, ...], parts: list[Partition], ids: Mapping[int, tuple[str, str]]
) -> Iterator[tuple[int, GuestPath]]:
    for mount in mounts:
        for part in parts:
            names = {
                "number": str(part.number),
                "label": part.label,
                "uuid": part.uuid.lower(),
                "partuuid": ids[part.number][0],
                "partlabel": ids[part.number][1],
            }
            if names[mount.by] == mount.value and part.filesystem in _MOUNTABLE:
                yield part.number, mount.mountpoint
