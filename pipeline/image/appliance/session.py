"""Launches the libguestfs appliance and offers what the pipeline needs of it.

The appliance is a virtual machine: file systems of foreign images are parsed in there, not by this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.image.appliance import accelerator, mount_options, session_dir
from pipeline.image.appliance.appliance import CHECK_A_COPY, Appliance
from pipeline.image.containers.sniff import Container, sniff
from pipeline.image.ext4.tools import EXT
from pipeline.model.disk import Partition
from pipeline.model.guest_path import GuestPath

Say = Callable[[str], None]

_MEMORY = 1024  # MiB of the appliance: fixed, so that the kernel in it behaves alike everywhere
_AT_ONCE = 2000  # names in one call; a reply may have 4 MiB
_PIECE = 2 << 20  # bytes in one reply


@dataclass(frozen=True)
class Drive:
    """An image for the appliance.

    Attributes:
        writable: the file itself is changed; else whatever happens in the appliance never reaches it, and it may be
            read-only for its owner too.
    """

    path: Path
    writable: bool


@dataclass(frozen=True)
class Stat:
    """Metadata of one path as lstat(2) says it."""

    mode: int
    uid: int
    gid: int
    size: int
    device: int


@contextmanager
def launch(drives: Sequence[Drive], *, state_dir: Path, say: Say, deadline: float = 600) -> Iterator[Session]:
    """A running appliance with these drives, in their order.

    Args:
        state_dir: a private directory that stays between runs; temporary files and what was learned of KVM lie there.
        say: told what takes time, once per phase.
        deadline: seconds for starting; then it is given up.

    Raises:
        PipelineError: libguestfs is missing, does not start, or an operation fails. Nothing of it stays behind.
    """
    session_dir.sweep(state_dir)
    for drive in drives:
        _refuse_containers(drive)
    settings = accelerator.settings(state_dir, say)
    with session_dir.claim(state_dir) as place:
        appliance = Appliance(place)
        try:
            session = Session(appliance, place, tuple(drives))
            session.start(settings, deadline, say)
            yield session
            # Flush everything and end the appliance; errors of the last writes surface here.
            appliance.call("shutdown")
        finally:
            appliance.close()


class Session:
    """The appliance, by the operations that are used of it. Paths are of the mounted image, not of this machine."""

    def __init__(self, appliance: Appliance, place: session_dir.Place, drives: tuple[Drive, ...]) -> None:
        self._appliance = appliance
        self._call = appliance.call
        self._place = place
        self._drives = drives
        self.mounted_with: dict[GuestPath, str] = {}
        """The options of everything that was mounted writable, by mount point."""

    def start(self, settings: Sequence[str], deadline: float, say: Say) -> None:
        """Launch; to be called once."""
        for name, value in (
            ("set_backend", "direct"),
            ("set_backend_settings", list(settings)),
            ("set_tmpdir", str(self._place.directory)),
            ("set_memsize", _MEMORY),
            ("set_smp", 1),  # one processor: the order of allocations repeats
            ("set_pgroup", True),  # Ctrl-C reaches us, and we end qemu; not both at once
            *accelerator.overrides(),
        ):
            self._call(name, value)
        for number, drive in enumerate(self._drives):
            path, form = (drive.path, "raw") if drive.writable else (self._overlay(number, drive.path), "qcow2")
            # Never readonly=True: libguestfs then hides the format from qemu, which guesses it.
            self._call("add_drive", str(path), readonly=False, format=form)
        say(f"starting the appliance ({'TCG, without KVM' if 'force_tcg' in settings else 'KVM'})")
        with self._place.marked():
            self._call("launch", seconds=deadline)

    @property
    def is_gone(self) -> bool:
        """Whether the appliance was ended because a call did not; no further call can succeed then."""
        return self._appliance.is_dead

    @property
    def devices(self) -> tuple[str, ...]:
        """Device names of the drives, in their order."""
        return tuple(_device_name(number) for number in range(len(self._drives)))

    def device_of(self, device: str, partition: Partition) -> str:
        """Device name of a partition of a drive."""
        return f"{device}{partition.number}" if partition.number else device

    def filesystem(self, device: str) -> str:
        """The file system on a device as blkid names it; ``unknown`` when there is none."""
        return str(self._call("vfs_type", device)) or "unknown"

    def identity(self, device: str) -> tuple[str, str]:
        """Label and UUID of the file system on a device; empty where it has none."""
        about = self._call("blkid", device)
        return str(about.get("LABEL", "")), str(about.get("UUID", ""))

    def ext_state(self, device: str) -> Mapping[str, str]:
        """The superblock of an ext file system as ``tune2fs -l`` shows it."""
        found: Mapping[str, str] = self._call("tune2fs_l", device)
        return found

    def mount(self, device: str, filesystem: str, mountpoint: GuestPath, *, writable: bool) -> None:
        """Mount a file system in the way its kind demands.

        Writable ones so that where the kernel places data depends on as little else as it lets one choose; the others
        without replaying a journal, so that what is seen is what the image holds.
        """
        # The type is named: the kernel tries nothing else. One driver serves all three ext kinds.
        kind = "ext4" if filesystem in EXT else filesystem
        choices = mount_options.writable(kind) if writable else (mount_options.read_only(kind),)
        for options in choices:
            try:
                self._call("mount_vfs", options, kind, device, mountpoint)
            except PipelineError:
                # An option this kernel does not know fails the mount as damage does; only the last try tells which.
                if options == choices[-1] or self.is_gone:
                    raise
            else:
                if writable:
                    self.mounted_with[mountpoint] = options
                return

    def commit(self) -> None:
        """Write everything out; blocks that were freed can be used again from now on, not some seconds later."""
        self._call("sync")

    def mount_memory(self, mebibytes: int) -> None:
        """Mount an empty file system in the appliance's memory as the root, in place of an image.

        What lies at a path of it is known to scripts of the appliance itself as ``/sysroot`` and that path.
        """
        self._call("debug", "sh", [f"mount -t tmpfs -o size={mebibytes}m,mode=700 tmpfs /sysroot"])

    def run_script(self, script: str, *, seconds: float) -> str:
        """Run a shell script that lies in the appliance, named as the appliance sees it; what it printed.

        ``debug`` is libguestfs' one way to run a program of the appliance and not of the image (guestfs(3): part of
        every build since 1.0, its ``sh`` subcommand since 1.0.54).
        """
        return str(self._call("debug", "sh", [f"sh {script} 2>&1"], seconds=seconds))

    def umount_all(self) -> None:
        """Unmount everything; what was written is on the drives then."""
        self._call("umount_all")

    def exists(self, path: GuestPath) -> bool:
        """Whether something lies at a path."""
        return bool(self._call("exists", path))

    def is_directory(self, path: GuestPath) -> bool:
        """Whether a path is a directory, not a link to one."""
        return bool(self._call("is_dir", path))

    def find(self, directory: GuestPath) -> list[bytes]:
        """Names of everything below a directory, relative to it, in no order."""
        with self._place.scratch() as file:
            self._call("find0", directory, str(file))
            return [name for name in file.read_bytes().split(b"\0") if name]

    def stat(self, path: GuestPath) -> Stat:
        """Metadata of one path; a link is not followed."""
        return _stat(self._call("lstatns", path))

    def path_attributes(self, path: GuestPath) -> tuple[tuple[str, bytes], ...]:
        """Extended attributes of one path, sorted; a link is not followed."""
        return tuple(sorted((str(one["attrname"]), bytes(one["attrval"])) for one in self._call("lgetxattrs", path)))

    def stats(self, directory: GuestPath, names: Sequence[str]) -> list[Stat]:
        """Metadata of names in one directory, in their order."""
        return [_stat(one) for chunk in _chunks(names) for one in self._call("lstatnslist", directory, chunk)]

    def links(self, directory: GuestPath, names: Sequence[str]) -> list[str]:
        """Targets of the symbolic links among names in one directory; empty for others."""
        return [str(target) for chunk in _chunks(names) for target in self._call("readlinklist", directory, chunk)]

    def attributes(self, directory: GuestPath, names: Sequence[str]) -> list[tuple[tuple[str, bytes], ...]]:
        """Extended attributes of names in one directory, sorted, in the order of the names."""
        found: list[tuple[tuple[str, bytes], ...]] = []
        for chunk in _chunks(names):
            current: list[tuple[str, bytes]] = []
            # For each name: an entry that counts its attributes, then the attributes.
            expected = 0
            for one in self._call("lxattrlist", directory, chunk):
                if expected == 0:
                    expected, current = int(one["attrval"].rstrip(b"\0") or b"0"), []
                else:
                    current.append((str(one["attrname"]), bytes(one["attrval"])))
                    expected -= 1
                if expected == 0:
                    found.append(tuple(sorted(current)))
        return found

    def digest(self, path: GuestPath) -> str:
        """SHA-256 of a regular file's content."""
        return str(self._call("checksum", "sha256", path))

    def digests(self, directory: GuestPath) -> bytes:
        """SHA-256 of every regular file below a directory, as ``sha256sum`` prints them."""
        with self._place.scratch() as file:
            self._call("checksums_out", "sha256", directory, str(file))
            return file.read_bytes()

    def read(self, path: GuestPath, size: int) -> bytes:
        """Content of a regular file of a known size; piece by piece, which is far quicker than libguestfs' read_file.

        Raises:
            PipelineError: it does not have that size.
        """
        pieces: list[bytes] = []
        place = 0
        while piece := self._call("pread", path, _PIECE, place):
            pieces.append(bytes(piece))
            place += len(piece)
            if place > size:
                break
        if place != size:
            raise PipelineError(f"{path}: {place} bytes can be read where its inode gives {size}", CHECK_A_COPY)
        return b"".join(pieces)

    def first_bytes(self, path: GuestPath, count: int) -> bytes:
        """The beginning of a regular file: what kind of program it is, for one."""
        return bytes(self._call("pread", path, count, 0))

    def remove(self, path: GuestPath) -> None:
        """Remove a path and all below it; links are not followed."""
        self._call("rm_rf", path)

    def make_directory(self, path: GuestPath) -> None:
        """Make one directory."""
        self._call("mkdir", path)

    def set_mode_and_owner(self, path: GuestPath, mode: int, uid: int, gid: int) -> None:
        """Mode and owner of a path that is no link."""
        self._call("chown", uid, gid, path)
        self._call("chmod", mode, path)

    def unpack(self, archive: Path) -> None:
        """Unpack a tar archive of this machine at the root; it must hold no directories that exist."""
        self._call("tar_in", str(archive), "/", xattrs=True)

    def upload(self, source: Path, path: GuestPath) -> None:
        """Write a file of this machine to a path."""
        self._call("upload", str(source), path)

    def zero_free_space(self, directory: GuestPath) -> None:
        """Overwrite the free blocks of the file system mounted at a directory."""
        self._call("zero_free_space", directory)

    def _overlay(self, number: int, image: Path) -> Path:
        """A throw-away qcow2 on an image that stays untouched; both formats are named, so nobody guesses."""
        overlay = self._place.directory / f"overlay{number}.qcow2"
        tools.run(
            "qemu-img",
            *("create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.resolve(), overlay),
            reason="protect an image from being written to",
        )
        return overlay


def _stat(one: Mapping[str, int]) -> Stat:
    return Stat(one["st_mode"], one["st_uid"], one["st_gid"], one["st_size"], one["st_rdev"])


def _refuse_containers(drive: Drive) -> None:
    """A second look, whoever prepared the file: only raw disks reach the appliance."""
    kind = sniff(drive.path)
    if kind not in (Container.DISK, Container.UNKNOWN):
        raise PipelineError(f"{drive.path}: is {kind}, not a raw disk", "give the raw image; doit inspect makes one")


def _device_name(number: int) -> str:
    """/dev/sda, …, /dev/sdz, /dev/sdaa: how Linux numbers SCSI disks."""
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("a") + letter) + name
    return f"/dev/sd{name}"


def _chunks(names: Sequence[str]) -> Iterator[list[str]]:
    yield from (list(names[start : start + _AT_ONCE]) for start in range(0, len(names), _AT_ONCE))
