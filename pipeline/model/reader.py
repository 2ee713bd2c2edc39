"""Readers as values: the programs of an image that read its files, and how each is asked without starting anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.model.image_view import ImageView
from pipeline.model.reader_answer import ReaderVerdict


@dataclass(frozen=True)
class Command:
    """One program run.

    Attributes:
        argv: the program by its path in the image, then its arguments; no shell looks at them.
        stdin: file of the image that becomes standard input; empty for nothing.
    """

    argv: tuple[str, ...]
    stdin: str = ""


@dataclass(frozen=True)
class Ask:
    """One question: commands in a throw-away sandbox, one after the other as long as they succeed.

    Attributes:
        subject: the file the question is about.
        read: files of the image that decide the answer; they make the question another one when they change.
        directories: made before, below /run or /tmp, which are empty.
        given: files laid down before, below /run or /tmp, by path; questions of one image share them.
        devices: device files that the program only wants to see, by path below /dev; each is the null device, but
            ``/dev/ppp`` is itself, and ``/dev/ptmx`` makes terminals.
        independent: each command runs, whatever became of those before.
        expected: what the meaning has to know of the file beside the replies, in the reader's own form.
        modules: kernel modules of the appliance the program needs; where there are none, that is not an error.
        seconds: for each command, without hardware virtualisation on a busy machine.
        megabytes: of address space for each process; 0 for no limit (Java reserves far more than it uses).
    """

    subject: str
    commands: tuple[Command, ...]
    read: tuple[str, ...]
    directories: tuple[str, ...] = ()
    given: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    devices: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    independent: bool = False
    seconds: int = 120
    megabytes: int = 1024


@dataclass(frozen=True)
class Reply:
    """What one command left behind.

    Attributes:
        status: exit status; None when it did not end in time or did not start. A signal counts as 128 and its number.
        out / err: what it printed, cut after 64 KiB.
        seconds: how long it took; says nothing about the file.
    """

    status: int | None
    out: str = field(default="", repr=False)
    err: str = field(default="", repr=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Meaning:
    """What the replies to a question mean: verdict, the program's own words, the line of the subject (0: none)."""

    verdict: ReaderVerdict
    message: str = ""
    line: int = 0


@dataclass(frozen=True)
class Reader:
    """A program of the image that reads files of it.

    Attributes:
        id: such as ``sshd``; the rule about its answers is ``readers.sshd``.
        title: what a yes means, as the title of a rule.
        programs: where it may lie in an image; the first that is there is asked.
        asks: the questions about an image, given the program's path there.
        meaning: what replies mean; pure.
        version: arguments that make the program say its version and do nothing else; empty where it cannot.
        emulated: the question in place of one of `asks` where an emulator of another processor runs the program, which
            knows less of the kernel; None where nothing changes.
        on_host: this machine's program can stand in where an image has none: it needs nothing but its libraries.
        decides: rules whose whole question is this reader's: it has the last word about them.
        remedy: what people do about a no.
    """

    id: str
    title: str
    programs: tuple[str, ...]
    asks: Callable[[ImageView, str], Iterable[Ask]] = field(repr=False)
    meaning: Callable[[Ask, Sequence[Reply]], Meaning] = field(repr=False)
    version: tuple[str, ...] = ()
    emulated: Callable[[ImageView, Ask], Ask] | None = field(default=None, repr=False)
    on_host: bool = False
    decides: tuple[str, ...] = ()
    remedy: str = "correct the file at the line the program names, or the input it is made of"
