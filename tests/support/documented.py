"""The command lines that README.md, CONTRIBUTING.md and docs/ show, as a reader would copy them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

_PROGRAMS = (
    r"(?:\./ci/bootstrap|doit|openssl|ssh-keygen|ssh-keyscan|python3?|sha256sum|sha512sum|bmaptool|dd|veritysetup|pydoc|pip"
    r"|git|zstd|age|age-keygen|jq|keytool|jarsigner|uuu|fastboot|rauc|bash|sh|taplo)"
)
_BLOCK = re.compile(rf"(?:\$ )?(?P<line>(?:\((?:umask|cd) .*|{_PROGRAMS} .*))")
_INLINE = re.compile(rf"`((?:\.\/ci\/bootstrap )?{_PROGRAMS} [^`]+|\(umask [^`]+)`")
_HEREDOC = re.compile(r"<<'?(\w+)'?$")
_LANGUAGES = {"toml", "python", "json", "xml", "yaml", "mermaid"}


def documents() -> tuple[Path, ...]:
    """Everything a user reads, decisions (docs/adr) left out: those tell what was, not what to type."""
    found = sorted(path for path in (CHECKOUT / "docs").rglob("*.md") if "adr" not in path.parts)
    return (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *found)


def commands_in(document: Path) -> Iterator[tuple[int, str]]:
    """Line number and command line, comments behind it taken off, continued lines joined."""
    lines = document.read_text("utf-8").splitlines()
    fence = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        text = line.strip()
        if text.startswith("```"):
            fence = "" if fence else text[3:] or "shell"
            continue
        is_code = (fence and fence not in _LANGUAGES) or (not fence and line.startswith("    "))
        found = _BLOCK.match(text) if is_code else None
        if found is None:
            if not is_code and not fence:
                yield from ((number, _plain(one)) for one in _INLINE.findall(line))
            continue
        start, command = number, found["line"]
        while number < len(lines) and (command.endswith("\\") or _is_open(command)):
            command = f"{command.removesuffix(chr(92)).rstrip()}\n{lines[number].strip()}"
            if not _is_quoted(command):
                command = command.replace("\n", " ")
            number += 1
        if end := _HEREDOC.search(command):
            while not command.endswith(f"\n{end[1]}"):
                command += f"\n{lines[number].removeprefix('    ')}"
                number += 1
        yield start, _plain(command)


def _is_open(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return True
    return False


def _is_quoted(command: str) -> bool:
    return "'" in command and "-c" in command


def _plain(command: str) -> str:
    """Without the comment behind it, and without what starts every command of a checkout."""
    command = re.sub(r"\s+#\s.*$", "", command) if "\n" not in command else command
    return command.removeprefix("./ci/bootstrap ").strip()


def all_commands() -> dict[str, list[str]]:
    """Every command line and where it stands, in the order of reading."""
    found: dict[str, list[str]] = {}
    for document in documents():
        for line, command in commands_in(document):
            found.setdefault(command, []).append(f"{document.relative_to(CHECKOUT)}:{line}")
    return found
