"""Compare: over a whole release, what must be one gateway's own is nobody else's, whenever each image was verified."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pipeline.errors import Problem, raise_if_any
from pipeline.records import read_record
from pipeline.stages import reading
from pipeline.verification.own_values import OwnValue
from pipeline.verification.uniqueness import Uniqueness
from pipeline.workspace import Workspace

OWN = "own"
"""Note of a publishing record: what the image has for itself, each value as a keyed digest."""


def own_note(workspace: Workspace, known: Uniqueness, name: str) -> str:
    """What verification found of a gateway, as the note keeps it: useless without this workspace's own key."""
    return json.dumps(
        [
            [one.kind, one.place, reading.fingerprint_of_secret(workspace, one.value), one.own, one.secret]
            for one in known.values_of(name)
        ]
    )


def compare_release(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """Compare all published images with one another; what was compared, and what they share by policy.

    Raises:
        PipelineError: each value that two gateways share and must not, with both.
    """
    known = Uniqueness()
    every = sorted(names)
    for name in every:
        record = read_record(workspace.record(f"publish-{name}"))
        notes = json.loads(record.notes.get(OWN, "[]")) if record is not None else []
        known.add(
            name, (OwnValue(kind, place, bytes.fromhex(of), own, secret) for kind, place, of, own, secret in notes)
        )
    raise_if_any(
        Problem(
            f"{name}: {clone.subject}: {clone.seen}; wanted: {clone.expected}",
            "give one of the two its own: see secrets given by hand, overlays, and rows of the inventory",
        )
        for name in every
        for clone in known.clones(name)
    )
    return known.told()
