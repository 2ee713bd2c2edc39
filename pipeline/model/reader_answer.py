"""What a program that reads a file of the image says of it; the model of the manifest's ``readers``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Tree


class ReaderVerdict(StrEnum):
    """What a program says of its file. Whoever could not be asked never counts as a yes."""

    YES = "yes"
    NO = "no"
    NOT_ASKED = "could not ask"


@dataclass(frozen=True, order=True)
class ReaderAnswer:
    """One program's answer about one file.

    Attributes:
        reader: id of the reader, such as ``sshd`` (`pipeline.readers`).
        subject: the file in the image the question is about.
        verdict: see `ReaderVerdict`.
        message: the program's own words where it says no, the reason where it could not be asked; secrets masked.
        line: of the subject, from 1; 0 where the program names none.
        program: path of the program in the image, or of this machine's where the image lacks it.
        version: as the program says it; empty where it does not.
        source: ``image``, or ``host`` where the image lacks the program and this machine's was asked.
        read: files of the image that decided the answer, sorted.
        by_shape: one gateway was asked for all whose files differ in addresses and names only; the build says which.
    """

    reader: str
    subject: str
    verdict: ReaderVerdict
    message: str = ""
    line: int = 0
    program: str = ""
    version: str = ""
    source: str = "image"
    read: tuple[str, ...] = ()
    by_shape: bool = False


def digest_of_read(tree: Tree, paths: Iterable[str]) -> str:
    """SHA-256 over names and content digests of files, framed; of secret content only that it is there.

    Whoever has the manifest can compute it again from the manifest's own tree.
    """
    total = hashlib.sha256()
    for path in sorted(set(paths)):
        node = tree.get(GuestPath(path))
        about = "absent" if node is None else node.sha256 or "secret"
        for part in (path, about):
            data = part.encode("utf-8", "surrogateescape")
            total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()
