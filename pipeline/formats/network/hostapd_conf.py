"""``/etc/hostapd-<interface>.conf``: ``key=value`` lines of an access point (hostapd.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problem, raise_if_any

OWN_KEYS = ("wpa_passphrase", "wpa_psk", "sae_password", "wep_key0", "wep_key1", "wep_key2", "wep_key3", "ap_pin")
"""Lines with what lets a station in: each gateway has its own, or the line is taken out. One list for all who ask."""

OLD_SECRET = re.compile(
    r"#\s*(?:wpa_passphrase|wpa_psk|sae_password|wep_key\d|ap_pin|psk|password|private_key2?_passwd|pin"
    r"|(?:auth|acct)_server_shared_secret|radius_\w*secret)\s*="
)
"""A comment that keeps a secret, such as the one wpa_passphrase(8) writes beside the key it computed."""

_REMEDY = "write one 'key=value' a line, without spaces around the '='"


@dataclass(frozen=True)
class Line:
    """A ``key=value`` line, or a comment or empty line (then the key is empty and the text is the value).

    hostapd takes everything after the first ``=`` as the value, spaces included.
    """

    key: str
    value: str = field(repr=False)  # may be the passphrase
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class HostapdConf:
    """The file in order; of a key given twice the last one counts, as for hostapd."""

    lines: tuple[Line, ...]

    def get(self, key: str) -> str:
        """The value in effect; empty when the key is not there."""
        return next((line.value for line in reversed(self.lines) if line.key == key), "")

    def line_of(self, key: str) -> int:
        """Where the value in effect stands, from 1; 0 when the key is not there."""
        return next((line.number for line in reversed(self.lines) if line.key == key), 0)

    def every(self, key: str) -> tuple[Line, ...]:
        """All lines of a key: of ``sae_password`` and its like every one counts."""
        return tuple(line for line in self.lines if line.key == key)

    def changed(self, values: Mapping[str, str | None]) -> HostapdConf:
        """The file with keys set, in place or at the end, and those whose value is None taken out."""
        kept: list[Line] = []
        done: set[str] = set()
        for line in self.lines:
            if line.key not in values or not line.key:
                kept.append(line)
            elif line.key not in done and (value := values[line.key]) is not None:
                kept.append(Line(line.key, value, line.number))
            done.add(line.key)
        new = [Line(key, value) for key, value in values.items() if value is not None and key not in done]
        return HostapdConf((*kept, *new))


def parse(text: str, where: str) -> HostapdConf:
    """Read the file.

    Raises:
        PipelineError: lines that are neither comment nor ``key=value``, and a second network (``bss=``), which ESF
            never writes and which would leave the keys after it to another access point.
    """
    problems: list[Problem] = []
    lines: list[Line] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            lines.append(Line("", line, number))
            continue
        key, equals, value = line.partition("=")
        if not equals or not key or key != key.strip():
            # The line itself may be half a passphrase: it is not quoted.
            problems.append(Problem(f"{where}: line {number}: expected 'key=value'", _REMEDY))
        elif key == "bss":
            problems.append(
                Problem(f"{where}: line {number}: a second network in one file (bss=)", "give every network a file")
            )
        lines.append(Line(key, value, number))
    if lines and lines[-1] == Line("", ""):
        lines.pop()
    raise_if_any(problems)
    return HostapdConf(tuple(lines))


def render(file: HostapdConf) -> str:
    """Write the file."""
    return "".join(f"{line.key}={line.value}\n" if line.key else f"{line.value}\n" for line in file.lines)
