"""Shells, BusyBox's among them: ``-n`` reads a script to its end and runs none of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.readers.files_of import is_program, regular_files, text_of
from pipeline.readers.meaning import by_status

_SCRIPTS = (
    "/etc/init.d/firewall*", "/etc/init.d/S[0-9][0-9]firewall*", "/etc/rc.local", "/etc/ppp/ip-*.local",
    "/etc/NetworkManager/dispatcher.d/*", "/opt/*/*/bin/start_kura*.sh",
)  # fmt: skip
_SHELLS = ("/bin/sh", "/bin/bash", "/usr/bin/bash", "/bin/ash", "/bin/busybox")


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """All of them in one question, up to the first that cannot be read: the shell that each names reads it."""
    named = [(file, shell) for file in regular_files(view, *_SCRIPTS) if (shell := _shell_of(view, file, program))]
    if named:
        commands = tuple(Command((*shell, "-n", file)) for file, shell in named)
        yield Ask(named[0][0], commands, tuple(file for file, _ in named))


def _shell_of(view: ImageView, file: str, usual: str) -> tuple[str, ...]:
    """The interpreter of the first line; empty where it is no shell or nobody read the file."""
    text = text_of(view, file)
    if text is None:
        return ()
    words = text.split("\n", 1)[0][2:].split() if text.startswith("#!") else [usual]
    if words[:1] == ["/usr/bin/env"]:
        words = [f"/bin/{words[1]}"] if len(words) > 1 else []
    if not words or words[0] not in _SHELLS or not is_program(view, words[0]):
        return ()
    return (words[0], "sh") if words[0].endswith("/busybox") else (words[0],)


def meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """As usual; the message begins with the file."""
    return _STATUS(ask, replies)


_STATUS = by_status(line=r"(?:line |: )(\d+)")

READER = Reader(
    "sh",
    "the image's own shell can read the scripts that start the firewall and the framework",
    ("/bin/sh", "/bin/busybox"),
    asks,
    meaning,
)
