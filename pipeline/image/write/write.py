"""Writes a layer into an image through libguestfs, reads it back in the same session, and compares file by file."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import PipelineError
from pipeline.host.scratch import scratch_directory
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.containers.sparse import open_private
from pipeline.image.ext4.tools import EXT
from pipeline.image.read import mounts
from pipeline.image.read.tree_reader import read_tree, with_digests
from pipeline.image.write.placing import Step, place
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Removal
from pipeline.model.observation import Observation
from pipeline.model.tree import Node, Tree
from pipeline.model.vanilla import Vanilla

Say = Callable[[str], None]


@dataclass(frozen=True)
class Injected:
    """An image after a layer was written into it.

    Attributes:
        observation: the whole image as read back.
        options: how the appliance's kernel had its file systems mounted while it wrote, by mount point.
    """

    observation: Observation
    options: Mapping[GuestPath, str]


def inject(
    raw: Path,
    vanilla: Vanilla,
    layer: Layer,
    *,
    epoch: int,
    state_dir: Path,
    say: Say,
    twin: Path | None = None,
    afterwards: Callable[[Session, str], None] | None = None,
) -> Injected:
    """Write a layer into an image, in place, and return the whole image as read back afterwards.

    Where the kernel puts it on the disk may depend on time; `pipeline.image.ext4.seal.seal` removes the rest.

    Args:
        raw: a private copy. It is spoilt when this fails.
        vanilla: what the image contains; its disk and tree are used.
        layer: landed: its paths are literal.
        twin: an image into which another writer brought the same layer. It is read back whole in place of `raw`, and
            must hold the very tree that was injected.
        afterwards: is handed the running appliance and the drive of the twin, which cannot be changed, once all was
            read back; nothing is mounted. Not called without a twin.

    Raises:
        PipelineError: an entry cannot be carried out, the machine's disk or the image's file system is full, or what
            was read back is not what was written.
    """
    disk, tree = vanilla.disk, vanilla.tree
    steps = [step for part in place(disk, tree, layer).items() for step in part[1]]
    reserve(raw)
    drives = [Drive(raw, writable=True), *([Drive(twin, writable=False)] if twin is not None else [])]
    with launch(drives, state_dir=state_dir, say=say) as session:
        device = session.devices[0]
        _require_same_partitions(session, device, disk)
        mounts.mount_all(session, device, disk, writable=True)
        say(f"writing {len(layer)} changes")
        with scratch_directory("inject-", state_dir) as scratch:
            _write(session, disk, steps, epoch, scratch)
        if twin is None:
            _clear_free_space(session, disk, say)
        session.umount_all()
        if twin is None:
            found = _read_back(session, device, disk, None, say)
        else:
            written = _read_back(session, device, disk, [entry.path for entry in layer.files()], say)
            require_equal(tree.apply(layer), written.tree)
            found = _read_back(session, session.devices[1], disk, None, say)
            require_equal(
                written.tree, found.tree, 'report it; writer = "guestfs" under [output] does without the second writer'
            )
            if afterwards is not None:
                afterwards(session, session.devices[1])
        options = dict(session.mounted_with)
    require_equal(tree.apply(layer), found.tree)
    return Injected(found, options)


def _clear_free_space(session: Session, disk: Disk, say: Say) -> None:
    for part in disk.partitions:
        # ext and FAT are cleared when the image is sealed, far faster than from in here.
        if part.mountpoint is not None and part.filesystem not in EXT and part.filesystem != "vfat":
            say(f"clearing the free space of {part.mountpoint}")
            session.zero_free_space(part.mountpoint)


def _read_back(
    session: Session, device: str, disk: Disk, digested: Collection[GuestPath] | None, say: Say
) -> Observation:
    """What a drive holds: every name with its metadata, and the content of the files named, or of all."""
    say("reading back names and metadata")
    mounts.mount_all(session, device, disk, writable=False)
    observed = read_tree(session)
    say(f"reading back the content of {'every file' if digested is None else 'the files that were written'}")
    observed = with_digests(session, observed, digested)
    session.umount_all()
    return Observation(disk, observed, {}, not mounts.unclean(session, device, disk))


def reserve(raw: Path) -> None:
    """Take all the space an image may need on this machine before the appliance writes.

    When the disk is full later, qemu pauses the virtual machine, and everything waits for ever.
    """
    with raw.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            os.posix_fallocate(stream.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            free = shutil.disk_usage(raw.parent).free >> 20
            raise PipelineError(
                f"{raw.parent}: disk full: the image needs {size >> 20} MiB in all, {free} MiB are free",
                "free some space, or put the workspace on a larger disk",
            ) from None


def require_equal(
    expected: Tree, observed: Tree, remedy: str = "build again; if it stays, report it: the image is not used"
) -> None:
    """Refuse an image that does not contain what it should; digests are compared where both are known."""
    wrong = list(_differences(expected, observed))
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise PipelineError(
            f"the image does not contain what was written: {'; '.join(wrong[:5])}{more}",
            remedy,
        )


def _differences(expected: Tree, observed: Tree) -> Iterator[str]:
    for path in sorted({*expected.nodes, *observed.nodes}):
        want, seen = expected.get(path), observed.get(path)
        if want is None or seen is None:
            yield f"{path} is {'there' if want is None else 'missing'}"
        elif want.sha256 is not None and seen.sha256 is not None and want.sha256 != seen.sha256:
            yield f"{path}: other content"
        else:
            names = ("kind", "mode", "uid", "gid", "size", "target", "device", "xattrs")
            other = [name for name in names if getattr(want, name) != getattr(seen, name)]
            if other:
                yield f"{path}: {', '.join(f'{name} {_shown(want, name)}, not {_shown(seen, name)}' for name in other)}"


def _shown(node: Node, name: str) -> str:
    value = getattr(node, name)
    return f"{value:o}" if name == "mode" else str(value)


def _require_same_partitions(session: Session, device: str, disk: Disk) -> None:
    for part in disk.partitions:
        if part.mountpoint is not None:
            found = session.filesystem(session.device_of(device, part))
            if found != part.filesystem:
                raise PipelineError(
                    f"partition {part.number} holds {found}, inspection found {part.filesystem}",
                    "inspect the vanilla image again: doit inspect",
                )


def _write(session: Session, disk: Disk, steps: Sequence[Step], epoch: int, scratch: Path) -> None:
    """Removals, then directories from the root down, then links and files."""
    for step in steps:
        if isinstance(step.entry, Removal) or (step.known is not None and not isinstance(step.entry, DirEntry)):
            # What is overwritten goes first: other names of a hard-linked file keep their content.
            session.remove(step.entry.path)
    session.commit()
    for step in steps:
        if isinstance(step.entry, DirEntry):
            if step.known is None:
                session.make_directory(step.entry.path)
            if not _on_fat(disk, step):
                session.set_mode_and_owner(step.entry.path, step.entry.mode, step.entry.uid, step.entry.gid)
    packed = [step.entry for step in steps if not _on_fat(disk, step)]
    archive = scratch / "layer.tar"
    with open_private(archive) as stream:
        write_archive(stream, (entry for entry in packed if isinstance(entry, FileEntry | LinkEntry)), epoch)
    session.unpack(archive)
    for number, step in enumerate(steps):
        if isinstance(step.entry, FileEntry) and _on_fat(disk, step):
            source = scratch / str(number)
            with open_private(source) as stream:
                stream.write(step.entry.content)
            session.upload(source, step.entry.path)


def _on_fat(disk: Disk, step: Step) -> bool:
    """Whether a step is about a FAT file system, on which tar fails to set owners."""
    mountpoint = step.entry.path[: len(step.entry.path) - len(step.below)] or "/"
    return any(part.mountpoint == mountpoint and part.filesystem == "vfat" for part in disk.partitions)


def write_archive(stream: BinaryIO, entries: Iterable[FileEntry | LinkEntry], epoch: int) -> None:
    """A tar archive of files and links, the same bytes for the same entries.

    It holds no directories: unpacked, a directory would take the place of a symbolic link to one.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(entries, key=lambda entry: entry.path):
            member = tarfile.TarInfo(entry.path[1:])
            member.uid, member.gid, member.mtime = entry.uid, entry.gid, epoch
            if isinstance(entry, LinkEntry):
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.target, 0o777
                archive.addfile(member)
            else:
                member.size, member.mode = len(entry.content), entry.mode
                # As GNU tar stores them; a value is any bytes.
                member.pax_headers = {
                    f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape") for name, value in entry.xattrs
                }
                archive.addfile(member, io.BytesIO(entry.content))
