"""fw_printenv: whether U-Boot's environment is where /etc/fw_env.config says, in the size it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files, text_of
from pipeline.readers.meaning import by_status

_CONFIG = "/etc/fw_env.config"
_STATUS = by_status(complaint=r"(?i)bad CRC|using default environment|too long|invalid|not.*valid|parse error")
_OUTSIDE = "outside"


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """The environment as a whole."""
    for file in regular_files(view, _CONFIG):
        read = {file, *regular_files(view, "/boot/uboot*.env")}
        lines = (text_of(view, file) or "").splitlines()
        places = [line.lstrip(" -").removeprefix("path:").strip() for line in lines]
        outside = (_OUTSIDE,) if any(place.startswith("/dev/") for place in places) else ()
        yield Ask(file, (Command((program, "-c", file)),), tuple(sorted(read)), ("/run/lock",), expected=outside)


def meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """An environment on a device is not there in the sandbox."""
    found = _STATUS(ask, replies)
    if found.verdict is ReaderVerdict.NO and _OUTSIDE in ask.expected:
        return Meaning(ReaderVerdict.NOT_ASKED, "the environment lies on a device, outside all file systems")
    return found


READER = Reader(
    "fw_printenv",
    "the image's own fw_printenv finds U-Boot's environment where it is configured",
    ("/usr/bin/fw_printenv", "/sbin/fw_printenv", "/usr/sbin/fw_printenv"),
    asks,
    meaning,
    on_host=True,
)
