"""An export against its lock: what has changed since, what is still to be decided, and the lock that accepts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.classification.documents import Part, wanted
from pipeline.classification.item import Class, Decision, Item, Key, Kind
from pipeline.classification.lock import Entry, Lock
from pipeline.errors import Problem, raise_if_any


class What(StrEnum):
    """How a thing differs from what the lock knows of it."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    RECLASSIFIED = "of another class"
    RENAMED = "renamed"


@dataclass(frozen=True, order=True)
class Change:
    """One difference, in words; never holds a value."""

    key: Key
    what: What
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.key}" + (f": {self.detail}" if self.detail else "")


def changes(items: Sequence[Item], lock: Lock) -> tuple[Change, ...]:
    """What is new, gone, changed or of another class since the lock was accepted, sorted."""
    found: list[Change] = []
    known = {item.key for item in items}
    for item in items:
        entry = lock.entries.get(item.key)
        if entry is None:
            found.append(Change(item.key, What.NEW, f"{item.sort}: {item.reason}"))
        elif entry.sort is not item.sort:
            found.append(Change(item.key, What.RECLASSIFIED, f"was {entry.sort}, is {item.sort}: {item.reason}"))
        elif entry.digest and item.digest and entry.digest != item.digest:
            # Digests of 128 bits, not values: the lock holds none, and a secret has not even a digest.
            seen = f"was {entry.digest[:12]}, is {item.digest[:12]}"
            found.append(Change(item.key, What.CHANGED, f"{item.sort}, {decision_of(item, lock)}; {seen}"))
    found += [Change(key, What.GONE) for key in lock.entries if key not in known]
    return tuple(sorted(_with_renamed_snapshot(found, items, lock)))


def _with_renamed_snapshot(found: list[Change], items: Sequence[Item], lock: Lock) -> list[Change]:
    """The console gives every download another number: that is no news, its settings are compared one by one."""
    derived = {item.key for item in items if item.sort is Class.DERIVED}
    new = [one for one in found if one.what is What.NEW and one.key in derived and _is_snapshot(one.key)]
    gone = [
        one
        for one in found
        if one.what is What.GONE and lock.entries[one.key].sort is Class.DERIVED and _is_snapshot(one.key)
    ]
    if len(new) != 1 or len(gone) != 1:
        return found
    renamed = Change(gone[0].key, What.RENAMED, f"is {new[0].key.name} now, and compared setting by setting")
    return [renamed, *(one for one in found if one not in (new[0], gone[0]))]


def _is_snapshot(key: Key) -> bool:
    listed = wanted(key.name) if key.kind is Kind.FILE else None
    return listed is not None and listed.item is Part.SNAPSHOT


def decision_of(item: Item, lock: Lock) -> Decision:
    """What becomes of a thing: as the lock says; where it does not know the thing, as its rule proposes."""
    decided = lock.decision(item.key)
    return item.proposal if decided is None else decided


def problems(items: Sequence[Item], lock: Lock, where: str) -> Iterator[Problem]:
    """What keeps this export from being built.

    Args:
        where: the lock's path as the user knows it.
    """
    for item in items:
        entry = lock.entries.get(item.key)
        decision = decision_of(item, lock)
        allowed = " or ".join(f'"{one}"' for one in sorted(item.allowed))
        if entry is not None and entry.sort is not item.sort:
            yield Problem(
                f"golden: {item.key}: was {entry.sort} when it was decided, is {item.sort} now: {item.reason}",
                "look at it, then doit golden --accept"
                + (f", and decide {allowed} in {where}" if item.proposal is Decision.UNDECIDED else ""),
            )
        elif decision is Decision.UNDECIDED:
            yield Problem(
                f"golden: {item.key}: {item.sort}, and nobody has decided about it: {item.reason}",
                f'doit golden --decide {min(item.allowed)} --reason "…" {_argument(item.key)}'
                + (f", or {allowed} in {where}" if len(item.allowed) > 1 else ""),
            )
        elif decision not in item.allowed:
            yield Problem(
                f"golden: {item.key}: {where} says {decision}, but it is {item.sort}: {item.reason}",
                _other_way(item),
            )


def require_decided(items: Sequence[Item], lock: Lock, where: str) -> None:
    """Raise `PipelineError` with everything that is undecided, or decided as it cannot be."""
    raise_if_any(problems(items, lock, where))


def accepted(items: Sequence[Item], lock: Lock) -> Lock:
    """The lock of this export: decisions and reasons of things whose class is the same stay, the rest is proposed."""
    entries: dict[Key, Entry] = {}
    for item in items:
        known = lock.entries.get(item.key)
        if known is not None and known.sort is item.sort:
            entries[item.key] = replace(known, digest=item.digest)
        else:
            entries[item.key] = Entry(item.sort, item.proposal, item.reason, item.digest)
    return Lock(entries)


def decided(lock: Lock, items: Sequence[Item], names: Iterable[str], decision: Decision, reason: str) -> Lock:
    """The lock with a decision about named things, which must be in the export.

    Args:
        names: paths; pid and property with a blank between; or a pid alone, for everything of that component that
            waits for a decision.
        reason: why; empty keeps the one there is.

    Raises:
        PipelineError: names of nothing, a decision that cannot be taken, or a secret that is to travel and nobody
            says why.
    """
    wrong: list[Problem] = []
    entries = dict(lock.entries)
    for name in names:
        chosen = _named(items, lock, name, decision)
        if not chosen:
            wrong.append(Problem(f"{name}: is not in the export", "doit golden lists them"))
        for item in chosen:
            known = entries.get(item.key)
            why = reason or (known.reason if known else item.reason)
            if decision not in item.allowed:
                what = f"{item.key}: {decision} cannot be decided: it is {item.sort}: {item.reason}"
                wrong.append(Problem(what, _other_way(item)))
            elif item.sort is Class.SECRET and decision is Decision.TRAVELS and why == item.reason:
                what = f"{item.key}: a secret that is to reach every gateway, and nobody says why"
                wrong.append(Problem(what, '--reason "why all gateways may have it", for whoever reviews the lock'))
            else:
                entries[item.key] = Entry(item.sort, decision, why, item.digest)
    raise_if_any(wrong)
    return Lock(entries)


def _named(items: Sequence[Item], lock: Lock, name: str, decision: Decision) -> list[Item]:
    """The thing of that name; or of a component of that name what waits for a decision, else what can have this one."""
    exact = [item for item in items if str(item.key) == name]
    if exact:
        return exact
    own = [item for item in items if item.key.kind is Kind.PROPERTY and item.key.pid == name]
    waiting = [item for item in own if decision_of(item, lock) is Decision.UNDECIDED]
    return waiting or [item for item in own if decision in item.allowed]


def _argument(key: Key) -> str:
    return f"'{key}'" if " " in str(key) else str(key)


def _other_way(item: Item) -> str:
    if item.sort is Class.UNKNOWN:
        return "put the file into an overlay if gateways need it; from the export it cannot travel"
    if item.sort is Class.FORBIDDEN:
        return "nothing of it may reach another gateway: decide that it stays, or take it out of the export"
    return f"decide {' or '.join(sorted(item.allowed))}: the rule that handles it leaves no other way"
