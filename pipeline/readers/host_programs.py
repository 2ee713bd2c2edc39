"""This machine's own programs, for images that lack one: taken into the appliance, with their libraries."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Origin
from pipeline.model.reader import Ask, Command, Reader

PLACE = "/.reader"
"""Where they lie in a sandbox; no image has such a directory."""

_LIBRARY = re.compile(r"(?m)^\s*(?:(\S+) => )?(/\S+) \(0x")
_ORIGINS = (Origin("readers", "this machine's program"),)


@dataclass(frozen=True)
class HostProgram:
    """A program of this machine, ready to be laid into a sandbox.

    Attributes:
        start: words that start it there, its own loader and libraries first.
    """

    path: Path
    start: tuple[str, ...]
    entries: tuple[FileEntry, ...]


@lru_cache(maxsize=64)
def host_program(name: str) -> HostProgram | None:
    """The program of that name with all it links; None when this machine has none, or it needs more than libraries."""
    path = tools.find(name)
    if path is None:
        return None
    try:
        linked = tools.run("ldd", path, reason="see which libraries a program needs").text
    except PipelineError:  # a static program, or a script
        return None
    libraries = {Path(match[2]).name: Path(match[2]) for match in _LIBRARY.finditer(linked)}
    loader = next((found for found in libraries if found.startswith("ld-")), None)
    if loader is None:
        return None
    files = {f"{PLACE}/bin/{name}": path, **{f"{PLACE}/lib/{file}": place for file, place in libraries.items()}}
    entries = tuple(
        FileEntry(GuestPath(place), source.read_bytes(), _ORIGINS, 0o755) for place, source in sorted(files.items())
    )
    start = (f"{PLACE}/lib/{loader}", "--library-path", f"{PLACE}/lib", f"{PLACE}/bin/{name}")
    return HostProgram(path, start, entries)


def by_host(reader: Reader, ask: Ask) -> tuple[Ask, HostProgram] | None:
    """The question as this machine's program is asked it; None when it cannot be."""
    if not reader.on_host:
        return None
    usual = reader.programs[0]
    found = host_program(usual.rpartition("/")[2])
    if found is None:
        return None
    commands = tuple(
        Command((*found.start, *command.argv[1:]), command.stdin) if command.argv[0] == usual else command
        for command in ask.commands
    )
    return replace(ask, commands=commands), found
