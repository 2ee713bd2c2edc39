"""Two readers look at every gateway: its delta over the base, compared with the plan, and with one another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.errors import PipelineError
from pipeline.formats.tree_text import format_node
from pipeline.image.ext4.seal import open_ext4
from pipeline.image.witness.client import NAMES, Seen, SeenBase, Witness
from pipeline.image.witness.found import Found
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.verdict import Finding

BLOCK = 4096


@dataclass(frozen=True)
class Look:
    """What was found of one gateway.

    Attributes:
        contents: of the files that were asked for, as one reader gave them and the other one's digest confirms.
        read: how many files were read.
    """

    findings: tuple[Finding, ...]
    contents: Mapping[GuestPath, bytes] = field(repr=False)
    read: int


class Readers:
    """Both readers over one base; use as a context manager."""

    def __init__(self, base: Path, disk: Disk, partitions: Sequence[Partition], tree: Tree) -> None:
        """Name the base.

        Args:
            partitions: the mounted ext partitions.
            tree: what the base must contain; content where it has a digest.
        """
        self._base, self._disk, self._partitions, self._tree = base, disk, tuple(partitions), tree
        self._witnesses = tuple(Witness(name, base, partitions) for name in NAMES)
        self._seen: dict[str, SeenBase] = {}
        self._files_of: dict[int, set[GuestPath]] = {}
        self._tables: dict[int, tuple[int, int, list[int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End their processes."""
        for witness in self._witnesses:
            witness.close()

    def afresh(self) -> Readers:
        """The same with processes of their own, for another process; they look at the base when they are asked."""
        other = Readers(self._base, self._disk, self._partitions, self._tree)
        other._seen, other._files_of, other._tables = self._seen, self._files_of, self._tables
        return other

    def base(self, *, digest: Sequence[str] = (), read: Collection[str] = ()) -> Look:
        """Both read the base itself; before anything else.

        Args:
            digest: files whose content is compared; ``["*"]`` for all.
        """
        findings: list[Finding] = []
        digests: dict[str, Mapping[str, str]] = {}
        for witness in self._witnesses:
            try:
                seen = witness.base(digest=digest, read=read)
            except PipelineError as error:
                findings.append(_unreadable(witness, error))
                continue
            self._seen[witness.reader] = seen
            digests[witness.reader] = seen.digests
            mine = {GuestPath(path) for path in self._tree.nodes if self._is_here(GuestPath(path))}
            # What lies below a mount point in the file system under it, nobody sees on a gateway.
            seen_here = {one for text in seen.paths if self._is_here(one := GuestPath(text))}
            for path in sorted({*mine, *seen_here}):
                wanted = self._tree.get(path) if path in mine else None
                findings += _compare(path, wanted, seen.paths.get(path), seen.digests.get(path), witness)
            for text, spans in seen.owners.items():
                self._remember(GuestPath(text), spans, seen.paths[text].inode)
        first = next(iter(self._seen.values()), None)
        contents = {GuestPath(path): data for path, data in first.contents.items()} if first else {}
        return Look(tuple(findings), contents, len(next(iter(digests.values()), {})))

    def gateway(
        self, blocks: Mapping[int, bytes], after: Tree, touched: Collection[GuestPath], read: Collection[GuestPath] = ()
    ) -> Look:
        """Both read the base with some blocks replaced.

        Args:
            after: what the image must contain.
            touched: paths in which it differs from the base, or may.
            read: files whose content is wanted.
        """
        suspects = self._suspects(blocks, after, touched)
        files = {path for path in touched if (node := after.get(path)) is not None and node.kind is Kind.FILE}
        findings: list[Finding] = []
        seen: dict[str, Seen] = {}
        for index, witness in enumerate(self._witnesses):
            try:
                found = witness.gateway(blocks, digest={*suspects, *files, *read}, read=read if index else ())
            except PipelineError as error:
                findings.append(_unreadable(witness, error))
                continue
            seen[witness.reader] = found
            base = self._seen[witness.reader].paths if witness.reader in self._seen else {}
            for text in sorted({*found.changed, *found.gone, *touched, *suspects}):
                path = GuestPath(text)
                if not self._is_here(path):
                    if text in found.changed or text in found.gone:
                        hidden = f"changed, hidden below a mount point ({NAMES[witness.reader]})"
                        findings.append(Finding(path, "extra", "as in the base", hidden))
                    continue
                now = found.changed.get(text) or (None if text in found.gone else base.get(text))
                findings += _compare(path, after.get(path), now, found.digests.get(text), witness)
        last = next(reversed(seen.values()), None)
        contents = {GuestPath(path): data for path, data in last.contents.items()} if last else {}
        return Look(tuple(findings), contents, len(suspects) + len(files))

    def _remember(self, path: GuestPath, spans: Sequence[tuple[int, int]], inode: int) -> None:
        """Which blocks decide about a file's content: its own, and the one its inode lies in."""
        for start, length in spans:
            for number in range(start // BLOCK, -(-(start + length) // BLOCK)):
                self._files_of.setdefault(number, set()).add(path)
        partition = self._partition_of(path)
        self._files_of.setdefault(self._inode_place(partition, inode) // BLOCK, set()).add(path)

    def _inode_place(self, partition: Partition, inode: int) -> int:
        if partition.number not in self._tables:
            with self._base.open("rb") as stream:
                filesystem = open_ext4(stream.fileno(), partition)
                superblock = filesystem.superblock
                self._tables[partition.number] = (
                    superblock.inodes_per_group,
                    superblock.inode_size,
                    [filesystem.inode_table(number)[0] for number in range(superblock.groups)],
                )
        per_group, size, tables = self._tables[partition.number]
        group, index = divmod(inode - 1, per_group)
        return tables[group] + index * size

    def _suspects(self, blocks: Mapping[int, bytes], after: Tree, touched: Collection[GuestPath]) -> set[GuestPath]:
        """Files that the plan leaves alone and a changed block may have changed."""
        known = {path for number in blocks for path in self._files_of.get(number, ())}
        return {path for path in known if path not in touched and after.get(path) is not None}

    def _partition_of(self, path: GuestPath) -> Partition:
        fitting = [
            part
            for part in self._disk.partitions
            if part.mountpoint is not None and (part.mountpoint == path or path.is_under(part.mountpoint))
        ]
        return max(fitting, key=lambda part: len((part.mountpoint or GuestPath("/")).parts))

    def _is_here(self, path: GuestPath) -> bool:
        """Whether these readers can see it: it lies on an ext partition."""
        return self._partition_of(path) in self._partitions


def _compare(
    path: GuestPath, wanted: Node | None, found: Found | None, digest: str | None, witness: Witness
) -> Iterator[Finding]:
    name = NAMES[witness.reader]
    if wanted is None or found is None:
        if wanted is not None or found is not None:
            yield Finding(path, "extra" if wanted is None else "missing", _line(wanted), f"{_told(found)} ({name})")
        return
    expected = (wanted.kind.value, wanted.mode, wanted.uid, wanted.gid, wanted.size, wanted.target)
    device = wanted.device if found.device is None else found.device
    xattrs = wanted.xattrs if found.xattrs is None else found.xattrs
    if expected != found[:6] or device != wanted.device or xattrs != wanted.xattrs:
        yield Finding(path, "metadata", _line(wanted), f"{_told(found)} ({name})")
    elif digest is not None and wanted.sha256 is not None and digest != wanted.sha256:
        yield Finding(path, "content", f"sha256:{wanted.sha256}", f"sha256:{digest} ({name})")


def _line(node: Node | None) -> str:
    return "not there" if node is None else format_node(node)


def _told(found: Found | None) -> str:
    if found is None:
        return "not there"
    return f"{found.kind} {found.mode:04o} {found.uid}:{found.gid} {found.size} {found.target}".rstrip()


def _unreadable(witness: Witness, error: PipelineError) -> Finding:
    return Finding(NAMES[witness.reader], "readable", "", error.problems[0].what)
