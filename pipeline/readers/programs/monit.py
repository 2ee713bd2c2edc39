"""monit: ``-t`` reads the control file and all it includes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.files_of import regular_below, regular_files
from pipeline.readers.meaning import by_status

_FILES = ("/etc/monit/monitrc", "/etc/monitrc")


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Every control file there is: which one counts is the start script's choice."""
    for file in regular_files(view, *_FILES):
        read = {file, *regular_below(view, "/etc/monit", "/etc/monit.d")}
        yield Ask(file, (Command((program, "-t", "-c", file)),), tuple(sorted(read)))


READER = Reader(
    "monit",
    "the image's own monit takes its control file",
    ("/usr/bin/monit", "/usr/sbin/monit", "/usr/local/bin/monit", "/bin/monit"),
    asks,
    by_status(ignore=r"^(Control file syntax OK|New Monit id|Stored in|Generated unique|Include failed)"),
    version=("-V",),
    on_host=True,
)
