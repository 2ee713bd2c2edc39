"""Plants breakages into finished images: what a change does to what was seen of an image, as a layer on the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.containers.prepare import copy_sparse
from pipeline.image.write.placing import FAT_MODE, partition_of, place
from pipeline.image.write.stamp import stamp
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView, Unread
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.tree import Kind, Node
from tests.support.breakages import LAB, NORTH, SOUTH
from tests.support.esf_view import PLUGIN, REAL
from tests.support.rule_breakages import FRAMEWORK, LINUX

Read = Callable[[GuestPath], bytes]
Change = Callable[[ImageView], ImageView]

# The demonstration's own, in place of the one in the unit tests' image.
PLUGINS = tuple(f"{REAL}/plugins/org.example.platform.{name}_5.0.0.jar" for name in ("core", "net"))
_GATEWAYS = (NORTH, SOUTH, LAB)
_ORIGINS = (Origin("test.breakage", "tests"),)
# How a change says that what it spoils is not in this image.
NOT_HERE = (AssertionError, KeyError, PipelineError, Unread, ValueError, StopIteration, UnicodeError)


@dataclass(frozen=True)
class Breakage:
    """A row of the tables of breakages, as far as it can be planted.

    Attributes:
        paths: where its rule may say it is; more than one where the demonstration has files of other names.
        needs: what else than a finished image of the demonstration the row is about; empty when that will do.
        gateways: whose images to try, in this order.
    """

    rule: str
    name: str
    paths: tuple[str, ...]
    change: Change = field(repr=False, compare=False)
    needs: str = ""
    gateways: tuple[str, ...] = _GATEWAYS

    @property
    def id(self) -> str:
        """As the unit tests name it."""
        return f"{self.rule}: {self.name}"


def breakages() -> tuple[Breakage, ...]:
    """Every row of the tables, in their order."""
    linux = (Breakage(one.rule, one.name, (one.path,), one.change, _init(one.base)) for one in LINUX)
    esf = (
        Breakage(
            one.rule,
            one.name,
            (PLUGIN, *PLUGINS) if one.path == PLUGIN else (one.path,),
            one.change,
            _init(one.base) or ("other decisions of the release" if one.expected else ""),
            (one.gateway, *(name for name in _GATEWAYS if name != one.gateway))
            if one.gateway in _GATEWAYS
            else _GATEWAYS,
        )
        for one in FRAMEWORK
    )
    return (*linux, *esf)


def _init(name: str) -> str:
    """The demonstration boots by SysV."""
    return "" if name in ("sysv", "strict") else f"{name} as init"


def layer_between(before: ImageView, after: ImageView, read: Read) -> Layer:
    """What makes one image of the other: removals, and everything new or changed with the directories it needs.

    Args:
        read: content of a file of which mode or owner change only; a view does not hold what no rule reads.
    """
    old, new = before.tree.nodes, after.tree.nodes
    entries: dict[GuestPath, Entry] = {path: Removal(path, _ORIGINS) for path in old if path not in new}
    for path, node in new.items():
        known = old.get(path)
        if known is not None and _same(before, after, path, known, node):
            continue
        for above in path.ancestors():
            if above not in new and above not in entries:
                entries[above] = DirEntry(above, _ORIGINS, _mode(before, above, 0o755))
        entries[path] = _entry(before, after, path, node, read)
    return Layer.of(*entries.values())


def fits(before: ImageView, layer: Layer) -> bool:
    """Whether a layer can be written into the image at all."""
    assert before.disk is not None
    try:
        place(before.disk, before.tree, layer)
    except PipelineError:
        return False
    return True


def plant(source: Path, target: Path, view: ImageView, layer: Layer, *, epoch: int, state_dir: Path) -> None:
    """A copy of a finished image with a layer on it."""
    assert view.disk is not None
    copy_sparse(source, target)
    stamp(target, view.disk, view.tree, layer, epoch=epoch, state_dir=state_dir)


def _same(before: ImageView, after: ImageView, path: GuestPath, old: Node, new: Node) -> bool:
    told = (old.kind, old.mode, old.uid, old.gid, old.target) == (new.kind, new.mode, new.uid, new.gid, new.target)
    return told and before.files.get(path) == after.files.get(path)


def _entry(before: ImageView, after: ImageView, path: GuestPath, node: Node, read: Read) -> Entry:
    mode = _mode(before, path, node.mode)
    match node.kind:
        case Kind.FILE:
            content = after.files.get(path)
            return FileEntry(path, read(path) if content is None else content, _ORIGINS, mode, node.uid, node.gid)
        case Kind.DIRECTORY:
            return DirEntry(path, _ORIGINS, mode, node.uid, node.gid)
        case Kind.LINK:
            return LinkEntry(path, node.target, _ORIGINS, node.uid, node.gid)
    raise ValueError(f"{path}: a layer holds no {node.kind}")


def _mode(view: ImageView, path: GuestPath, mode: int) -> int:
    """FAT shows one mode for everything."""
    on_fat = view.disk is not None and partition_of(view.disk, path).filesystem == "vfat"
    return FAT_MODE if on_fat else mode
