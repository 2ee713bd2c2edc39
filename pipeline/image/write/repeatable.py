"""Brings a layer on an image so that the same inputs give the same bytes, whatever the clock and the machine do.

libguestfs injects the layer into a copy: the writer of record. Where its kernel puts things depends on time, so the
bytes come from elsewhere: libext2fs and mtools write the same layer into another copy, as pure functions of the image
and the layer. Both copies are read back by libguestfs in the same session and must hold the same tree, file by file.
Layers and file systems those two cannot carry keep what the kernel wrote (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.image.appliance.session import Session
from pipeline.image.containers import prepare
from pipeline.image.ext4 import seal
from pipeline.image.ext4.script import LONGEST_ATTRIBUTE, is_quotable
from pipeline.image.ext4.tools import EXT
from pipeline.image.write import stamp, write
from pipeline.image.write.placing import place
from pipeline.model.disk import Disk
from pipeline.model.layer import FileEntry, Layer, Removal
from pipeline.model.observation import Observation
from pipeline.model.tree import Tree
from pipeline.model.vanilla import Vanilla

Say = Callable[[str], None]

REPEATS = "libext2fs and mtools: the same inputs give the same bytes"


@dataclass(frozen=True)
class Written:
    """An image with its layer.

    Attributes:
        observation: the whole image as libguestfs read it back.
        by: who decided its bytes, and whether they repeat; words for the manifest.
    """

    observation: Observation
    by: str


def write_layer(
    raw: Path,
    vanilla: Vanilla,
    layer: Layer,
    *,
    epoch: int,
    state_dir: Path,
    say: Say,
    afterwards: Callable[[Session, str], None] | None = None,
) -> Written:
    """Bring a layer on an image, in place, and seal it.

    Args:
        raw: a private copy; beside it another copy lies meanwhile.
        vanilla: what the image contains.
        layer: landed: its paths are literal.

    Raises:
        PipelineError: an entry cannot be carried out, something is full, or the two writers' trees differ.
    """
    reason = reason_against(vanilla.disk, vanilla.tree, layer)
    if reason:
        return write_through_kernel(raw, vanilla, layer, reason, epoch=epoch, state_dir=state_dir, say=say)
    injected = raw.with_name(f"injected-{raw.name}")
    try:
        prepare.copy_sparse(raw, injected)
        say("writing the layer by libext2fs and mtools, then sealing")
        seal.seal(raw, vanilla.disk, epoch=epoch)
        stamp.stamp(raw, vanilla.disk, vanilla.tree, layer, epoch=epoch, state_dir=state_dir)
        done = write.inject(
            injected, vanilla, layer, epoch=epoch, state_dir=state_dir, say=say, twin=raw, afterwards=afterwards
        )
    finally:
        injected.unlink(missing_ok=True)
    return Written(done.observation, REPEATS)


def write_through_kernel(
    raw: Path, vanilla: Vanilla, layer: Layer, reason: str, *, epoch: int, state_dir: Path, say: Say
) -> Written:
    """Bring a layer on an image through libguestfs alone: the tree is right, the bytes are the kernel's choice.

    Args:
        reason: why no other writer does it.
    """
    say(f"the kernel decides where data lies, so bytes may differ from build to build: {reason}")
    done = write.inject(raw, vanilla, layer, epoch=epoch, state_dir=state_dir, say=say)
    seal.seal(raw, vanilla.disk, epoch=epoch)
    mounted = "; ".join(f"{place} {options}" for place, options in sorted(done.options.items()))
    return Written(done.observation, f"the appliance's kernel, bytes may not repeat: {reason}; mounted {mounted}")


def reason_against(disk: Disk, tree: Tree, layer: Layer) -> str:
    """Why libext2fs and mtools cannot bring this layer on; empty when they can."""
    return next(_reasons(disk, tree, layer), "")


def _reasons(disk: Disk, tree: Tree, layer: Layer) -> Iterator[str]:
    for partition, steps in place(disk, tree, layer).items():
        if partition.filesystem not in (*EXT, "vfat"):
            yield f"{partition.filesystem} on partition {partition.number}"
            continue
        if partition.filesystem == "vfat":
            continue
        for step in steps:
            # Names in a layer are plain; those of what it removes are the vendor's.
            below = tree.below(step.entry.path) if isinstance(step.entry, Removal) else ()
            strange = next((name for name in below if not is_quotable(name)), None)
            if strange is not None:
                yield f"debugfs cannot take the name {ascii(strange)}"
            values = step.entry.xattrs if isinstance(step.entry, FileEntry) else ()
            if any(len(value) > LONGEST_ATTRIBUTE for _, value in values):
                yield f"debugfs cuts off an attribute of {step.entry.path}"
