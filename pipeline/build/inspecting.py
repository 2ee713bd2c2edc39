"""Inspect: the vanilla image becomes a private raw copy and a file of facts."""

from __future__ import annotations

from pipeline.build import reading
from pipeline.build.keys import inspect_key
from pipeline.build.names import is_fleet
from pipeline.build.publishing import require_publishable
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.read import facts_file, inspect
from pipeline.inputs import layout_files


def is_inspected(workspace: Workspace) -> bool:
    """Whether the facts on disk are those of the vanilla image as it is now."""
    return is_current(workspace.record("inspect"), inspect_key(workspace))


def inspect_vanilla(workspace: Workspace, say: Say) -> None:
    """Copy the vanilla image as raw bytes, open the copy with libguestfs, keep what the plan needs to know."""
    workspace.make_state()
    release = reading.release_of(workspace)
    key = inspect_key(workspace)
    source = workspace.input(release.vanilla)
    reading.gateways_of(workspace)  # what is wrong with the inventory is told before anything takes time
    if not is_fleet(workspace):
        require_publishable(workspace)
    workspace.record("inspect").unlink(missing_ok=True)
    digest = prepare.prepare_raw(source, workspace.raw, say)
    if not is_fleet(workspace):
        require_publishable(workspace)  # again: now it is known how much room an image takes
    vanilla = inspect.inspect(
        workspace.raw,
        layout_files.choose_layouts(release.layout, release.keystores.certificates),
        sha256=digest,
        state_dir=workspace.state / "appliance",
        say=say,
        name=release.vanilla,
        root=release.vanilla_root,
        also=[release.bootloader.environment] if release.bootloader.environment else [],
    )
    layout_files.require_known(vanilla.layout, release.keystores.certificates)
    facts_file.save(vanilla, workspace.facts)
    write_record(workspace.record("inspect"), key, [workspace.raw, workspace.facts], known={workspace.raw: digest})
    reading.forget_inputs()
    say(
        f"{release.vanilla}: {vanilla.layout.product} {vanilla.esf_version}, "
        f"{vanilla.os_release.get('PRETTY_NAME', 'unknown system')}, "
        f"{vanilla.init} init, {len(vanilla.tree)} paths"
    )
