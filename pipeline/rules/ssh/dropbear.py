"""Images with dropbear, the small SSH server of Yocto and Buildroot: it has flags instead of a configuration file."""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.formats.boot import shell_variables, systemd_unit
from pipeline.model.image_view import ImageView
from pipeline.rules.looking import files, first_program

READS = (
    "/etc/default/dropbear", "/etc/init.d/*dropbear*", "/etc/systemd/system/dropbear*",
    "/etc/systemd/system/dropbear*.d/*", "/lib/systemd/system/dropbear*", "/usr/lib/systemd/system/dropbear*",
)  # fmt: skip
SERVERS = ("/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/sbin/dropbearmulti", "/usr/bin/dropbearmulti")
KEYS = ("/etc/dropbear/dropbear_*_host_key", "/var/lib/dropbear/dropbear_*_host_key")
# dropbear 2022.83, `dropbear -h`.
_LETTERS = "b:r:REFemwsgBT:G:jkp:P:iW:K:I:c:tzVu:a"
_COMMAND = re.compile(r"(?:^|[\s/])dropbear(?:multi)?[ \t]+(?P<words>-[^;&|#\n]*)")


@dataclass(frozen=True)
class Dropbear:
    """Its flags, wherever an init takes them from.

    Attributes:
        flags: letter to its arguments.
        place: file and line they stand in; the program itself when there are none.
        unclear: some stand where only a shell could work them out.
    """

    flags: dict[str, tuple[str, ...]]
    place: tuple[str, int]
    unclear: bool

    def has(self, letter: str) -> bool:
        """Whether a flag is given."""
        return letter in self.flags


def dropbear(view: ImageView) -> Dropbear | None:
    """The image's dropbear; None when it has none."""
    program = first_program(view, *SERVERS)
    if program is None:
        return None
    flags: dict[str, tuple[str, ...]] = {}
    place, unclear = (program, 0), False
    for path, line, words in _words(view):
        if words is None:
            unclear = True
            continue
        try:
            found, _ = getopt.getopt(_plain(words), _LETTERS)
        except getopt.GetoptError:
            unclear = True
            continue
        for name, value in found:
            place = (path, line) if place[1] == 0 else place
            flags[name[1:]] = (*flags.get(name[1:], ()), *([value] if value else []))
    return Dropbear(flags, place, unclear)


def _words(view: ImageView) -> Iterator[tuple[str, int, list[str] | None]]:
    for assignment in shell_variables.assignments(view.find("/etc/default/dropbear") or b""):
        if assignment.name in ("DROPBEAR_EXTRA_ARGS", "DROPBEAR_ARGS"):
            yield "/etc/default/dropbear", assignment.line, _split(assignment.value)
        elif assignment.name == "DROPBEAR_PORT" and assignment.value:
            yield "/etc/default/dropbear", assignment.line, ["-p", assignment.value]
    if view.init == "systemd":
        for unit in ("dropbear.service", "dropbear@.service"):
            bases = ("/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system")
            patterns = (f"{base}/{unit}{more}" for base in bases for more in ("", ".d/*.conf"))
            settings = [setting for path, data in files(view, *patterns) for setting in systemd_unit.parse(data, path)]
            for command in systemd_unit.in_effect(settings, "Service", "ExecStart"):
                yield command.file, command.line, _split(" ".join(command.value.split()[1:]))
    else:
        for path, data in files(view, "/etc/init.d/*dropbear*"):
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
                found = _COMMAND.search(line)
                if found and not line.lstrip().startswith("#"):
                    yield path, number, _split(found["words"])


def _plain(words: list[str]) -> list[str]:
    """Without variables of /etc/default/dropbear, which are looked at by themselves, and the flags they belong to."""
    kept: list[str] = []
    for word in words:
        if not word.startswith("$"):
            kept.append(word)
        elif kept and kept[-1].startswith("-") and f"{kept[-1][-1]}:" in _LETTERS:
            kept.pop()
    return kept


def _split(text: str | None) -> list[str] | None:
    try:
        return None if text is None else shlex.split(text)
    except ValueError:
        return None
