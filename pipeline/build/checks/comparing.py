"""Compare: checks over a whole release that no two gateways share what must be unique, whenever each was verified."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from pipeline.build import reading
from pipeline.build.golden_sample.values import golden_values
from pipeline.errors import Problem, raise_if_any
from pipeline.host.records import read_record
from pipeline.host.workspace import Workspace
from pipeline.verification.own_values import OwnValue
from pipeline.verification.uniqueness import Uniqueness

OWN = "own"
"""Note of a publishing record: what the image has for itself, each value as a keyed digest."""
GOLDEN = "the golden sample"


def own_note(workspace: Workspace, known: Uniqueness, name: str) -> str:
    """What verification found of a gateway, as the note keeps it: useless without this workspace's own key."""
    return json.dumps(
        [
            [one.kind, one.place, reading.fingerprint_of_secret(workspace, one.value), one.own, one.secret]
            for one in known.values_of(name)
        ]
    )


def compare_release(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """Compare all published images with one another and with the golden sample.

    Returns:
        What was compared, and what they share by policy.

    Raises:
        PipelineError: each value that two gateways share and must not, with both; or that is the golden sample's.
    """
    known = Uniqueness()
    every = sorted(names)
    known.add_forbidden(GOLDEN, golden_own_values(workspace))
    for name in every:
        known.add(name, _noted(workspace, name))
    raise_if_any(problem for name in every for problem in _problems(known, name))
    return known.told()


def clones_of_published(
    workspace: Workspace, fresh: Uniqueness, names: Iterable[str]
) -> Mapping[str, tuple[Problem, ...]]:
    """What images that are to be published share with those that are, or with the golden sample, by gateway.

    Args:
        fresh: what verification found in them; what they share with one another it has told already.
        names: of those that are to be published.
    """
    known, waiting = Uniqueness(), sorted(names)
    known.add_forbidden(GOLDEN, golden_own_values(workspace))
    for name in sorted({*reading.gateways_of(workspace)} - {*waiting}):
        known.add(name, _noted(workspace, name))
    for name in waiting:
        known.add(name, own_values_in(own_note(workspace, fresh, name)))
    return {name: tuple(_problems(known, name)) for name in waiting}


def _problems(known: Uniqueness, name: str) -> Iterator[Problem]:
    for clone in known.clones(name):
        yield Problem(
            f"{name}: {clone.subject}: {clone.seen}; wanted: {clone.expected}",
            "give one of the two its own: see secrets given by hand, overlays, and rows of the inventory",
        )


def _noted(workspace: Workspace, name: str) -> Iterator[OwnValue]:
    record = read_record(workspace.record(f"publish-{name}"))
    yield from own_values_in(record.notes.get(OWN, "[]")) if record is not None else ()


def own_values_in(note: str) -> Iterator[OwnValue]:
    """What `own_note` wrote; in place of each value stands its digest."""
    for kind, place, digest, own, secret in json.loads(note):
        yield OwnValue(kind, place, bytes.fromhex(digest), own, secret)


def golden_own_values(workspace: Workspace) -> Iterator[OwnValue]:
    """What the golden gateway has for itself, as a note would have it."""
    known = Uniqueness()
    known.add(GOLDEN, golden_values(workspace))
    yield from own_values_in(own_note(workspace, known, GOLDEN))
