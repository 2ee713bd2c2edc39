"""The scripts that start the framework: which there are, and which one the system really runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.java import start_script
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from pipeline.model.vanilla import Vanilla

# Who may start ESF at boot (formats 3.2).
STARTERS = (
    "/etc/init.d/kura",
    "/etc/init.d/esf",
    "/etc/monitrc",
    "/etc/monit/monitrc",
    "/etc/systemd/system/kura.service",
    "/lib/systemd/system/kura.service",
    "/usr/lib/systemd/system/kura.service",
)
# Where variables of the environment come from before a start script runs.
ENVIRONMENTS = ("/etc/environment", "/etc/profile", "/etc/default/kura", "/etc/default/esf", "/etc/sysconfig/kura")
_UNIT_COMMAND = re.compile(r"^\s*Exec(?:Start|StartPre)\s*=\s*[-@+!:|]*(.*)$", re.MULTILINE)
_MONIT_COMMAND = re.compile(r'start program\s*=?\s*"([^"]+)"')


def text_of(content: bytes) -> str:
    """A script as text; every byte is kept."""
    return content.decode("utf-8", "surrogateescape")


def found_scripts(vanilla: Vanilla) -> dict[GuestPath, str]:
    """Every start script of the layout that is in the image, by its resolved path."""
    scripts: dict[GuestPath, str] = {}
    for path in vanilla.layout.start_scripts:
        content = vanilla.find(path)
        if content is not None:
            scripts[vanilla.tree.resolve(path)] = text_of(content)
    for path in run_at_boot(vanilla):
        content = vanilla.find(path)
        if content is not None:
            scripts[path] = text_of(content)
    return scripts


def run_at_boot(vanilla: Vanilla) -> tuple[GuestPath, ...]:
    """The start scripts that an init script, monit or systemd names, by resolved path.

    Raises:
        PipelineError: nothing in the image starts any script of the installation.
    """
    scripts: set[GuestPath] = set()
    directories = _script_directories(vanilla)
    for path, text in starter_texts(vanilla):
        for word in _words(path, text):
            place = _place(vanilla, word)
            node = vanilla.tree.get(place) if place else None
            if place and node is not None and node.kind is Kind.FILE and place.parent in directories:
                scripts.add(place)
    if not scripts:
        raise PipelineError(
            f"vanilla image: none of {', '.join(STARTERS)} starts a script of {vanilla.layout.root}/bin",
            f"use an image with a complete {vanilla.layout.product} installation, or correct start_scripts of layout "
            f"{vanilla.layout.name}",
        )
    return tuple(sorted(scripts))


def starter_texts(vanilla: Vanilla) -> Iterator[tuple[GuestPath, str]]:
    """The files of `STARTERS` that are in the image."""
    seen: set[GuestPath] = set()
    for name in STARTERS:
        place = vanilla.tree.resolve(GuestPath(name))
        content = vanilla.find(name) if place not in seen else None
        if content is not None:
            seen.add(place)
            yield GuestPath(name), text_of(content)


def debug_scripts(vanilla: Vanilla) -> tuple[GuestPath, ...]:
    """Scripts that start the framework with remote debugging: those beside the start scripts with debug in the name."""
    return tuple(
        path
        for directory in sorted(_script_directories(vanilla))
        for path in vanilla.tree.children(directory)
        if re.search(r"start_.*debug", path.name) and not _is_directory(vanilla, path)
    )


def _is_directory(vanilla: Vanilla, path: GuestPath) -> bool:
    node = vanilla.tree.get(path)
    return node is not None and node.kind is Kind.DIRECTORY


def _script_directories(vanilla: Vanilla) -> set[GuestPath]:
    layout = vanilla.layout
    return {vanilla.tree.resolve(path.parent) for path in (*layout.start_scripts, layout.root / "bin/start")}


def _words(path: GuestPath, text: str) -> Iterator[str]:
    """What a starter runs or refers to, word by word."""
    if path.name.endswith(".service"):
        for command in _UNIT_COMMAND.findall(text):
            yield from start_script.words_of(command)
    elif path.name == "monitrc":
        for command in _MONIT_COMMAND.findall(text):
            yield from start_script.words_of(command)
    else:
        known = {found.name: found.value for found in start_script.assignments(text)}
        for word in (*start_script.words_of(text), *known.values()):
            yield re.sub(r"\$\{?(\w+)\}?", lambda name: known.get(name[1], name[0]), word)


def _place(vanilla: Vanilla, word: str) -> GuestPath | None:
    if not word.startswith("/") or not word.isprintable():
        return None
    try:
        return vanilla.tree.resolve(GuestPath("/" + posixpath.normpath(word).lstrip("/")))
    except (ValueError, PipelineError):
        return None
