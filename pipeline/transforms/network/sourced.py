"""Files that ``source`` lines of ``/etc/network/interfaces`` name (interfaces(5)): ifupdown reads them, ESF does not.

They travel as they are: nothing in them is ESF's, so nothing in them is a gateway's own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from pipeline.errors import Problem
from pipeline.formats.esf.kuranet import Kuranet
from pipeline.formats.network.interfaces import Interfaces, Stanza
from pipeline.model.claim import Place
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from pipeline.model.vanilla import Vanilla

MAIN = GuestPath("/etc/network/interfaces")
DIRECTORY = GuestPath("/etc/network/interfaces.d")

_WILD = re.compile(r"[*?\[]")
# What ifupdown takes out of a source-directory.
_NAME = re.compile(r"[A-Za-z0-9_-]+")

Files = Mapping[GuestPath, Interfaces]


def read_sourced(main: Interfaces, paths: Iterable[GuestPath], read: Callable[[GuestPath], Interfaces | None]) -> Files:
    """Every file of the export that is sourced, those that a sourced one sources too.

    Args:
        paths: what the export has.
        read: parses one of them; None when it cannot be read, which is told elsewhere.
    """
    known = sorted(paths)
    found: dict[GuestPath, Interfaces] = {}
    waiting = [main]
    while waiting:
        for stanza in _sources(waiting.pop()):
            for path in known:
                if path not in found and path != MAIN and _names(stanza, path) and (file := read(path)) is not None:
                    found[path] = file
                    waiting.append(file)
    return {path: found[path] for path in sorted(found)}


def problems(
    main: Interfaces | None, sourced: Files, kuranet: Kuranet | None, kuranet_path: str, vanilla: Vanilla
) -> Iterator[Problem]:
    """What is sourced and not in the export, what two files configure, and what ESF keeps and would not find."""
    if main is None:
        return
    files = {MAIN: main, **sourced}
    for path, file in files.items():
        for stanza in _sources(file):
            yield from _unknown(Place(f"golden: {path}", stanza.line), stanza, files, vanilla)
    seen: dict[tuple[str, ...], Place] = {}
    for path, file in files.items():
        for stanza in file.stanzas("iface"):
            here = Place(f"golden: {path}", stanza.line)
            other = seen.setdefault(stanza.words[:2], here)
            if other.file != here.file:
                yield Problem(
                    f"{other}: {stanza.words[0]} is configured here and in {here}",
                    "leave it in one of the two files of the golden sample, and export again",
                )
            elif path != MAIN and kuranet is not None and stanza.words[0] in kuranet.interfaces:
                kept = Place(kuranet_path, kuranet.line_of(stanza.words[0], "config.ip4.status"))
                yield Problem(
                    f"{here}: configures {stanza.words[0]}, which ESF keeps ({kept}) and looks for in {MAIN} only",
                    f"move the interface to {MAIN} of the golden sample, and export again",
                )


def _unknown(here: Place, stanza: Stanza, files: Files, vanilla: Vanilla) -> Iterator[Problem]:
    """Files ifupdown would read on the gateway, and nobody has seen."""
    for word in stanza.words:
        if stanza.keyword == "source" and not _WILD.search(word) and _normal(word) not in files:
            yield Problem(
                f"{here}: sources {word}, which the export does not have",
                f"move it below {DIRECTORY}, the only other place that is exported, or into {MAIN}; then export again",
            )
    for path in _in_image(stanza, vanilla):
        if path not in files:
            yield Problem(
                f"{here}: sources {' '.join(stanza.words)}, where the vanilla image has {path} and the export does not",
                f"export {DIRECTORY} too, or take the line out on the golden sample, or the file out of the image",
            )


def _in_image(stanza: Stanza, vanilla: Vanilla) -> Iterator[GuestPath]:
    """Files of the image that a line names; patterns in names of directories are not followed, as ESF writes none."""
    for word in stanza.words:
        place = _normal(word)
        directory = place if stanza.keyword == "source-directory" else place.parent
        for found in vanilla.tree.children(vanilla.tree.resolve(directory)):
            path = directory / found.name
            node = vanilla.tree.get(found)
            if node is not None and node.kind is not Kind.DIRECTORY and _names(stanza, path):
                yield path


def _sources(file: Interfaces) -> Iterator[Stanza]:
    yield from file.stanzas("source")
    yield from file.stanzas("source-directory")


def _names(stanza: Stanza, path: GuestPath) -> bool:
    """Whether a line names a file, by its name, by a pattern or by its directory."""
    for word in stanza.words:
        pattern = _normal(word)
        if stanza.keyword == "source-directory":
            if _matches(path.parent, pattern) and _NAME.fullmatch(path.name):
                return True
        elif _matches(path, pattern):
            return True
    return False


def _matches(path: GuestPath, pattern: str) -> bool:
    """As a shell would: no pattern reaches across a slash, and none finds a hidden file unasked."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) and (not part.startswith(".") or want.startswith("."))
        for part, want in zip(parts, wanted, strict=True)
    )


def _normal(word: str) -> GuestPath:
    """A word as an absolute path; it may still be a pattern."""
    return GuestPath(posixpath.normpath(posixpath.join(MAIN.parent, word.replace("\0", ""))).replace("//", "/"))
