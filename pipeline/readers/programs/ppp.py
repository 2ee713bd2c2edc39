"""pppd (``dryrun`` reads all options and ends) and chat, which is given the answers a working modem would send."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import is_program, regular_below, regular_files, text_of
from pipeline.readers.meaning import by_status, not_asked, refusal, said

_DEVICE = re.compile(r"(?m)(?:^|\s)((?:/dev/)?tty[A-Za-z]+[0-9]*|/dev/[A-Za-z0-9/_.-]+)(?=\s|$)")
_SCRIPTS = ("/etc/ppp/scripts/chat*", "/etc/ppp/scripts/disconnect*", "/etc/ppp/chat*")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|(\S+)")
# util-linux: chat talks to terminals only.
_TERMINAL = "/usr/bin/script"
_CHAT_SAYS = re.compile(r"^(unterminated|[Cc]an't|[Cc]annot|invalid|too |usage|expect string)|\(line \d+\)")
_KEYWORDS = {"ABORT": 1, "CLR_ABORT": 1, "TIMEOUT": 1, "SAY": 1, "ECHO": 1, "REPORT": 1, "CLR_REPORT": 1, "HANGUP": 1}
# ESF names the modem when it starts the link; pppd looks for it after all options were read.
_READ_ALL = "no device specified and stdin is not a tty"
_NO_KERNEL = 4  # EXIT_NO_KERNEL_SUPPORT of pppd(8)


def pppd_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each link by its file; modems are not plugged in, so their device files are only shown."""
    common = regular_files(view, "/etc/ppp/options", "/etc/ppp/options.*")
    for file in regular_below(view, "/etc/ppp/peers"):
        text = text_of(view, file) or ""
        devices = [name if name.startswith("/dev/") else f"/dev/{name}" for name in _DEVICE.findall(text)]
        yield Ask(
            file,
            (Command((program, "file", file, "dryrun", "nodetach", "logfd", "2")),),
            tuple(sorted({file, *common})),
            devices=("/dev/ppp", *dict.fromkeys(device for device in devices if "/../" not in device)),
            modules=("ppp_generic",),
        )


def pppd_meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """As usual, but without PPP in the kernel nothing was read."""
    if replies and replies[-1].status == _NO_KERNEL:
        return Meaning(ReaderVerdict.NOT_ASKED, "the appliance's kernel has no PPP")
    if any(_READ_ALL in line for line in said(replies)):
        return Meaning(ReaderVerdict.YES)
    return _PPPD(ask, replies)


_PPPD = by_status(line=r"(?:line |:)(\d+)")


def chat_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each script, on a terminal of its own, with the words it waits for as the modem's side and without its pauses."""
    for number, file in enumerate(regular_files(view, *_SCRIPTS)):
        modem = "".join(f"{word}\r\n" for word in _waits_for(text_of(view, file) or "")).encode("utf-8", "replace")
        script = view.files.get(GuestPath(file), b"").replace(rb"\d", b"").replace(rb"\p", b"")
        command = Command((program, "-v", "-s", "-S", "-t", "15", "-f", f"/tmp/script-{number}"))  # noqa: S108 - of the sandbox
        if is_program(view, _TERMINAL):
            line = shlex.join(command.argv)
            command = Command((_TERMINAL, "-q", "-e", "-c", line, "/dev/null"), f"/tmp/modem-{number}")  # noqa: S108 - the sandbox's
        given = ((f"/tmp/modem-{number}", modem), (f"/tmp/script-{number}", script))  # noqa: S108
        yield Ask(file, (command,), (file,), given=given, devices=("/dev/ptmx",), seconds=90)


def _waits_for(text: str) -> list[str]:
    """The expect half of each pair, as far as a look without chat's own rules goes."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    matches = [match for line in lines for match in _QUOTED.finditer(line)]
    words = [next((part for part in match.groups() if part is not None), "") for match in matches]
    expected, expects, position = [], True, 0
    while position < len(words):
        if words[position] in _KEYWORDS:
            position += 2
            continue
        if expects and words[position]:
            expected.append(words[position].split("-")[0])
        expects, position = not expects, position + 1
    return expected


def chat_meaning(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """Status 1 is a script it cannot read (chat(8)); everything else is about the line and what came over it."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    # It repeats all that goes over the line, passwords too: only its complaints are taken.
    complaints = [line for line in said(replies) if _CHAT_SAYS.search(line)]
    if any("terminal parameters" in line for line in complaints):
        return Meaning(ReaderVerdict.NOT_ASKED, "there is no terminal for it (the image has no script(1))")
    if replies[-1].status == 1:
        return refusal(complaints or ["exit status 1"])
    return Meaning(ReaderVerdict.YES)


READER_PPPD = Reader(
    "pppd",
    "the image's own pppd knows every option of its links",
    ("/usr/sbin/pppd", "/sbin/pppd"),
    pppd_asks,
    pppd_meaning,
    version=("--version",),
    on_host=True,
)
READER_CHAT = Reader(
    "chat",
    "the image's own chat can read the dialogues with its modems",
    ("/usr/sbin/chat", "/sbin/chat", "/usr/bin/chat"),
    chat_asks,
    chat_meaning,
)
