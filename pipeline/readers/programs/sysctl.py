"""sysctl: ``--dry-run`` goes through all files in its own order and sets nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import by_status, said

_FILES = (
    "/etc/sysctl.conf", "/etc/sysctl.d/*.conf", "/run/sysctl.d/*.conf", "/usr/local/lib/sysctl.d/*.conf",
    "/usr/lib/sysctl.d/*.conf", "/lib/sysctl.d/*.conf",
)  # fmt: skip
_STATUS = by_status(
    complaint=r"(?i)syntax error|invalid|malformed|unknown option|cannot open",
    # A key the appliance's kernel does not have says nothing about the gateway's.
    line=r"\((\d+)\)",
    ignore=r"(?i)cannot stat /proc|an unknown key|permission denied|read-only|ignoring|^\* Applying|^[a-z0-9_./*-]+ = ",
)


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """All files in one go, because the order among them decides."""
    files = regular_files(view, *_FILES)
    if files:
        own = [file for file in files if file.startswith("/etc/")] or list(files)
        yield Ask(own[-1], (Command((program, "--dry-run", "--system")),), files)


def meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """Older ones, and BusyBox's, have no dry run."""
    if any("unrecognized option" in line or "unknown option" in line for line in said(replies)):
        return Meaning(ReaderVerdict.NOT_ASKED, "this sysctl cannot do without setting anything")
    found = _STATUS(ask, replies)
    # Status 1 for keys this kernel lacks, or which it may not look at, is no complaint about a file.
    if found.verdict is ReaderVerdict.NO and found.message.startswith("exit status"):
        return Meaning(ReaderVerdict.YES)
    return found


READER = Reader(
    "sysctl",
    "the image's own sysctl can read every file of kernel parameters",
    ("/usr/sbin/sysctl", "/sbin/sysctl"),
    asks,
    meaning,
    version=("--version",),
    on_host=True,
)
