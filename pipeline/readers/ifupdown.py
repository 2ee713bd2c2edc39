"""ifupdown, and BusyBox's: ``ifup -n`` goes the whole way for every interface and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.files_of import regular_below, regular_files, text_of
from pipeline.readers.meaning import by_status

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


READER = Reader(
    "ifupdown",
    "the image's own ifup takes /etc/network/interfaces and could bring every interface up",
    ("/usr/sbin/ifup", "/sbin/ifup"),
    asks,
    by_status(
        complaint=r"(?i)couldn't read interfaces|missing required|don't (?:seem to )?have all the variables"
        r"|ifup: failed|unknown (?:method|address type)|duplicate|misplaced option|never matched"
        r"|option with empty value|Failed to bring up|error parsing|bad option"
        r"|too few parameters|Ignoring unknown interface",
        ignore=r"already configured|^run-parts|^(ip|dhclient|udhcpc|ifconfig|route) |recursion",
        line=r"interfaces:(\d+)|:(\d+):",
    ),
    version=("--version",),
    decides=("network.readable",),
)  # fmt: skip
