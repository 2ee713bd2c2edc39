"""Turns questions into answers: runs them in the appliance, reads what the programs print, removes secrets from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

from pipeline.image.appliance.session import Session
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import Entry, FileEntry, Layer, LinkEntry
from pipeline.model.reader import Meaning, Reply
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.readers import appliance
from pipeline.readers.emulators import Emulator, emulator_for, is_native, machine_of
from pipeline.readers.host_programs import PLACE, by_host
from pipeline.readers.masking import masked, secrets_in
from pipeline.readers.questions import Asked, questions_of, version_ask
from pipeline.readers.sandbox import Question, Root

Say = Callable[[str], None]

_VERSION = re.compile(r"\d+(?:\.\d+)+|\bv\d+\b")
_LONGEST_VERSION = 80
_LARGEST = 1 << 20  # bytes of a gateway's own file; what programs read at their start is far smaller


@dataclass(frozen=True)
class Case:
    """One gateway's questions on an image.

    Attributes:
        name: of the root they are asked in.
        view: the image as that gateway has it.
        own: what this gateway has for itself, on top of the image as it is mounted.
    """

    name: str
    view: ImageView
    own: Layer
    asked: tuple[Asked, ...]


def ask_all(
    session: Session,
    device: str,
    disk: Disk,
    cases: Sequence[Case],
    *,
    state_dir: Path,
    say: Say,
    on_host: bool = False,
) -> tuple[tuple[ReaderAnswer, ...], ...]:
    """The answers to every case's questions, in their order, with one script in a running appliance.

    Args:
        device: where the appliance has the image; nothing of it may be mounted.
        on_host: where the image lacks a program, this machine's is asked. Never in a build, whose manifest must not
            depend on what else is installed.

    Raises:
        PipelineError: the appliance breaks down. A program that does is an answer.
    """
    programs = sorted({one.program for case in cases for one in case.asked if one.program})
    emulator = _emulator(session, device, disk, cases, programs)
    if isinstance(emulator, Emulator):
        cases = [_emulated(case) for case in cases]
    if isinstance(emulator, str):
        return tuple(tuple(_unasked(one, emulator) for one in case.asked) for case in cases)
    if on_host:
        cases = [_with_host(case) for case in cases]
    wanted = [(case, one) for case in cases for one in case.asked if one.program]
    questions = [Question(case.name, one.ask) for case, one in wanted]
    versions: dict[str, int] = {}
    for case, one in wanted:
        ask = version_ask(one.reader, one.program, one.start)
        if ask is not None and one.program not in versions:
            versions[one.program] = len(questions)
            questions.append(Question(case.name, ask))
    if questions:
        say(f"asking {len({one.program for _, one in wanted})} programs {len(wanted)} questions")
    roots = [_root(case) for case in cases if any(one.program for one in case.asked)]
    replies = appliance.run(session, device, disk, roots, questions, state_dir=state_dir, emulator=emulator)
    told = {program: version_in(replies[number]) for program, number in versions.items()}
    by_question = {
        (case.name, id(one)): answer_of(case.view, one, reply, told.get(one.program, ""))
        for (case, one), reply in zip(wanted, replies, strict=False)
    }
    return tuple(
        tuple(
            by_question.get((case.name, id(one))) or _unasked(one, "the image has no such program")
            for one in case.asked
        )
        for case in cases
    )


def _with_host(case: Case) -> Case:
    """Questions nobody in the image can answer are put to this machine's programs, which are laid beside its files."""
    asked, entries = [], dict(case.own.by_path)
    for one in case.asked:
        found = by_host(one.reader, one.ask) if not one.program else None
        if found is None:
            asked.append(one)
            continue
        ask, program = found
        asked.append(replace(one, program=str(program.path), ask=ask, start=program.start))
        entries |= {entry.path: entry for entry in program.entries}
    return replace(case, asked=tuple(asked), own=Layer(tuple(entry for _, entry in sorted(entries.items()))))


def _emulated(case: Case) -> Case:
    asked = tuple(
        one
        if one.reader.emulated is None or not one.program
        else replace(one, ask=one.reader.emulated(case.view, one.ask))
        for one in case.asked
    )
    return replace(case, asked=asked)


def _root(case: Case) -> Root:
    entries = tuple(entry for entry in case.own.entries if isinstance(entry, LinkEntry) or _is_laid(entry))
    return Root(case.name, entries, tuple(str(removal.path) for removal in case.own.removals()))


def _is_laid(entry: Entry) -> TypeGuard[FileEntry]:
    if not isinstance(entry, FileEntry):
        return False
    return len(entry.content) <= _LARGEST or entry.path.is_under(GuestPath(PLACE))


def answer_of(view: ImageView, asked: Asked, replies: Sequence[Reply], version: str) -> ReaderAnswer:
    """What replies to a question say, without the secrets of the files it was about."""
    meaning = asked.reader.meaning(asked.ask, replies)
    return _answer(view, asked, meaning, version)


def _answer(view: ImageView, asked: Asked, meaning: Meaning, version: str) -> ReaderAnswer:
    contents = [(path, view.files.get(GuestPath(path), b"")) for path in asked.ask.read]
    return ReaderAnswer(
        asked.reader.id,
        asked.ask.subject,
        meaning.verdict,
        masked(meaning.message, secrets_in(contents)),
        meaning.line,
        asked.program,
        version,
        "host" if asked.start else "image",
        tuple(sorted(set(asked.ask.read))),
    )


def _unasked(asked: Asked, why: str) -> ReaderAnswer:
    return ReaderAnswer(
        asked.reader.id, asked.ask.subject, ReaderVerdict.NOT_ASKED, why, program=asked.program,
        read=tuple(sorted(set(asked.ask.read))),
    )  # fmt: skip


def version_in(replies: Sequence[Reply]) -> str:
    """The first line that has a version in it."""
    for reply in replies:
        for line in (reply.out + "\n" + reply.err).splitlines():
            if _VERSION.search(line):
                return masked(" ".join(line.split()), ())[:_LONGEST_VERSION]
    return ""


def _emulator(
    session: Session, device: str, disk: Disk, cases: Sequence[Case], programs: Sequence[str]
) -> Emulator | str | None:
    """What the image's programs need to run in the appliance; a text says why they cannot."""
    places = [case.view.tree.regular_file(GuestPath(program)) for case in cases[:1] for program in programs]
    for place in places:
        machine = machine_of(_header(session, device, disk, place)) if place is not None else None
        if machine is not None:
            return None if is_native(machine) else emulator_for(machine)
    return None


def _header(session: Session, device: str, disk: Disk, place: GuestPath) -> bytes:
    mounted = [(part.mountpoint, part) for part in disk.partitions if part.mountpoint is not None]
    try:
        for mountpoint, part in sorted(mounted, key=lambda item: len(item[0].parts)):
            session.mount(session.device_of(device, part), part.filesystem, mountpoint, writable=False)
        return session.first_bytes(place, 64)
    finally:
        session.umount_all()


def ask_image(session: Session, device: str, view: ImageView, *, state_dir: Path, say: Say) -> tuple[ReaderAnswer, ...]:
    """The answers to every question about an image as it is.

    Args:
        view: what was seen of it, its disk among that.
    """
    asked = questions_of(view)
    if view.disk is None or not asked:
        return ()
    (answers,) = ask_all(
        session, device, view.disk, [Case("image", view, Layer(()), asked)], state_dir=state_dir, say=say
    )
    return answers
