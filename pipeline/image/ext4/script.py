"""The debugfs script that carries out a layer on an ext file system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers import sparse
from pipeline.image.write.placing import Step
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, LinkEntry, Removal
from pipeline.model.tree import Kind, Node, Tree

_FILE, _DIRECTORY, _LINK = 0o100000, 0o040000, 0o120000

LONGEST_ATTRIBUTE = 1024  # bytes: debugfs reads one block of a value, and says nothing of the rest


def script_for(
    steps: Sequence[Step], tree: Tree, contents: Mapping[GuestPath, Path], *, epoch: int, wide: bool, scratch: Path
) -> Iterator[str]:
    """Commands in the order of the steps: removals first, then from the root down, then times of the directories.

    Args:
        contents: host files with the contents of the files to be written.
        wide: inodes have room for creation times and fractions of seconds.
        scratch: where values of extended attributes are put for debugfs to read.

    Raises:
        PipelineError: a name debugfs cannot take.
    """
    touched: set[GuestPath] = set()
    for number, step in enumerate(steps):
        entry, path = step.entry, step.below
        if not isinstance(entry, DirEntry) or step.known is None:
            touched.add(path.parent)
        match entry:
            case Removal():
                yield from _remove(step, tree)
                touched.discard(path)
            case FileEntry():
                yield from _unlink(path, step.known)
                yield f"cd {_quote(path.parent)}"
                yield f"write {_quote(str(contents[path]))} {_quote(path.name)}"
                yield from _set(path, _FILE | entry.mode, entry.uid, entry.gid, epoch, wide=wide)
                for index, (name, value) in enumerate(entry.xattrs):
                    if len(value) > LONGEST_ATTRIBUTE:
                        raise PipelineError(
                            f"{entry.path}: debugfs cuts the attribute {name} off",
                            'use writer = "guestfs" under [output]',
                        )
                    source = scratch / f"xattr-{number}-{index}"
                    with sparse.open_private(source) as stream:
                        stream.write(value)
                    yield f"ea_set -f {_quote(str(source))} {_quote(path)} {_quote(name)}"
            case LinkEntry():
                yield from _unlink(path, step.known)
                yield f"cd {_quote(path.parent)}"
                yield f"symlink {_quote(path.name)} {_quote(entry.target)}"
                yield from _set(path, _LINK | 0o777, entry.uid, entry.gid, epoch, wide=wide)
            case DirEntry():
                if step.known is None:
                    yield f"cd {_quote(path.parent)}"
                    yield f"mkdir {_quote(path.name)}"
                yield from _set(path, _DIRECTORY | entry.mode, entry.uid, entry.gid, epoch, wide=wide)
    removed = [step.below for step in steps if isinstance(step.entry, Removal)]
    for directory in sorted(touched):
        if not any(directory == path or directory.is_under(path) for path in removed):
            yield from _times(directory, epoch, wide=wide)


def _remove(step: Step, tree: Tree) -> Iterator[str]:
    """Remove what lies at a path and below it, deepest first: debugfs removes empty directories only."""
    root = step.entry.path
    for path in (*reversed(tree.below(root)), root):
        node = tree.nodes[path]
        # The same path inside this file system.
        below = GuestPath(step.below + path[len(root) :])
        if node.kind is Kind.DIRECTORY:
            yield f"rmdir {_quote(below)}"
        else:
            yield from _unlink(below, node)


def _unlink(path: GuestPath, node: Node | None) -> Iterator[str]:
    if node is not None:
        yield f"rm {_quote(path)}"


def _set(path: GuestPath, mode: int, uid: int, gid: int, epoch: int, *, wide: bool) -> Iterator[str]:
    for name, value in (("mode", f"0{mode:o}"), ("uid", uid), ("gid", gid), ("generation", 0)):
        yield f"sif {_quote(path)} {name} {value}"
    yield from _times(path, epoch, wide=wide)


def _times(path: GuestPath, epoch: int, *, wide: bool) -> Iterator[str]:
    for name in ("atime", "ctime", "mtime", *(("crtime",) if wide else ())):
        yield f"sif {_quote(path)} {name} @{epoch}"
    if wide:
        yield from (f"sif {_quote(path)} {name}_extra 0" for name in ("atime", "ctime", "mtime", "crtime"))


def is_quotable(text: str) -> bool:
    """Whether debugfs can be told a name: it reads one command per line."""
    return text.isprintable()


def _quote(text: str) -> str:
    """An argument for debugfs: inside quotation marks only those marks have a meaning, and are written twice."""
    if not is_quotable(text):
        raise PipelineError(f"{ascii(text)}: debugfs cannot take this name", 'use writer = "guestfs" under [output]')
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
