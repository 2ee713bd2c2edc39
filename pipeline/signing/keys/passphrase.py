"""Passphrases and PINs: from a file descriptor, an environment variable, a private file or a terminal."""

from __future__ import annotations

import getpass
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.signing.keys.sources import read_secret

SOURCES = "fd:N, env:NAME, file:PATH or prompt"

PROMPT = "prompt"

_LONGEST = 64 * 1024
# A descriptor gives its content once, and nobody wants to be asked twice.
_REMEMBERED: dict[tuple[str, str], bytes] = {}


def read_passphrase(source: str, directory: Path, what: str) -> bytes:
    """A passphrase without the line ending behind it.

    Args:
        source: ``fd:N`` (a descriptor this process was started with), ``env:NAME``, ``file:PATH`` (relative paths count
            from ``directory``, nobody else may read it) or ``prompt`` (asks on the terminal, shows nothing of it).
        what: what the user calls the key, for messages and the prompt.

    Raises:
        PipelineError: nothing there, empty, or no terminal to ask on.
    """
    kind, _, rest = source.partition(":")
    if source == PROMPT:
        text = _once(source, what, lambda: _ask(what))
    elif kind == "fd" and re.fullmatch(r"[0-9]{1,6}", rest):
        text = _once(source, "", lambda: _drain(int(rest), what))
    elif kind in ("env", "file"):
        text = read_secret(source, directory, f"{what}: passphrase", "passphrase: it has several lines", _is_line)
    else:
        # not quoted: it may be the passphrase itself
        raise PipelineError(f"{what}: passphrase: its source is of an unknown kind", f"use {SOURCES}")
    passphrase = text.removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase:
        raise PipelineError(f"{what}: passphrase: the {kind} source gives an empty one", f"give it by {SOURCES}")
    return passphrase


def _is_line(text: bytes) -> bool:
    return b"\n" not in text.removesuffix(b"\n")


def forget() -> None:
    """Ask and read again next time."""
    _REMEMBERED.clear()


def _once(source: str, what: str, get: Callable[[], bytes]) -> bytes:
    if (source, what) not in _REMEMBERED:
        _REMEMBERED[source, what] = get()
    return _REMEMBERED[source, what]


def _ask(what: str) -> bytes:
    remedy = "give it by fd:N, env:NAME or file:PATH in keys.toml, or run this on a terminal"
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        with warnings.catch_warnings(action="error", category=getpass.GetPassWarning):
            # the warning comes before anything is read with echo, and ends it
            # a line of its own: the progress line of a build writes over the one the cursor is in
            return getpass.getpass(f"passphrase of {what} (not shown):\n").encode()
    except (OSError, getpass.GetPassWarning):
        raise PipelineError(f"{what}: passphrase: there is no terminal to ask on", remedy) from None
    except EOFError:
        raise PipelineError(f"{what}: passphrase: none was given", remedy) from None


def _drain(descriptor: int, what: str) -> bytes:
    """Everything a descriptor gives; it is closed, so that no program that is run inherits it."""
    text = b""
    try:
        while len(text) <= _LONGEST and (piece := os.read(descriptor, _LONGEST)):
            text += piece
        if descriptor > 2:
            os.close(descriptor)
    except OSError as error:
        raise PipelineError(
            f"{what}: passphrase: file descriptor {descriptor} cannot be read: {error.strerror}",
            f"start the command with it open, such as {descriptor}<passphrase-file; "
            "workers of doit -n do not inherit it",
        ) from None
    if len(text) > _LONGEST:
        raise PipelineError(
            f"{what}: passphrase: file descriptor {descriptor} gives more than one", "correct the number"
        )
    return text
