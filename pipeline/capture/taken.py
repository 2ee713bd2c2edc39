"""What was found on a golden gateway, and which of it goes into the export."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.capture.paths import ROOTS
from pipeline.capture.script import START
from pipeline.classification.documents import forbidden, wanted
from pipeline.classification.truth import missing
from pipeline.errors import PipelineError
from pipeline.inputs.export_members import Kind, Member, collect
from pipeline.model.layout import Layout

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_AGAIN = "capture again; if it happens twice, look at the gateway's disk and connection"


@dataclass(frozen=True)
class Found:
    """What lies on a gateway at the listed paths.

    Attributes:
        release: of the installation, as the name of its directory states it; empty when it does not.
        odd: listed paths that are no files, or have names no gateway of this kind has.
        unreadable: listed paths that this user may not read.
    """

    files: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str]
    release: str = ""
    odd: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def product(self) -> str:
        """``Kura`` when all that was found of an installation lies where open-source Kura has it; else ``ESF``."""
        roots = {root for path in self.files for root in ROOTS if path.startswith(f"{root}/")}
        return "Kura" if roots == {"opt/eclipse/kura"} else "ESF"


@dataclass(frozen=True)
class Taken:
    """What goes into the export.

    Attributes:
        left: paths that were found and not taken, with the reason.
        missing: what of the documents' list the gateway does not have.
    """

    found: Found
    files: Mapping[str, bytes] = field(repr=False)
    left: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


def release_in(name: str) -> str:
    """The release in the name of an installation's directory: ``esf_5.0.0_reliagate-20-25``; empty without one."""
    found = _VERSION.search(name)
    return found[0] if found else ""


def parse(output: bytes, source: str) -> Found:
    """What the script on the gateway wrote: a few lines, an empty one, then one small archive after the other.

    Raises:
        PipelineError: cut off, or not the output of that script; members are judged as those of any export.
    """
    _, start, rest = output.partition(START)
    head, empty, archives = rest.partition(b"\n\n") if not rest.startswith(b"\n") else (b"", b"\n", rest[1:])
    if not start or not empty:
        raise PipelineError(f"{source}: answered something else than files", _AGAIN)
    links: dict[str, str] = {}
    said: dict[str, list[str]] = {"V": [], "R": [], "O": [], "U": [], "N": []}
    for line in head.decode("utf-8", "replace").splitlines():
        letter, _, text = line.partition(" ")
        if letter == "L" and " " in text:
            path, _, target = text.partition(" ")
            links[path] = target
        elif letter in said:
            said[letter].append(text)
        else:
            raise PipelineError(f"{source}: answered a line that is not understood: {ascii(line[:60])}", _AGAIN)
    files = [(_as_linked(name, said["R"]), content) for name, content in _unpacked(archives, source)]
    if said["N"] != [str(len(files))]:
        raise PipelineError(f"{source}: what it sent is cut off or damaged: {len(files)} files arrived", _AGAIN)
    contents = collect(
        [Member(path, Kind.LINK, target=target) for path, target in links.items()]
        + [Member(path, Kind.FILE, read=lambda most, all=content: all[:most]) for path, content in files],  # type: ignore[misc]
        source,
    )
    release = next((found for text in said["V"] if (found := release_in(text))), "")
    return Found(contents.files, contents.links, release, tuple(said["O"]), tuple(said["U"]))


def _as_linked(name: str, moved: Sequence[str]) -> str:
    """The name below the link to the installation, for a file that was read where the link leads."""
    for link, _, real in (text.partition(" ") for text in moved):
        if name.startswith(f"{real.rstrip('/')}/"):
            return f"{link}/{name.removeprefix(real.rstrip('/')).lstrip('/')}"
    return name


def _unpacked(archives: bytes, source: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    try:
        # Zeros end each archive; the next one follows them. What is no archive is passed over, and then the number of
        # files is not the one that was announced.
        with tarfile.open(fileobj=io.BytesIO(archives), mode="r:", ignore_zeros=True) as archive:
            for entry in archive:
                stream = archive.extractfile(entry) if entry.isreg() else None
                if stream is None:
                    raise PipelineError(f"{source}: {ascii(entry.name)} is not a regular file", _AGAIN)
                found.append((entry.name, stream.read()))
    except tarfile.ReadError as error:
        if archives.strip(b"\0"):
            raise PipelineError(f"{source}: what it sent is cut off or damaged: {error}", _AGAIN) from None
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise PipelineError(f"{source}: what it sent is cut off or damaged: {error}", _AGAIN) from None
    return found


def judged(found: Found, snapshot: tuple[str, bytes] | None, layout: Layout | None = None) -> Taken:
    """What of it goes into the export: listed, not forbidden; what is forbidden never reaches the disk of this machine.

    Args:
        snapshot: name and content of the console's download.
        layout: of the gateway, which says what can be missing; None where it is not known.
    """
    files: dict[str, bytes] = {}
    left: list[tuple[str, str]] = []
    for path, content in sorted(found.files.items()):
        reason = forbidden(path, content) if wanted(path) else "not listed"
        if reason:
            left.append((path, reason))
        else:
            files[path] = content
    if snapshot is not None:
        files[snapshot[0]] = snapshot[1]
    return Taken(found, files, tuple(left), tuple(missing(files, layout)))
