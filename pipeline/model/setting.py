"""Single values that one transform needs in a file that another transform writes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.layer import Origin


@dataclass(frozen=True)
class SnapshotSetting:
    """A property of a component in the configuration snapshot.

    Attributes:
        pid: of the component.
        name: of the property.
        type: ``String``, ``Boolean``, ``Integer``, ``Short``, ``Password``, …; the names of the snapshot format.
        values: one value for a scalar; several for an array; None removes the property.
        secret: the value is masked wherever it is shown.
    """

    pid: str
    name: str
    type: str
    values: tuple[str, ...] | None = field(repr=False)
    origin: Origin
    array: bool = False
    secret: bool = False


@dataclass(frozen=True)
class PropertySetting:
    """A key of ``kura.properties``."""

    key: str
    value: str = field(repr=False)
    origin: Origin
    secret: bool = False
