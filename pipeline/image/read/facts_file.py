"""Keeps what inspection learned in one private file, so that planning needs no virtual machine."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json, tree_text
from pipeline.host.digests import write_atomically
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.vanilla import Vanilla

_FORMAT = "vanilla facts 1"


def save(vanilla: Vanilla, path: Path) -> None:
    """Write the facts; the file is complete or not there, and only its owner can read it."""
    content = canonical_json.dumps(
        {
            "format": _FORMAT,
            "sha256": vanilla.sha256,
            "disk": _disk_to_json(vanilla.disk),
            "os_release": dict(vanilla.os_release),
            "layout": vanilla.layout.name,
            "network_truth": vanilla.layout.network_truth,
            "esf_version": vanilla.esf_version,
            "init": vanilla.init,
            "tree": tree_text.format_tree(vanilla.tree),
            "files": {
                tree_text.escape(name): base64.b64encode(data).decode("ascii") for name, data in vanilla.files.items()
            },
        }
    )
    write_atomically(path, content, 0o600)


def load(path: Path, layouts: Sequence[Layout]) -> Vanilla:
    """Read the facts back.

    Raises:
        PipelineError: the file is missing or damaged, or names a layout that is not among those given.
    """
    try:
        return _vanilla(canonical_json.loads(path.read_bytes()), layouts)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "doit inspect") from None
    except (ValueError, TypeError, KeyError):
        raise PipelineError(f"{path}: is damaged or of another version", "doit forget inspect, then build") from None


def _vanilla(facts: Any, layouts: Sequence[Layout]) -> Vanilla:
    if not isinstance(facts, dict) or facts["format"] != _FORMAT:
        raise ValueError("another format")
    layout = next((layout for layout in layouts if layout.name == facts["layout"]), None)
    if layout is None:
        raise PipelineError(f"layout {facts['layout']} is not known any more", "doit forget inspect, then build")
    tree = tree_text.parse_tree(facts["tree"])
    files = {GuestPath(tree_text.unescape(name)): base64.b64decode(data) for name, data in facts["files"].items()}
    for name, content in files.items():
        if tree.nodes[name].sha256 != hashlib.sha256(content).hexdigest():
            raise ValueError("content and tree differ")
    return Vanilla(
        sha256=facts["sha256"],
        disk=_disk_from_json(facts["disk"]),
        os_release=dict(facts["os_release"]),
        layout=replace(layout, network_truth=facts.get("network_truth", layout.network_truth)),
        esf_version=facts["esf_version"],
        init=facts["init"],
        tree=tree,
        files=files,
    )


def _disk_to_json(disk: Disk) -> dict[str, object]:
    return {
        "size": disk.size,
        "table": disk.table,
        "partitions": [
            {
                "number": part.number,
                "start": part.start,
                "size": part.size,
                "filesystem": part.filesystem,
                "label": tree_text.escape(part.label),
                "uuid": part.uuid,
                "mountpoint": part.mountpoint,
            }
            for part in disk.partitions
        ],
    }


def _disk_from_json(values: Mapping[str, Any]) -> Disk:
    partitions = []
    for part in values["partitions"]:
        place = part["mountpoint"]
        known = {**part, "label": tree_text.unescape(part["label"]), "mountpoint": GuestPath(place) if place else None}
        partitions.append(Partition(**known))
    return Disk(values["size"], values["table"], tuple(partitions))
