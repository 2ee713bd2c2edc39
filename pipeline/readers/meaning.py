"""What exit statuses and messages mean for most programs; a reader that differs has its own reading of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipeline.model.reader import Ask, Meaning, Reply
from pipeline.model.reader_answer import ReaderVerdict

_LONGEST = 300  # characters of a message
# As a shell and chroot(1) report a program that is not there or cannot be executed (POSIX: 126 and 127).
_NOT_STARTED = (125, 126, 127)
_LOADER = re.compile(
    r"^(chroot|timeout|setpriv): |error while loading shared libraries|cannot execute|Exec format error|not found$"
)
_LINES = re.compile(r"\bline[ :]*(\d+)|:(\d+)[:,]", re.IGNORECASE)

Judge = Callable[[Ask, Sequence[Reply]], Meaning]


def by_status(*, yes: Sequence[int] = (0,), complaint: str = "", ignore: str = "", line: str = "") -> Judge:
    """The usual: an exit status among ``yes`` is a yes, unless a line matches ``complaint``; any other is a no.

    Args:
        complaint: what in the output is a no whatever the status; a regular expression for one line.
        ignore: lines that are never the reason.
        line: where a message has the line number, as the first group; else what most programs write.
    """
    wrong = re.compile(complaint) if complaint else None
    noise = re.compile(ignore) if ignore else None
    number = re.compile(line) if line else _LINES

    def judge(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
        failure = not_asked(replies)
        if failure is not None:
            return failure
        last = replies[-1]
        words = [text for text in said(replies) if noise is None or not noise.search(text)]
        complaints = [text for text in words if wrong is not None and wrong.search(text)]
        if last.status in yes and not complaints:
            return Meaning(ReaderVerdict.YES)
        telling = complaints or words or [f"exit status {last.status}"]
        return refusal(telling, number)

    return judge


def refusal(words: Sequence[str], number: re.Pattern[str] = _LINES) -> Meaning:
    """A no in the program's own words: the first that name a line, else the first."""
    found = [(text, match) for text in words if (match := number.search(text)) is not None]
    text, match = found[0] if found else (words[0], None)
    line = next((int(group) for group in match.groups() if group), 0) if match is not None else 0
    told = text if text == words[0] else f"{text}; {words[0]}"
    return Meaning(ReaderVerdict.NO, told[:_LONGEST], min(line, 10**9))


def not_asked(replies: Sequence[Reply]) -> Meaning | None:
    """Why nobody knows what the program thinks; None when it did run to its end."""
    if not replies:
        return Meaning(ReaderVerdict.NOT_ASKED, "it was not run")
    last = replies[-1]
    if last.status is None:
        return Meaning(ReaderVerdict.NOT_ASKED, "it did not end in time")
    words = said(replies)
    if last.status in _NOT_STARTED and (not words or _LOADER.search(words[-1])):
        return Meaning(ReaderVerdict.NOT_ASKED, (words or ["it cannot be started"])[-1][:_LONGEST])
    if last.status == 137:  # what timeout(1) ended
        return Meaning(ReaderVerdict.NOT_ASKED, "it did not end in time")
    if last.status in (132, 134, 135, 136, 139):
        return Meaning(ReaderVerdict.NOT_ASKED, f"it was ended by signal {last.status - 128}")
    return None


def said(replies: Sequence[Reply]) -> list[str]:
    """Every line the programs printed, errors first, the last command's before the others'."""
    lines: list[str] = []
    for reply in reversed(replies):
        lines += [line for part in (reply.err, reply.out) for text in part.splitlines() if (line := text.strip())]
    return lines
