"""Base: the product layer goes into private copies of the vanilla image, by libguestfs and by who makes its bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pipeline.build import reading
from pipeline.build.asking import ask_in_session
from pipeline.build.decisions import require_sound_choices
from pipeline.build.fleet_fitness import require_fit_for_deltas
from pipeline.build.keys import base_key
from pipeline.build.names import is_fleet
from pipeline.build.publishing import require_publishable
from pipeline.errors import PipelineError
from pipeline.formats import canonical_json, tree_text
from pipeline.host.digests import write_atomically
from pipeline.host.durable import sync_directory, sync_file
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.read.raw_region import write_changes
from pipeline.image.write import repeatable
from pipeline.model.layer import Layer
from pipeline.model.tree import Tree

BY_CHOICE = 'writer = "guestfs" in gateway.toml'


def is_built(workspace: Workspace) -> bool:
    """Whether the base image is that of the inputs as they are now."""
    return is_current(workspace.record("base"), base_key(workspace))


def build_base(workspace: Workspace, say: Say) -> None:
    """Inject, read back, compare, seal; the base has its name only when all of it succeeded."""
    workspace.make_state()
    require_fit_for_deltas(workspace)
    key = base_key(workspace)
    inputs = reading.inputs_of(workspace)
    require_sound_choices(workspace)
    plan = reading.product_plan_of(workspace)
    workspace.record("base").unlink(missing_ok=True)
    growing = workspace.base.with_suffix(".growing")
    growing.unlink(missing_ok=True)
    require_space(workspace, 2 * inputs.vanilla.disk.size)  # as libguestfs injects it, and as it will be
    if not is_fleet(workspace):
        require_publishable(workspace)
    try:
        prepare.copy_sparse(workspace.raw, growing)
        written = _write(workspace, growing, plan.layer, say)
        require_as_planned(plan.after, written.observation.tree)
        write_changes(growing, plan.raw)
        write_atomically(
            workspace.base_tree, canonical_json.dumps(tree_text.format_tree(written.observation.tree)), 0o600
        )
        write_atomically(workspace.base_writer, written.by.encode(), 0o600)
        sync_file(growing)
        growing.replace(workspace.base)
        sync_directory(workspace.base.parent)
    except BaseException:
        growing.unlink(missing_ok=True)
        raise
    write_record(workspace.record("base"), key, [workspace.base, workspace.base_tree, workspace.base_writer])
    say(f"base image: {len(plan.layer)} changes on {len(inputs.vanilla.tree)} paths")


def _write(workspace: Workspace, image: Path, layer: Layer, say: Say) -> repeatable.Written:
    inputs = reading.inputs_of(workspace)
    epoch, state_dir = inputs.release.epoch, workspace.state / "appliance"
    if inputs.release.output.writer == "guestfs":
        return repeatable.write_through_kernel(
            image, inputs.vanilla, layer, BY_CHOICE, epoch=epoch, state_dir=state_dir, say=say
        )
    return repeatable.write_layer(
        image,
        inputs.vanilla,
        layer,
        epoch=epoch,
        state_dir=state_dir,
        say=say,
        # The appliance runs and has the new base as a drive it cannot change: a start of it is saved.
        afterwards=lambda session, device: ask_in_session(workspace, session, device, say),
    )


def base_tree_of(workspace: Workspace) -> Tree:
    """Every path of the base image with its content digest."""
    return tree_text.parse_tree(json.loads(workspace.base_tree.read_bytes()))


def require_as_planned(planned: Tree, observed: Tree) -> None:
    """What libguestfs read back must be what was planned: names, metadata, and content where the plan knows it."""
    wrong: list[str] = []
    for path in sorted({*planned.nodes, *observed.nodes}):
        want, have = planned.get(path), observed.get(path)
        if want is None or have is None:
            wrong.append(f"{path} ({'not planned' if want is None else 'missing'})")
        elif (want.kind, want.mode, want.uid, want.gid, want.size, want.target, want.xattrs) != (
            have.kind, have.mode, have.uid, have.gid, have.size, have.target, have.xattrs,
        ) or want.sha256 not in (None, have.sha256):  # fmt: skip
            wrong.append(f"{path} (differs)")
    if wrong:
        raise PipelineError(
            f"the image read back is not what was planned: {', '.join(wrong[:5])}"
            + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""),
            "a fault of the pipeline or of the machine's memory or disk; build again, and report it if it stays",
        )


def require_space(workspace: Workspace, size: int) -> None:
    """Refuse to begin what the disk cannot hold: a full disk would stop the appliance's virtual machine mid-write."""
    free = shutil.disk_usage(workspace.state).free
    if free < size:
        raise PipelineError(
            f"{workspace.state}: {free >> 20} MiB free, an image needs up to {size >> 20} MiB",
            "free some space, or put the workspace on a larger disk",
        )
