"""The values of a snapshot: configurations by pid, properties by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pipeline.formats.esf.esf_snapshot import typed

TYPES = ("String", "Long", "Double", "Float", "Integer", "Byte", "Char", "Boolean", "Short", "Password")
FACTORY_PID = "service.factoryPid"


@dataclass(frozen=True)
class Property:
    """One property as it is written.

    Attributes:
        type: one of `TYPES`.
        array: whether it holds several values; a scalar has exactly one.
        encrypted: of a Password: the values are Base64 of the UTF-8 text instead of the text (formats 1.6).
        values: as written, not trimmed.
        line: where it stood, from 1, for messages; 0 of one that was made.
    """

    name: str
    type: str
    values: tuple[str, ...] = field(repr=False)
    array: bool = False
    encrypted: bool = False
    line: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The first value in clear; empty for an empty array."""
        return self.texts[0] if self.values else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The values in clear: Base64 of an encrypted Password decoded."""
        if self.type == "Password" and self.encrypted:
            return tuple(typed.decoded_password(value) for value in self.values)
        return self.values

    @cached_property
    def meaning(self) -> tuple[object, ...]:
        """What the gateway makes of it; equal for two properties that differ in writing only."""
        return (self.type, self.array, *(typed.meaning(self.type, text) for text in self.texts))


@dataclass(frozen=True)
class Configuration:
    """A component's configuration; properties sorted by name, one each. A pid is an instance's name (formats 1.8)."""

    pid: str
    properties: tuple[Property, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        """The properties by their name."""
        return {prop.name: prop for prop in self.properties}

    @property
    def meaning(self) -> Mapping[str, tuple[object, ...]]:
        """What a gateway makes of it, by property name."""
        return {prop.name: prop.meaning for prop in self.properties}

    def get(self, name: str) -> Property | None:
        """A property, or None."""
        return self.by_name.get(name)

    def text(self, name: str) -> str:
        """A property's first value in clear; empty when it is not there."""
        prop = self.get(name)
        return prop.text if prop else ""

    def with_properties(self, *properties: Property) -> Configuration:
        """The configuration with these in place of those of the same name."""
        merged = {**self.by_name, **{prop.name: prop for prop in properties}}
        return replace(self, properties=tuple(merged[name] for name in sorted(merged)))

    def without(self, names: Iterable[str]) -> Configuration:
        """The configuration without the named properties."""
        dropped = set(names)
        return replace(self, properties=tuple(prop for prop in self.properties if prop.name not in dropped))

    def is_instance_of(self, component: str) -> bool:
        """Whether it configures a component: by its pid, as a numbered further instance, or by its factory."""
        if self.pid.startswith(component):
            number = self.pid.removeprefix(component)
            if not number or re.fullmatch(r"-[0-9]+", number):
                return True
        return self.text(FACTORY_PID) == component


@dataclass(frozen=True)
class Snapshot:
    """All configurations of a gateway, sorted by pid, one each."""

    configurations: tuple[Configuration, ...] = ()

    @cached_property
    def by_pid(self) -> Mapping[str, Configuration]:
        """The configurations by their pid."""
        return {configuration.pid: configuration for configuration in self.configurations}

    def get(self, pid: str) -> Configuration | None:
        """A configuration, or None."""
        return self.by_pid.get(pid)

    def instances_of(self, component: str) -> tuple[Configuration, ...]:
        """All configurations of a component, however many cloud connections there are."""
        return tuple(found for found in self.configurations if found.is_instance_of(component))

    def with_configuration(self, configuration: Configuration) -> Snapshot:
        """The snapshot with a configuration in place of the one of the same pid."""
        return snapshot_of({**self.by_pid, configuration.pid: configuration}.values())

    @cached_property
    def meaning(self) -> Mapping[str, Mapping[str, tuple[object, ...]]]:
        """What a gateway makes of it, by pid and property name."""
        return {configuration.pid: configuration.meaning for configuration in self.configurations}


def snapshot_of(configurations: Iterable[Configuration]) -> Snapshot:
    """A snapshot of configurations in any order; of two with one pid the later counts."""
    by_pid = {configuration.pid: configuration for configuration in configurations}
    return Snapshot(tuple(by_pid[pid] for pid in sorted(by_pid)))
