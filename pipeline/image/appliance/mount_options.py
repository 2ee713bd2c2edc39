"""Mount options for the kernel of the appliance, whichever kernel that is.

Where ext4 puts a new file depends on which groups of blocks the kernel has looked at, which blocks a journal's commit
has given back, and on delayed writing: on time. The options take away what can be taken away; they do not make the
kernel's allocator a pure function, which is why ext and FAT are written by other means where bytes must repeat
(docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Iterator

_EXT = (
    "noatime",
    "nodelalloc",  # blocks are chosen when a file is written, not when memory is short
    "noinit_itable",  # no thread that clears inode tables meanwhile
    "nodiscard",
)
# A commit gives freed blocks back: only where we ask for one. Without a journal, the option fails the mount.
_JOURNAL = "commit=3600"
# Linux 5.13 and newer; older kernels refuse to mount with either. Bitmaps are read when they are needed, not in the
# background; groups are tried in their order, not by what has been read of them so far.
_NEWER = ("no_prefetch_block_bitmaps", "mb_optimize_scan=0")


def writable(filesystem: str) -> tuple[str, ...]:
    """Option strings to be tried one after another: a kernel that does not know one fails the mount.

    Args:
        filesystem: the kernel's driver.
    """
    if filesystem != "ext4":
        return ("noatime",)
    return tuple(",".join((*_EXT, *journal, *newer)) for journal in ((_JOURNAL,), ()) for newer in _fewer(_NEWER))


def read_only(filesystem: str) -> str:
    """Options with which nothing is written, not even a journal's replay."""
    return {"ext4": "ro,noload", "xfs": "ro,norecovery"}.get(filesystem, "ro")


def _fewer(options: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All, each alone, none."""
    yield options
    yield from ((option,) for option in options)
    yield ()
