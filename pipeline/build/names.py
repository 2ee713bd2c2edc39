"""The names that the task graph needs when it is loaded.

Keys that the inventory refers to may not exist before the demo task has run, so nothing is checked here beyond what is
needed; when even that fails, the strict readers are asked to say what is wrong.
"""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

from pipeline.build import reading
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.inputs.toml_table import read_bytes
from pipeline.model.release import DEMOS


def gateway_names(workspace: Workspace) -> tuple[str, ...]:
    """The gateways of the inventory, in the order of the file."""
    try:
        inventory = workspace.input(_release(workspace)["gateways"]["file"])
        names = _names_in(inventory)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, csv.Error):
        names = ()
    if not names or any(not isinstance(name, str) or not name for name in names) or len(set(names)) != len(names):
        return tuple(reading.gateways_of(workspace))
    return names


FLEET_FROM = 200
"""Gateways from which a release is a base and deltas, unless gateway.toml decides."""


def is_fleet(workspace: Workspace) -> bool:
    """Whether the release is a base and a delta for each gateway, as `[output] form` or their number says."""
    try:
        form = _release(workspace).get("output", {}).get("form", "auto")
    except (OSError, ValueError, AttributeError):
        form = "images"  # the strict reader says what is wrong
    return form == "fleet" or (form == "auto" and len(gateway_names(workspace)) >= FLEET_FROM)


def is_demo(workspace: Workspace) -> bool:
    """Whether this workspace builds the demonstration that ships."""
    try:
        told = _release(workspace)["release"].get("demo", False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        told = None
    # What is neither a demonstration's name nor a plain yes or no, the strict reader judges.
    return bool(told) if told in (True, False, *DEMOS) else bool(reading.release_of(workspace).demo)


def _release(workspace: Workspace) -> dict[str, Any]:
    if not workspace.release_file.exists():
        raise PipelineError(
            f"no gateway.toml in {workspace.root}",
            "go to the workspace, or copy the gateway.toml that ships with the pipeline and edit it",
        )
    return tomllib.loads(read_bytes(workspace.release_file, "description of the release").decode("utf-8"))


def _names_in(inventory: Path) -> tuple[Any, ...]:
    text = read_bytes(inventory, "inventory").decode("utf-8-sig")
    if inventory.suffix.lower() != ".csv":
        return tuple(row["name"] for row in tomllib.loads(text)["gateway"])
    header = text.splitlines()[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if header.count(";") > header.count(",") else ",")
    return tuple(row["name"].strip() for row in rows if any((cell or "").strip() for cell in row.values()))
