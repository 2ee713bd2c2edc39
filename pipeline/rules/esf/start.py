"""Who starts the framework in this image, with which script, and what is set before: read without running anything."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.java import start_script
from pipeline.formats.java.start_script import JavaCommand
from pipeline.formats.shell.words import Word
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.rules.esf.installation import Document, children, is_file, place_of, read_documents
from pipeline.rules.looking import paths
from pipeline.rules.shared import listed, shared

# Who may start ESF at boot (formats 3.2).
STARTERS = (
    "/etc/init.d/kura", "/etc/init.d/esf", "/etc/init.d/S[0-9][0-9]kura", "/etc/init.d/S[0-9][0-9]esf", "/etc/inittab",
    "/etc/monitrc", "/etc/monit/monitrc", "/etc/monit/conf.d/*", "/etc/monit/conf-enabled/*", "/etc/monit.d/*",
    "/etc/systemd/system/kura.service", "/etc/systemd/system/esf.service", "/lib/systemd/system/kura.service",
    "/usr/lib/systemd/system/kura.service", "/etc/systemd/system/kura.service.d/*.conf",
    "/usr/lib/systemd/system/kura.service.d/*.conf", "/lib/systemd/system/kura.service.d/*.conf",
    "/etc/systemd/system/esf.service.d/*.conf", "/etc/rc.local",
)  # fmt: skip
# Where variables come from before a start script runs (B:393): login shells, PAM, init, systemd.
ENVIRONMENTS = (
    "/etc/environment", "/etc/profile", "/etc/profile.d/*", "/etc/default/*", "/etc/sysconfig/kura",
    "/etc/sysconfig/esf", "/etc/security/pam_env.conf", "/etc/environment.d/*", "/etc/systemd/system.conf",
    "/etc/systemd/system.conf.d/*.conf", "/etc/init.d/rc", "/etc/init.d/rcS", "/etc/bash.bashrc",
    "/etc/*.env", "/root/.profile", "/root/.bashrc", "/root/.bash_profile",
)  # fmt: skip

_UNIT = re.compile(r"^\s*Exec(?:Start|StartPre|StartPost)\s*=\s*[-@+!:|]*(.*)$", re.MULTILINE)
_MONIT = re.compile(r"(?:re)?start(?:\s+program)?\s*=?\s*[\"']([^\"']+)[\"']")
_INITTAB = re.compile(r"^[^#\n:]*:[^\n:]*:(?:sysinit|wait|once|respawn|boot|bootwait):(.*)$", re.MULTILINE)
_EXPANSIONS = 5  # a variable made of others, and those of others

READS = tuple(pattern.replace("[0-9][0-9]", "*") for pattern in (*STARTERS, *ENVIRONMENTS))


@dataclass(frozen=True)
class Started:
    """One command that starts Java, and the file it stands in."""

    document: Document
    command: JavaCommand

    def line(self, word: Word) -> int:
        """Line of one of its words."""
        return self.document.line_at(word.start)


@shared
def starters(view: ImageView) -> tuple[Document, ...]:
    """The files that may start the framework."""
    return tuple(read_documents(view, paths(view, *STARTERS)))


@shared
def environments(view: ImageView) -> tuple[Document, ...]:
    """The files that may set variables for it; a unit's own settings are in the starters."""
    return tuple(read_documents(view, [*paths(view, *ENVIRONMENTS), *_named(view)]))


def unread_environments(view: ImageView) -> tuple[str, ...]:
    """Files of variables that a unit names, that are there, and that nobody read."""
    return tuple(path for path in _named(view) if is_file(view, path) and place_of(view, path) not in view.files)


def _named(view: ImageView) -> tuple[str, ...]:
    pattern = r"(?m)^\s*EnvironmentFile\s*=\s*-?(/\S+)"
    return tuple(path for unit in starters(view) for path in re.findall(pattern, unit.text))


@shared
def booted(view: ImageView, layout: Layout) -> tuple[Document, ...]:
    """The scripts of the installation that something runs at boot, by what the starters say."""
    found: list[str] = []
    directories = {place_of(view, path) for path in (*map(_parent, layout.start_scripts), f"{layout.root}/bin")}
    for starter in starters(view):
        for word in _words(starter):
            place = place_of(view, posixpath.normpath(word)) if _is_path(word) else None
            if place is not None and place.parent in directories and is_file(view, place):
                found.append(place)
    return tuple(read_documents(view, found))


@shared
def scripts(view: ImageView, layout: Layout) -> tuple[Document, ...]:
    """Every start script: those run at boot, and those of the layout, which people run."""
    return tuple(read_documents(view, [*(item.path for item in booted(view, layout)), *layout.start_scripts]))


@shared
def commands(view: ImageView, layout: Layout, *, debug: bool = False) -> tuple[Started, ...]:
    """Every command that starts Java in the start scripts and in the starters themselves.

    Args:
        debug: also those of the scripts for remote debugging, which have a rule of their own.
    """
    skipped = set() if debug else {item.path for item in debug_scripts(view, layout)}
    documents = [item for item in scripts(view, layout) if item.path not in skipped]
    documents += [item for item in starters(view) if "/init.d/" in item.path or item.path.endswith("rc.local")]
    return tuple(Started(item, command) for item in documents for command in start_script.java_commands(item.text))


@shared
def debug_scripts(view: ImageView, layout: Layout) -> tuple[Document, ...]:
    """Scripts that start the framework for remote debugging, by name."""
    directories = dict.fromkeys((*map(_parent, layout.start_scripts), f"{layout.root}/bin"))
    found = [
        path
        for directory in directories
        for path in children(view, directory)
        if re.search(r"debug", path.name) and path.name.endswith(".sh")
    ]
    return tuple(read_documents(view, found))


@shared
@listed
def definitions(view: ImageView, layout: Layout) -> Iterator[tuple[Document, int, str, str]]:
    """Every system property the start scripts set: file, line, name and value; the last of a name wins."""
    for started in commands(view, layout):
        for word in started.command.options:
            if word.value.startswith("-D"):
                name, _, value = word.value[2:].partition("=")
                yield started.document, started.line(word), name, value
    for script in scripts(view, layout):
        for item in start_script.assignments(script.text):
            for option in item.value.split():
                if option.startswith("-D"):
                    name, _, value = option[2:].partition("=")
                    yield script, item.line, name, value


def _words(starter: Document) -> Iterator[str]:
    """What a starter runs or refers to."""
    text = starter.text
    if starter.path.endswith((".service", ".conf")) and "/systemd/" in starter.path:
        texts = _UNIT.findall(text)
    elif "monit" in starter.path:
        texts = _MONIT.findall(text)
    elif starter.path.endswith("/inittab"):
        texts = _INITTAB.findall(text)
    else:
        texts = [text]
    for piece in texts:
        known = {item.name: item.value for item in start_script.assignments(piece)}
        for word in (*start_script.words_of(piece), *known.values()):
            yield _expanded(word, known)


def _expanded(word: str, known: dict[str, str]) -> str:
    for _ in range(_EXPANSIONS):
        changed = re.sub(r"\$\{?(\w+)\}?", lambda name: known.get(name[1], name[0]), word)
        if changed == word:
            break
        word = changed
    return word


def _is_path(word: str) -> bool:
    return word.startswith("/") and not word.startswith("//") and word.isprintable()


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
