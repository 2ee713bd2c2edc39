"""A tree of programs, and one of them: run without a network, in namespaces of its own."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a program said: ``accept`` or ``refuse``, its own words, and perhaps what it made of the file."""

    verdict: str
    words: str
    effective: Any = None


@dataclass(frozen=True)
class Ran:
    """A program that has ended, or was ended after its time (then the status is -1)."""

    status: int
    words: str


@dataclass(frozen=True)
class Root:
    """A tree whose programs are asked: this machine's, or one made by mmdebstrap."""

    path: Path

    def run(self, *command: str, given: str | None = None, seconds: float = 60) -> Ran:
        """Run a program of the tree without a network; it and its children end with it."""
        inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", f"--mount-proc={self.path / 'proc'}"]
        inside += ["chroot", str(self.path)] if self.path != Path("/") else []
        try:
            done = subprocess.run(
                [*inside, *command], input=given, capture_output=True, text=True, errors="replace", timeout=seconds,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            words = b"".join(part for part in (late.stdout, late.stderr) if isinstance(part, bytes))
            return Ran(-1, words.decode("utf-8", "replace"))
        return Ran(done.returncode, done.stdout + done.stderr)

    @contextmanager
    def folder(self) -> Iterator[tuple[Path, str]]:
        """A throw-away folder: as seen from here, and as seen from inside the tree."""
        with tempfile.TemporaryDirectory(dir=self.path / "tmp", prefix="ask-") as made:
            yield Path(made), "/" + str(Path(made).relative_to(self.path))

    def has(self, program: str) -> bool:
        """Whether the tree has a program."""
        return any((self.path / folder / program).exists() for folder in ("usr/sbin", "usr/bin", "sbin", "bin"))


Ask = Callable[[Root, bytes], Answer]


@dataclass(frozen=True)
class Program:
    """One reader: how its version is asked, and how a file."""

    name: str
    version_command: Sequence[str]
    version_words: str
    ask: Ask

    def version(self, root: Root) -> str | None:
        """Its own words about its version; None when the tree has none."""
        if not root.has(self.version_command[0]):
            return None
        found = re.search(self.version_words, root.run(*self.version_command).words)
        return found[0] if found else "unknown"


def simple(*command: str, name: str = "file", mode: int = 0o644) -> Ask:
    """A program that ends with 0 when it takes the file; FILE stands for its path."""

    def ask(root: Root, data: bytes) -> Answer:
        with root.folder() as (outside, inside):
            write(outside / name, data, mode)
            ran = root.run(*(word.replace("FILE", f"{inside}/{name}") for word in command))
        return answer(ran.status == 0, ran.words.replace(inside, ""))

    return ask


def said(words: str, *command: str, mode: int = 0o644) -> Ask:
    """A program that has no way to test: it refuses where it says so, whatever becomes of it later."""

    def ask(root: Root, data: bytes) -> Answer:
        with root.folder() as (outside, inside):
            write(outside / "file", data, mode)
            ran = root.run(*(word.replace("FILE", f"{inside}/file") for word in command))
        return answer(re.search(words, ran.words) is None, ran.words.replace(inside, ""))

    return ask


def write(path: Path, data: bytes, mode: int) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_bytes(data)


def answer(taken: bool, words: str, effective: Any = None) -> Answer:
    return Answer("accept" if taken else "refuse", " ".join(words.split())[:160], effective)
