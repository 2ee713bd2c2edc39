"""DHCP servers: ISC's ``dhcpd -t``, and BusyBox's udhcpd, which reads its file and then misses its interface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import by_status, not_asked, refusal, said

_DHCPD = ("/etc/dhcpd-*.conf", "/etc/dhcp/dhcpd.conf", "/etc/dhcpd.conf", "/opt/*/*/.data/dhcpd-*.conf")
_UDHCPD = ("/etc/udhcpd-*.conf", "/etc/udhcpd.conf", "/opt/*/*/.data/udhcpd-*.conf")
_REFUSED = re.compile(
    r"can't parse line|bad line \d+|unknown option|malformed hex|too many arguments|bad start/end IP range|range is"
)
_READ = re.compile(r"interface|SIOCGIF|MAC|lease file|address|started", re.IGNORECASE)


def dhcpd_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each file alone: ESF starts a server for each interface."""
    for file in regular_files(view, *_DHCPD):
        given = (("/run/dhcpd.leases", b""),)
        yield Ask(file, (Command((program, "-t", "-cf", file, "-lf", "/run/dhcpd.leases")),), (file,), given=given)


def udhcpd_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each file alone. There are no interfaces but lo, so nothing is ever served."""
    name = ("udhcpd",) if program.endswith("/busybox") else ()
    for file in regular_files(view, *_UDHCPD):
        yield Ask(file, (Command((program, *name, "-f", file)),), (file,), seconds=60)


def udhcpd_meaning(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """It has read the whole file when it complains about the interface."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    words = said(replies)
    refused = [line for line in words if _REFUSED.search(line)]
    if refused:
        return refusal(refused)
    if any(_READ.search(line) for line in words):
        return Meaning(ReaderVerdict.YES)
    return Meaning(ReaderVerdict.NOT_ASKED, (words or ["it says nothing"])[0])


READER_DHCPD = Reader(
    "dhcpd",
    "the image's own dhcpd takes the configuration of each interface it serves",
    ("/usr/sbin/dhcpd", "/sbin/dhcpd"),
    dhcpd_asks,
    by_status(ignore=r"^(Internet Systems|Copyright|All rights|For info|Config file:|Database file:|PID file:|$)"
              r"|^WARNING: |^Configuration file errors|^exiting|^If you think|^bug|^than a|^before|^process|^the README"
              r"|^have chosen|^need to|^and"),
    version=("--version",),
    on_host=True,
)  # fmt: skip
READER_UDHCPD = Reader(
    "udhcpd",
    "the image's own udhcpd takes the configuration of each interface it serves",
    ("/usr/sbin/udhcpd", "/sbin/udhcpd"),
    udhcpd_asks,
    udhcpd_meaning,
)
