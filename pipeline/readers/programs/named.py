"""BIND's server: named-checkconf reads named.conf and all it includes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.files_of import regular_below, regular_files
from pipeline.readers.meaning import by_status

_FILES = ("/etc/bind/named.conf", "/etc/named.conf")


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """The first configuration there is: named reads one."""
    for file in regular_files(view, *_FILES)[:1]:
        read = {*regular_below(view, "/etc/bind"), *regular_files(view, "/etc/named*", "/var/named/*"), file}
        yield Ask(file, (Command((program, file)),), tuple(sorted(read)), directories=("/run/named",))


READER = Reader(
    "named",
    "the image's own named-checkconf takes the configuration of the name server",
    ("/usr/bin/named-checkconf", "/usr/sbin/named-checkconf", "/sbin/named-checkconf"),
    asks,
    by_status(ignore=r"is deprecated|is obsolete|\bwarning:"),
    version=("-v",),
    on_host=True,
)
