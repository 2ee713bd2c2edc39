"""Commands that start an SSH server, in the lines of units, scripts and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

SERVER = re.compile(r"(?:|.*/(?:s?bin|libexec|openssh)/)(sshd|dropbear)")
# Words before a program's path after which it is not started.
_NOT_STARTED = frozenset(
    "-e -f -s -v -K --stop which type hash pidof killall pkill rm cp mv ln chmod chown mkdir install".split()
)


def servers_in(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """A server by its path, or as the first word, and the flags that follow; the rest is for a shell."""
    for at, word in enumerate(words):
        found = SERVER.fullmatch(word.strip("\"'`();"))
        if found is None or ("/" not in word and at > 0) or _NOT_STARTED & {*words[:at]}:
            continue
        if "-x" in words[at - 1 : at] and not any(word.endswith("start-stop-daemon") for word in words[:at]):
            continue  # of `test`
        rest: list[str] = []
        for flag in words[at + 1 :]:
            if flag == "--" and not rest:  # start-stop-daemon's
                continue
            if re.match(r"[;&|<>`)]|\d*>", flag):
                break
            rest.append(flag.rstrip(";"))
            if flag.endswith(";"):
                break
        yield found[1], [flag.strip("\"'") for flag in rest]
        return
