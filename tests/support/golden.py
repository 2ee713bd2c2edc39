"""Golden samples for tests: the committed one, and exports made member by member."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.classification.assemble import assemble, judge
from pipeline.classification.lock import Lock
from pipeline.classification.truth import layout_of
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property
from pipeline.inputs.golden_export import read_export
from pipeline.inputs.layout_files import load_layouts
from pipeline.inputs.zstd_data import unzstd
from pipeline.model.golden import Golden

EXPORT = Path(__file__).resolve().parents[2] / "golden"
SNAPSHOT = "snapshot_1735689600000.xml"

# The least an export may hold.
ABOUT = b'esf_version = "5.0.0"\n'


def read_golden(path: Path) -> Golden:
    """An export as its rules alone judge it: what they leave to people travels unless it is forbidden or unknown."""
    export = read_export(path)
    layout = layout_of(export.product, export.esf_version, load_layouts())
    return assemble(export, judge(export, unzstd, layout), Lock(), layout)


@functools.cache
def _committed() -> Golden:
    return read_golden(EXPORT)


def a_golden(**overrides: Any) -> Golden:
    """The demo's golden sample as a value, with fields replaced."""
    return replace(_committed(), **overrides)


def a_snapshot(configurations: Mapping[str, Mapping[str, str | Property]]) -> bytes:
    """A snapshot as a file: texts become properties of type String."""
    snapshot = esf_snapshot.Snapshot()
    for pid, values in configurations.items():
        properties = [
            value if isinstance(value, Property) else Property(name, "String", (value,))
            for name, value in values.items()
        ]
        snapshot = snapshot.with_configuration(esf_snapshot.Configuration(pid).with_properties(*properties))
    return esf_snapshot.render(snapshot)


def a_property(name: str, kind: str, *values: str) -> Property:
    """A property; several values make an array."""
    return Property(name, kind, values, array=len(values) > 1)
