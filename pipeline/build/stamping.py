"""Stamp: one gateway's device layer goes onto a copy of the base image."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from pipeline.build import reading
from pipeline.build.asking import answers_of
from pipeline.build.base import BY_CHOICE, base_tree_of, require_as_planned, require_space
from pipeline.build.checks.judging import judged, require_rules
from pipeline.build.keys import device_key
from pipeline.build.planned import device_plan_of, view_of_gateway
from pipeline.build.publishing import require_publishable
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.write import repeatable, stamp
from pipeline.model.layer import Layer
from pipeline.model.tree import Tree
from pipeline.plan.image_plan import Inputs


def is_stamped(workspace: Workspace, name: str) -> bool:
    """Whether this gateway's image is published, signed or stamped from the inputs as they are."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    return any(is_current(workspace.record(f"{step}-{name}"), key) for step in ("publish", "sign", "stamp"))


def stamp_gateway(workspace: Workspace, name: str, say: Say) -> None:
    """Copy the base and write the device layer on it, by libext2fs and mtools, else through libguestfs."""
    key = device_key(workspace, reading.gateway_of(workspace, name))
    inputs = reading.inputs_of(workspace)
    plan = device_plan_of(workspace, name)
    answers = answers_of(workspace, name, plan, view_of_gateway(workspace, plan), say)
    require_rules(name, judged(workspace, plan, answers))
    require_publishable(workspace, [name])
    candidate = workspace.candidate(name)
    for step in ("publish", "sign", "stamp"):
        workspace.record(f"{step}-{name}").unlink(missing_ok=True)
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(mode=0o700)
    require_space(workspace, inputs.vanilla.disk.size)
    image = candidate / "image.img"
    try:
        prepare.copy_sparse(workspace.base, image)
        base = base_tree_of(workspace)
        if not reason_for_kernel(inputs, base, plan.layer):
            stamp.stamp(
                image,
                inputs.vanilla.disk,
                base,
                plan.layer,
                epoch=inputs.release.epoch,
                state_dir=workspace.state / "appliance",
            )
        else:
            _write_through_kernel(workspace, image, base, plan.layer, say)
    except BaseException:
        shutil.rmtree(candidate, ignore_errors=True)
        raise
    write_record(workspace.record(f"stamp-{name}"), key, [image])


def reason_for_kernel(inputs: Inputs, base: Tree, layer: Layer) -> str:
    """Why the appliance's kernel writes a gateway's layer, and not libext2fs and mtools; empty where they do."""
    if inputs.release.output.writer == "guestfs":
        return BY_CHOICE
    return repeatable.reason_against(inputs.vanilla.disk, base, layer)


def _write_through_kernel(workspace: Workspace, image: Path, base: Tree, layer: Layer, say: Say) -> None:
    inputs = reading.inputs_of(workspace)
    written = repeatable.write_through_kernel(
        image,
        replace(inputs.vanilla, tree=base),
        layer,
        reason_for_kernel(inputs, base, layer),
        epoch=inputs.release.epoch,
        state_dir=workspace.state / "appliance",
        say=say,
    )
    require_as_planned(base.apply(layer), written.observation.tree)
