"""The task graph, for any ``dodo.py``: names, order and one call each; no logic.

    demo ──► inspect ──► base ──► stamp:GATEWAY ──► manifest:GATEWAY ──► verify:GATEWAY ──► image:GATEWAY
                golden, keys, bundles ──┘                                                        │
                                                                            build ◄── release ◄──┘

A release of deltas ([output] form) has one task in place of those of each gateway: base ──► fleet ──► release.

A ``dodo.py`` elsewhere needs one line: ``from pipeline.tasks import *``.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.build import cleaning, demo, keys_and_bundles, names
from pipeline.build.base import build_base, is_built
from pipeline.build.building_twice import build_twice
from pipeline.build.golden_sample import deciding as golden
from pipeline.build.inspecting import inspect_vanilla, is_inspected
from pipeline.build.publishing import finish_release, is_published, is_released, verify_and_publish
from pipeline.build.signing import is_signed, sign_gateway
from pipeline.build.stamping import is_stamped, stamp_gateway
from pipeline.commands.doit_adapter import (
    PROGRESS,
    Lines,
    action,
    current,
    load,
    unless_asked,
    when_asked,
    with_names,
    with_progress_lines,
)
from pipeline.fleet.build import build_fleet
from pipeline.fleet.build import is_built as is_fleet_built
from pipeline.fleet.images import make_images
from pipeline.host.workspace import Workspace

__all__ = [
    "DOIT_CONFIG",
    "task_base",
    "task_build",
    "task_bundle_signing",
    "task_demo",
    "task_fleet",
    "task_golden_sample",
    "task_image",
    "task_inspect",
    "task_key_check",
    "task_manifest_signing",
    "task_release",
    "task_stamp",
    "task_verification",
]

Task = dict[str, object]

# json: the default backend adds a suffix of its own to the file name; verbosity 2: steps speak for themselves.
DOIT_CONFIG = {
    "backend": "json",
    "default_tasks": ["build"],
    "dep_file": ".doit.json",
    "reporter": Lines,
    "verbosity": 2,
}

_WORK = Workspace.here()


def _gateways() -> tuple[str, ...]:
    """Names only: keys the inventory refers to may not exist before the demo task has run. None of a fleet's."""
    return () if _is_fleet() else load(names.gateway_names, _WORK)


def _is_fleet() -> bool:
    return load(names.is_fleet, _WORK)


def _needs_demo() -> list[str]:
    return ["demo"] if load(names.is_demo, _WORK) else []


def task_demo() -> Task:
    """Make the demonstration's inputs: keys, vanilla image, golden sample"""
    return {
        "actions": [action(demo.make_demo, _WORK)],
        "uptodate": [current(demo.is_made, _WORK)],
        "clean": [(cleaning.clean_demo, [_WORK])],
    }


def task_inspect() -> Task:
    """Look into the vanilla image and keep what the plan needs to know"""
    return {
        "actions": [action(inspect_vanilla, _WORK)],
        "task_dep": _needs_demo(),
        "uptodate": [current(is_inspected, _WORK)],
        "clean": [(cleaning.clean_inspect, [_WORK])],
    }


def task_golden_sample() -> Task:
    """Read the golden sample: what travels, what stays behind, what is missing"""
    # Called golden; the function is not, because doit keeps the bare name for the command.
    return {
        "basename": "golden",
        "actions": [action(golden.read_and_tell, _WORK)],
        "task_dep": _needs_demo(),
        "uptodate": [current(golden.is_read, _WORK)],
        "clean": [(cleaning.clean_records, [_WORK, "golden"])],
    }


def task_key_check() -> Task:
    """Check the keys the release signs with"""
    # Called keys; the function is not, because doit keeps the bare name for the command.
    return {
        "basename": "keys",
        "actions": [action(keys_and_bundles.check_keys, _WORK)],
        "task_dep": _needs_demo(),
        "uptodate": [current(keys_and_bundles.are_checked, _WORK)],
        "clean": [(cleaning.clean_records, [_WORK, "keys"])],
    }


def task_bundle_signing() -> Task:
    """Sign the bundles inside the golden sample's deployment packages"""
    # Called bundles, as the command is.
    return {
        "basename": "bundles",
        "actions": [action(keys_and_bundles.sign_bundles, _WORK)],
        "task_dep": ["golden", "keys"],
        "uptodate": [current(keys_and_bundles.are_signed, _WORK)],
        "clean": [(cleaning.clean_bundles, [_WORK])],
    }


