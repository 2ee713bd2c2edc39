"""What the serial console shows while a gateway starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROMPT = re.compile(r"^(\S+) login:$")
_PANIC = re.compile(r"Kernel panic|Attempted to kill init|initramfs: \S+ cannot be mounted|You are in emergency mode")
# systemd's, and the two forms of init scripts.
_FAILED = re.compile(r"\[\s*FAILED\s*\] (.*)|^\[FAIL\] (.*?)\.* ?(?:failed!)?$|^(.*?)\.* ?failed!$")


@dataclass(frozen=True)
class ConsoleLog:
    """Attributes:
    host_name: of the login prompt; None when there was none.
    panic: the line that says that the system cannot go on, or empty.
    failed: what did not start, in the console's words.
    """

    host_name: str | None
    panic: str
    failed: tuple[str, ...]


def read_console(lines: Sequence[str]) -> ConsoleLog:
    """Find in the console's lines what counts."""
    plain = [_COLOURS.sub("", line).strip() for line in lines]
    prompts = [found[1] for line in plain if (found := _PROMPT.match(line))]
    matches = [match for line in plain if (match := _FAILED.search(line)) is not None]
    failed = [what for match in matches if (what := next(filter(None, match.groups()), ""))]
    return ConsoleLog(
        host_name=prompts[-1] if prompts else None,
        panic=next((line for line in plain if _PANIC.search(line)), ""),
        failed=tuple(dict.fromkeys(failed)),
    )
