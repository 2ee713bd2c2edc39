"""What there is to ask of an image: which of its files a program reads, and whether the program is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.all_readers import READERS
from pipeline.readers.files_of import is_program
from pipeline.readers.shape import shape_of


@dataclass(frozen=True)
class Asked:
    """A question of one reader about one image.

    Attributes:
        program: its path in the image; empty where the image has none (then the ask names where it usually lies).
        start: what starts this machine's program in its place; then `program` is its path on this machine.
    """

    reader: Reader
    program: str
    ask: Ask
    start: tuple[str, ...] = ()


def questions_of(view: ImageView, readers: Iterable[Reader] = READERS) -> tuple[Asked, ...]:
    """Every question about an image, readers in their order."""
    return tuple(_of_readers(view, readers))


def _of_readers(view: ImageView, readers: Iterable[Reader]) -> Iterator[Asked]:
    for reader in readers:
        program = next((path for path in reader.programs if is_program(view, path)), "")
        told: set[str] = set()
        for ask in reader.asks(view, program or reader.programs[0]):
            # Where there is nobody to ask, that is said once for each file.
            if program or ask.subject not in told:
                told.add(ask.subject)
                yield Asked(reader, program, ask)


def version_ask(reader: Reader, program: str, start: tuple[str, ...] = ()) -> Ask | None:
    """The question which version a program is; None where it cannot say."""
    if not reader.version:
        return None
    return Ask(program, (Command((*(start or (program,)), *reader.version)),), ())


def identity(view: ImageView, asked: Asked) -> str:
    """SHA-256 of a question with everything that decides its answer, the rest of the image apart.

    A copy of a file under another name is the same question.
    """
    return _digest(view, asked, lambda path: content_digest(view, path))


def shape(view: ImageView, asked: Asked, own: frozenset[GuestPath], names: Iterable[str]) -> str:
    """The same, but of the gateway's own files their shape only (`pipeline.readers.shape`)."""
    words = tuple(names)

    def about(path: str) -> str:
        content = view.files.get(GuestPath(path))
        if content is None or GuestPath(path) not in own:
            return content_digest(view, path)
        return shape_of(content, words)

    return _digest(view, asked, about, given=False)


def _digest(view: ImageView, asked: Asked, about: Callable[[str], str], *, given: bool = True) -> str:
    del view
    ask = asked.ask
    total = hashlib.sha256()
    words: list[str] = [asked.reader.id, asked.program, *ask.directories, *ask.modules, *ask.expected]
    for command in ask.commands:
        argv = [word.replace(ask.subject, "@") for word in command.argv]
        words += [str(len(argv)), *argv, command.stdin.replace(ask.subject, "@")]
    for path in ask.read:
        words += [path.replace(ask.subject, "@"), about(path)]
    for path, content in ask.given if given else ():
        words += [path, hashlib.sha256(content).hexdigest()]
    for word in words:
        data = word.encode("utf-8", "surrogateescape")
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def content_digest(view: ImageView, path: str) -> str:
    """SHA-256 of a file as far as it is known; else its size, which is all anybody has seen of it."""
    place = GuestPath(path)
    node, content = view.tree.get(place), view.files.get(place)
    if content is not None:
        return hashlib.sha256(content).hexdigest()
    return "absent" if node is None else node.sha256 or f"{node.size} bytes"