def task_base() -> Task:
    """Build the base image: vanilla plus everything the gateways share"""
    return {
        "actions": [action(build_base, _WORK)],
        "task_dep": ["inspect", "golden", "bundles"],
        "uptodate": [current(is_built, _WORK)],
        "clean": [(cleaning.clean_base, [_WORK])],
    }


def task_stamp() -> Iterator[Task]:
    """Write one gateway's own layer onto a copy of the base"""
    yield {"name": None, "doc": "Write each gateway's own layer onto a copy of the base"}
    for name in _gateways():
        yield {
            "name": name,
            "actions": [action(stamp_gateway, _WORK, name)],
            "task_dep": ["base"],
            "uptodate": [current(is_stamped, _WORK, name)],
            "clean": [(cleaning.clean_candidate, [_WORK, name])],
        }


def task_manifest_signing() -> Iterator[Task]:
    """Describe and sign one gateway's image"""
    # Called manifest:…, as the command is.
    yield {"basename": "manifest", "name": None, "doc": "Write and sign each image's manifest"}
    for name in _gateways():
        yield {
            "basename": "manifest",
            "name": name,
            "actions": [action(sign_gateway, _WORK, name)],
            "task_dep": [f"stamp:{name}"],
            "uptodate": [current(is_signed, _WORK, name)],
            "clean": [(cleaning.clean_candidate, [_WORK, name])],
        }


def task_verification() -> Iterator[Task]:
    """Verify one gateway's image afresh and publish it to out/"""
    # Called verify:…; the function is not, because doit keeps the bare name for the command.
    yield {"basename": "verify", "name": None, "doc": "Verify each image afresh and publish it to out/"}
    for name in _gateways():
        yield {
            "basename": "verify",
            "name": name,
            "actions": [action(verify_and_publish, _WORK, name)],
            "task_dep": [f"manifest:{name}"],
            "uptodate": [current(is_published, _WORK, name)],
            "clean": [(cleaning.clean_result, [_WORK, name])],
        }


def task_fleet() -> Iterator[Task]:
    """Make, look at and publish the deltas of all gateways"""
    if _is_fleet():
        yield {
            "basename": "fleet",
            "doc": "Make, look at and publish the deltas of all gateways",
            "actions": [with_progress_lines(build_fleet, _WORK)],
            "task_dep": ["base"],
            "uptodate": [current(is_fleet_built, _WORK)],
        }


def task_image() -> Iterator[Task]:
    """One gateway's image, the whole way: stamped, signed, verified, in out/"""
    if _is_fleet():
        yield {
            "basename": "image",
            "doc": "Whole images of the gateways named, from base and deltas: doit image GATEWAY...",
            "actions": [with_names(make_images, _WORK)],
            "pos_arg": "names",
            "uptodate": [False],
        }
        return
    yield {"name": None, "doc": "All gateways' images, the whole way"}
    for name in _gateways():
        yield {
            "name": name,
            "actions": None,
            "task_dep": [f"stamp:{name}", f"manifest:{name}", f"verify:{name}"],
        }


def task_release() -> Task:
    """Complete the release directory: every gateway, sums, signers"""
    if _is_fleet():
        return {"actions": None, "task_dep": ["fleet"]}
    return {
        "actions": [action(finish_release, _WORK)],
        # All images first, then all looks at them: one launch of the appliance verifies them together.
        "task_dep": [f"{step}:{name}" for step in ("stamp", "manifest", "verify") for name in _gateways()],
        "uptodate": [current(is_released, _WORK)],
        "clean": [(cleaning.clean_release, [_WORK])],
    }


def task_build() -> Task:
    """Build, sign and verify the images of all gateways (the default)"""
    return {
        "actions": [when_asked("twice", build_twice, _WORK)],
        "task_dep": ["release"],
        "params": [
            {
                "name": "twice",
                "long": "twice",
                "type": bool,
                "default": False,
                "help": "build everything again in a private place, and say what is not the same byte by byte",
            },
            PROGRESS,
        ],
        "uptodate": [unless_asked("twice")],
    }
