"""What of a golden sample travels and what does not, for a person; names and reasons, never values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipeline.classification import review
from pipeline.classification.item import Class, Decision, Item, Kind
from pipeline.classification.lock import Lock
from pipeline.report.text.plain import plain

_FEW = 4
_TITLES = {
    Decision.UNDECIDED: "to be decided, and until then nothing is built",
    Decision.STAYS: "stays behind",
    Decision.TRAVELS: "travels",
}


def golden_lines(items: Sequence[Item], lock: Lock, missing: Iterable[str], *, every: bool = False) -> Iterator[str]:
    """The whole export by decision, files first; then what the documents list and it lacks.

    Args:
        every: name every setting; else settings of one component that have one reason share a line.
    """
    for decision, title in _TITLES.items():
        chosen = [item for item in items if review.decision_of(item, lock) is decision]
        if not chosen:
            continue
        files = [item for item in chosen if item.key.kind is not Kind.PROPERTY]
        settings = [item for item in chosen if item.key.kind is Kind.PROPERTY]
        yield f"{title}: {_count(files, 'file')}, {_count(settings, 'setting')}"
        for item in files:
            yield f"  {item.sort:<11}  {plain(item.key.name)}: {plain(_reason(item, lock))}"
        yield from _settings(settings, lock, every=every)
    lacking = list(missing)
    if lacking:
        yield "not in the export, though the documents list it"
        yield from (f"  {plain(item)}" for item in lacking)


def change_lines(changes: Sequence[review.Change], where: str) -> Iterator[str]:
    """What is different from what was accepted."""
    if not changes:
        yield f"{where}: nothing has changed since it was accepted"
        return
    yield f"changed since {where} was accepted: {len(changes)}"
    yield from (f"  {plain(str(change))}" for change in changes)


def _settings(items: Sequence[Item], lock: Lock, *, every: bool) -> Iterator[str]:
    groups: dict[tuple[str, Class, str], list[str]] = {}
    for item in items:
        groups.setdefault((item.key.pid, item.sort, _reason(item, lock)), []).append(item.key.name)
    for (pid, sort, reason), names in groups.items():
        for said in names if every else [", ".join(names) if len(names) <= _FEW else f"{len(names)} settings"]:
            yield f"  {sort:<11}  {plain(pid)} {plain(said)}: {plain(reason)}"


def _reason(item: Item, lock: Lock) -> str:
    entry = lock.entries.get(item.key)
    return entry.reason if entry is not None and entry.sort is item.sort else item.reason


def _count(items: Sequence[Item], noun: str) -> str:
    return f"{len(items)} {noun}" + ("" if len(items) == 1 else "s")
