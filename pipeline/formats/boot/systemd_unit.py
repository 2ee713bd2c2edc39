"""systemd's unit files and drop-ins (systemd.syntax(7)): settings in the order they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One assignment.

    Attributes:
        file: as the caller calls it.
        line: from 1; of the first of several lines joined by a backslash.
    """

    file: str
    line: int
    section: str
    key: str
    value: str


def parse(data: bytes, name: str) -> tuple[Setting, ...]:
    """The settings of one file; what systemd would pass over with a warning is passed over."""
    found: list[Setting] = []
    section = ""
    waiting, first = "", 0
    for number, text in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        content = text.strip()
        if not waiting and (not content or content[0] in "#;"):
            continue
        if waiting and content[:1] in ("#", ";"):  # comments may stand between joined lines
            continue
        first = first if waiting else number
        if content.endswith("\\"):
            waiting += content[:-1] + " "
            continue
        content, waiting = (waiting + content).strip(), ""
        if content.startswith("[") and content.endswith("]"):
            section = content[1:-1]
            continue
        key, equals, value = content.partition("=")
        if equals:
            found.append(Setting(name, first, section, key.strip(), value.strip()))
    return tuple(found)


def in_effect(settings: Sequence[Setting], section: str, key: str) -> tuple[Setting, ...]:
    """The values of a setting that adds up, such as ``ListenStream`` or ``ExecStart``: an empty one takes back all."""
    found: list[Setting] = []
    for setting in settings:
        if (setting.section, setting.key) == (section, key):
            found = [*found, setting] if setting.value else []
    return tuple(found)
