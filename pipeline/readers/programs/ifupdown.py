"""ifupdown, and BusyBox's: ``ifup -n`` goes the whole way for every interface and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_below, regular_files, text_of
from pipeline.readers.meaning import by_status, said

_FILES = ("/etc/network/interfaces", "/opt/*/*/.data/interfaces")
_NAME = re.compile(r"(?m)^[ \t]*iface[ \t]+([A-Za-z0-9_.:@-]+)[ \t]")
_MOST = 32  # interfaces of one file


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """All interfaces that come up by themselves, then each of the others: a stanza nobody needs today counts too."""
    more = regular_below(view, "/etc/network/interfaces.d")
    for file in regular_files(view, *_FILES):
        text = text_of(view, file) or ""
        names = tuple(dict.fromkeys(_NAME.findall(text)))[:_MOST]
        commands = [Command((program, "-n", "-a", "-i", file))]
        commands += [Command((program, "-n", "-i", file, *names))] if names else []
        yield Ask(file, tuple(commands), tuple(sorted({file, *more})), directories=("/run/network",))


_STATUS = by_status(
    complaint=r"(?i)couldn't read interfaces|missing required|don't (?:seem to )?have all the variables"
    r"|ifup: failed|unknown or no|unknown (?:method|address type)|duplicate|misplaced option|never matched"
    r"|option with empty value|Failed to bring up|error parsing|bad option|too few parameters",
    ignore=r"already configured|^run-parts|^(ip|dhclient|udhcpc|ifconfig|route) |recursion|unknown interface",
    line=r"interfaces:(\d+)|:(\d+):",
)


def meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """As usual; an interface that is only named by ``auto`` fails alone, and all others come up."""
    found = _STATUS(ask, replies)
    if found.message.startswith("exit status") and any("unknown interface" in line for line in said(replies)):
        return Meaning(ReaderVerdict.YES)
    return found


READER = Reader(
    "ifupdown",
    "the image's own ifup takes /etc/network/interfaces and could bring every interface up",
    ("/usr/sbin/ifup", "/sbin/ifup"),
    asks,
    meaning,
    version=("--version",),
    decides=("network.readable",),
)
