"""What differs between two snapshots for a gateway, component by component; secrets are masked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.formats.esf.esf_snapshot import Property, Snapshot

ABSENT = "(absent)"
MASKED = "(secret)"
_LONGEST = 160
# Passwords that are typed as plain text, such as a modem's config.password before Kura 5 (formats 2).
_SECRET_NAME = re.compile(
    r"pass(?:word|phrase|wd)|secret|credential|private.?key|token|\bpsk\b|\bpin\b|users\.config", re.IGNORECASE
)
_USER_IN_URL = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, order=True)
class Change:
    """One property that differs, in words for a person; never holds a secret."""

    pid: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.pid} {self.name}: {self.before} -> {self.after}"


def semantic_diff(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Every property whose meaning differs, sorted; writing, order and encoding do not count."""
    found: list[Change] = []
    for pid in sorted({*before.by_pid, *after.by_pid}):
        old, new = before.get(pid), after.get(pid)
        names = {prop.name for configuration in (old, new) if configuration for prop in configuration.properties}
        for name in sorted(names):
            left, right = old.get(name) if old else None, new.get(name) if new else None
            if left is None or right is None or left.meaning != right.meaning:
                found.append(Change(pid, name, shown(left), shown(right)))
        if not names and (old is None or new is None):
            found.append(Change(pid, "", ABSENT if old is None else "(empty)", ABSENT if new is None else "(empty)"))
    return tuple(found)


def is_secret(prop: Property) -> bool:
    """Whether a property's value is to be masked: by its type or by its name."""
    return prop.type == "Password" or _SECRET_NAME.search(prop.name) is not None


def shown(prop: Property | None) -> str:
    """A value for people: quoted, cut where it is very long, never a secret."""
    if prop is None:
        return ABSENT
    if is_secret(prop):
        return MASKED if any(prop.texts) else "(empty secret)"
    text = ", ".join(_USER_IN_URL.sub("//…@", text) for text in prop.texts)
    text = "".join(letter if letter.isprintable() else "�" for letter in text)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else f'"{text}"'
