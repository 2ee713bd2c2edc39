"""Checks over many gateways that no two share what must be unique. Values are kept as digests and never shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pipeline.model.verdict import Finding
from pipeline.verification.own_values import OwnValue

_MOST_NAMED = 20  # of the gateways that share a value


@dataclass
class Uniqueness:
    """Remembers of every gateway what it has for itself."""

    _seen: dict[tuple[str, bytes], dict[str, OwnValue]] = field(default_factory=dict, repr=False)
    _kinds: set[str] = field(default_factory=set)
    _gateways: set[str] = field(default_factory=set)
    _forbidden: set[str] = field(default_factory=set)

    def add(self, gateway: str, values: Iterable[OwnValue]) -> None:
        """One gateway; two images of one gateway (two releases) may have the same."""
        every = tuple(values)
        self._gateways.add(gateway)
        self._kinds |= {one.kind for one in every if one.own}
        self._remember(gateway, every)

    def add_forbidden(self, name: str, values: Iterable[OwnValue]) -> None:
        """Somebody who is no gateway of the fleet, such as the golden sample, and what no gateway may have of it."""
        self._forbidden.add(name)
        self._remember(name, (one for one in values if one.own))

    def _remember(self, gateway: str, values: Iterable[OwnValue]) -> None:
        for one in values:
            key = (one.kind, hashlib.sha256(one.value).digest())
            kept = OwnValue(one.kind, one.place, b"", one.own, one.secret)
            known = self._seen.setdefault(key, {}).get(gateway)
            if known is None or not known.own:
                self._seen[key][gateway] = kept

    def values_of(self, gateway: str) -> tuple[OwnValue, ...]:
        """What was found in one gateway, to be added elsewhere later: in place of each value stands its digest."""
        return tuple(
            replace(holders[gateway], value=digest)
            for (_, digest), holders in sorted(self._seen.items(), key=lambda item: item[0])
            if gateway in holders
        )

    def clones(self, gateway: str) -> Iterator[Finding]:
        """What this gateway shares with others although it must be its own; each of them is named."""
        for (kind, _), holders in sorted(self._seen.items(), key=lambda item: item[0]):
            mine = holders.get(gateway)
            if mine is None or len(holders) < 2 or not any(value.own for value in holders.values()):
                continue
            others = [f"{other} ({value.place})" for other, value in sorted(holders.items()) if other != gateway]
            yield Finding(mine.place, "unique", f"{kind} of {gateway} alone", f"the same in {', '.join(others)}")

    def clones_by_gateway(self) -> dict[str, list[Finding]]:
        """As `clones` of every gateway, in one pass over all values."""
        found: dict[str, list[Finding]] = {}
        for (kind, _), holders in sorted(self._seen.items(), key=lambda item: item[0]):
            if len(holders) < 2 or not any(value.own for value in holders.values()):
                continue
            first = sorted(holders.items())[:_MOST_NAMED]
            for gateway, mine in holders.items():
                others = ", ".join(f"{other} ({value.place})" for other, value in first if other != gateway)
                finding = Finding(mine.place, "unique", f"{kind} of {gateway} alone", f"the same in {others}")
                found.setdefault(gateway, []).append(finding)
        return found

    def all_clones(self) -> Iterator[Finding]:
        """The same for all gateways in one pass, each value once."""
        for (kind, _), holders in sorted(self._seen.items(), key=lambda item: item[0]):
            if len(holders) < 2 or not any(value.own for value in holders.values()):
                continue
            first, *others = sorted(holders.items())
            named = ", ".join(f"{name} ({value.place})" for name, value in others[:_MOST_NAMED])
            if len(others) > _MOST_NAMED:
                named += f" and {len(others) - _MOST_NAMED} more"
            yield Finding(
                f"{first[0]}: {first[1].place}", "unique", f"{kind} of {first[0]} alone", f"the same in {named}"
            )

    def told(self) -> tuple[str, ...]:
        """What was compared, and what gateways share because they may."""
        if len(self._gateways) < 2:
            return ()
        shared: dict[str, int] = {}
        for (kind, _), holders in self._seen.items():
            if len(holders) > 1 and not any(value.own for value in holders.values()):
                shared[kind] = max(shared.get(kind, 0), len(holders))
        lines = [f"{len(self._gateways)} gateways compared: {', '.join(sorted(self._kinds))} differ in all"]
        if shared:
            many = ", ".join(f"{kind} ({count} gateways)" for kind, count in sorted(shared.items()))
            lines.append(f"shared by policy: {many}")
        lines += [f"nothing of {name} in any of them" for name in sorted(self._forbidden)]
        return tuple(lines)
