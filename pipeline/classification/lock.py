"""``golden.lock``: what people have decided about every thing of an export; stable text, one line each, no secrets.

It is TOML: tables ``[files]``, ``[links]`` and ``[properties."<pid>"]``, sorted, an inline table for each thing, so
that a difference between two versions is read line by line in a review.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.classification.item import Class, Decision, Key, Kind
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.toml_string import quoted

_VERSION = 1
_HEAD = """\
# Decisions about the golden sample's export. `doit golden --accept` writes this file; people review and commit it.
#   class     portable, per-gateway, secret, forbidden, derived or unknown: what the pipeline's rules make of it
#   decision  "travels" or "stays"; "undecided" stops every build until somebody writes one of the two
#   reason    yours to change; it stays as long as the class does
#   digest    128 bits of SHA-256, to notice changes; left out wherever it could help to guess a secret
version = 1
"""
_TABLES = {Kind.FILE: "files", Kind.LINK: "links", Kind.PROPERTY: "properties"}
_FIELDS = ("class", "decision", "reason", "digest")
_REMEDY = "correct the line, or take it out and let `doit golden --accept` write it anew"


@dataclass(frozen=True)
class Entry:
    """What the lock says of one thing."""

    sort: Class
    decision: Decision
    reason: str
    digest: str = ""


@dataclass(frozen=True)
class Lock:
    """All decisions, by thing."""

    entries: Mapping[Key, Entry] = field(default_factory=dict)

    def decision(self, key: Key) -> Decision | None:
        """What is decided about a thing; None when the lock does not know it."""
        entry = self.entries.get(key)
        return entry.decision if entry else None


def render(lock: Lock) -> str:
    """The file, the same for the same decisions."""
    lines = [_HEAD.rstrip("\n")]
    heading = ""
    for key in sorted(lock.entries):
        table = _TABLES[key.kind] + (f".{quoted(key.pid)}" if key.kind is Kind.PROPERTY else "")
        if table != heading:
            heading = table
            lines += ["", f"[{table}]"]
        entry = lock.entries[key]
        said = {"class": entry.sort.value, "decision": entry.decision.value, "reason": entry.reason}
        if entry.digest:
            said["digest"] = entry.digest
        words = ", ".join(f"{name} = {quoted(text)}" for name, text in said.items())
        lines.append(f"{quoted(key.name)} = {{ {words} }}")
    return "\n".join(lines) + "\n"


def parse(text: str, source: str) -> Lock:
    """Read the file.

    Args:
        source: how messages call it.

    Raises:
        PipelineError: everything in it that is not understood, each with its thing.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{source}: {error}", _REMEDY) from None
    except (RecursionError, ValueError):
        what = "nested too deeply, or with a number of thousands of digits"
        raise PipelineError(f"{source}: {what}", _REMEDY) from None
    if content.pop("version", None) != _VERSION:
        raise PipelineError(
            f"{source}: its version is not {_VERSION}", "let `doit golden --accept` of this release write the file anew"
        )
    problems: list[Problem] = []
    entries: dict[Key, Entry] = {}
    for key, said in _things(content, source, problems):
        entry = _entry(said, f"{source}: {key}", problems)
        if entry is not None:
            entries[key] = entry
    raise_if_any(problems)
    return Lock(entries)


def _things(content: Mapping[str, Any], source: str, problems: list[Problem]) -> Iterator[tuple[Key, object]]:
    kinds = {table: kind for kind, table in _TABLES.items()}
    for table, things in content.items():
        kind = kinds.get(table)
        if kind is None or not isinstance(things, dict):
            problems.append(Problem(f"{source}: {ascii(table)} is not a table of this file", _REMEDY))
        elif kind is not Kind.PROPERTY:
            yield from ((Key(kind, "", name), said) for name, said in things.items())
        else:
            for pid, properties in things.items():
                if not isinstance(properties, dict):
                    problems.append(Problem(f"{source}: properties of {ascii(pid)} are not a table", _REMEDY))
                    continue
                yield from ((Key(kind, pid, name), said) for name, said in properties.items())


def _entry(said: object, where: str, problems: list[Problem]) -> Entry | None:
    before = len(problems)
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        problems.append(Problem(f"{where}: is not a table of texts", _REMEDY))
        return None
    unknown = sorted(set(said) - set(_FIELDS))
    if unknown:
        problems.append(Problem(f"{where}: unknown key {ascii(unknown[0])}", _REMEDY))
    if said.get("class") not in list(Class):
        problems.append(Problem(f"{where}: class is none of {', '.join(Class)}", _REMEDY))
    if said.get("decision") not in list(Decision):
        problems.append(Problem(f"{where}: decision is none of {', '.join(Decision)}", _REMEDY))
    if not said.get("reason", "").strip():
        problems.append(Problem(f"{where}: no reason", "write in a few words why"))
    if len(problems) > before:
        return None
    return Entry(Class(said["class"]), Decision(said["decision"]), said["reason"], said.get("digest", ""))
