"""Writes a tree into a new ext4 file system inside a disk image: no root, no mount, the same bytes every time.

``mke2fs -d`` takes owners from the host's files, so only root could use it; and e2fsprogs 1.47.0 does not read tar. One
``debugfs`` script makes every path with exact owner, mode and times instead, for any user.
"""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.members import Member, Members
from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

BLOCK = 4096

# What the kernel and U-Boot of a gateway of that age read: no orphan_file, no metadata_csum_seed (both need a kernel
# of the 2020s), but the checksums and journal that the sealing of real images has to cope with.
_FEATURES = (
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,"
    "dir_nlink,extra_isize,64bit,metadata_csum"
)
_TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.LINK: stat.S_IFLNK,
    Kind.CHARACTER: stat.S_IFCHR,
    Kind.BLOCK: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
}


@dataclass(frozen=True)
class Ext4:
    """Where and as what the file system is made: offset and size in bytes inside the image, its name and identity."""

    offset: int
    size: int
    label: str
    uuid: uuid.UUID


def write_ext4(image: Path, place: Ext4, members: Members, scratch: Path, *, epoch: int) -> None:
    """Make an ext4 file system at a place of an existing image and fill it.

    Args:
        members: complete tree, ``/`` included; every directory above a member is itself a member.
        scratch: an existing empty directory for the files debugfs copies from.

    Raises:
        PipelineError: the tree does not fit, has a name debugfs cannot take, or a tool is missing.
    """
    fixed = {
        # The only clock e2fsprogs 1.47.0 honours (SOURCE_DATE_EPOCH came with 1.47.1).
        "E2FSPROGS_FAKE_TIME": str(epoch),
        # The host's /etc/mke2fs.conf must not decide about features or inode sizes.
        "MKE2FS_CONFIG": "/nonexistent",
        "DEBUGFS_PAGER": "cat",
    }
    tools.run(
        "mke2fs",
        *("-F", "-q", "-t", "ext4", "-b", str(BLOCK), "-I", "256", "-i", "16384", "-m", "1", "-J", "size=8"),
        *("-O", _FEATURES, "-L", place.label, "-U", str(place.uuid)),
        "-E",
        # lazy initialisation would leave the inode tables to the first mount, that is to the kernel of whoever
        # mounts it; the hash seed is random unless given.
        f"offset={place.offset},hash_seed={uuid.uuid5(place.uuid, 'hash seed')},root_owner=0:0,"
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
        image,
        f"{place.size // 1024}k",
        reason="make the root file system of the demo image",
        env=fixed,
    )
    script = scratch / "debugfs.script"
    script.write_text("\n".join(_script(members, scratch, epoch)) + "\n", "utf-8", "surrogateescape")
    done = tools.run(
        "debugfs",
        *("-w", "-f", script, f"{image}?offset={place.offset}"),
        reason="fill the root file system of the demo image",
        env=fixed,
    )
    # debugfs exits with 0 when a command fails; it says so on standard error, where its banner goes too.
    complaints = [line for line in done.complaints.splitlines() if line and not line.startswith("debugfs 1.")]
    if complaints:
        raise PipelineError(
            f"debugfs: failed to fill the root file system of the demo image: {complaints[0]}",
            "make the image larger (ROOT_SIZE in pipeline/demo/disk.py) if it says that there is no space",
        )


def _script(members: Members, scratch: Path, epoch: int) -> Iterator[str]:
    """The debugfs commands that make all members, directory by directory, then set every inode's fields.

    Fields come last because adding a name to a directory may touch the directory's own times.
    """
    children: dict[GuestPath, list[GuestPath]] = {}
    for path in sorted(members):
        if path != "/":
            children.setdefault(path.parent, []).append(path)
    number = 0
    for directory, paths in sorted(children.items()):
        yield f"cd {_quoted(directory)}"
        for path in paths:
            member = members[path]
            name = _quoted(path.name)
            if member.same_as is not None:
                continue
            match member.kind:
                case Kind.DIRECTORY:
                    yield f"mkdir {name}"
                case Kind.FILE:
                    source = scratch / str(number)
                    number += 1
                    source.write_bytes(member.read())
                    yield f"write {_quoted(str(source))} {name}"
                case Kind.LINK:
                    yield f"symlink {name} {_quoted(member.target)}"
                case Kind.CHARACTER | Kind.BLOCK:
                    yield f"mknod {name} {member.kind} {member.device[0]} {member.device[1]}"
                case Kind.FIFO:
                    yield f"mknod {name} p"
                case Kind.SOCKET:
                    raise PipelineError(
                        f"{path}: a socket in the demo's tree", "take it out; sockets are made at run time"
                    )
    yield "cd /"
    links: dict[GuestPath, int] = {}
    for path, member in sorted(members.items()):
        if member.same_as is not None:
            yield f"ln {_quoted(member.same_as)} {_quoted(path)}"
            links[member.same_as] = links.get(member.same_as, 1) + 1
        else:
            yield from _fields(path, member, epoch)
    for path, count in sorted(links.items()):
        yield f"sif {_quoted(path)} links_count {count}"


def _fields(path: GuestPath, member: Member, epoch: int) -> Iterator[str]:
    name = _quoted(path)
    yield f"sif {name} mode 0{_TYPES[member.kind] | member.mode:o}"
    if member.uid:
        yield f"sif {name} uid {member.uid}"
    if member.gid:
        yield f"sif {name} gid {member.gid}"
    yield f"sif {name} mtime @{member.mtime}"
    yield f"sif {name} atime @{member.mtime}"
    yield f"sif {name} ctime @{epoch}"
    yield f"sif {name} crtime @{epoch}"


def _quoted(text: str) -> str:
    """A word of a debugfs script; there is no way to write a line break, and quotes are refused to be safe."""
    if any(character in text for character in '"\n\r\0'):
        raise PipelineError(
            f"{text!r}: a name that debugfs cannot take",
            "rename it, or leave the package that brings it out of pipeline/demo/rootfs.py",
        )
    return f'"{text}"'
