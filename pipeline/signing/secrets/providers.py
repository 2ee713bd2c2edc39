"""Where what gateways have been given comes from: a file, the environment, a command, a file encrypted by age or SOPS.

Nothing of it is written anywhere on its way: programs hand it over through a pipe, and what they complain about is not
repeated, because nobody knows what they quote.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.signing.keys.sources import read_secret

_PATIENCE = 300.0  # seconds: somebody may have to touch a token or type a PIN


def read_given(uri: str, gateway: str, directory: Path, identity: str = "", without: Collection[str] = ()) -> bytes:
    """What a provider has for a gateway.

    Args:
        uri: ``file:PATH`` (0600), ``env:NAME``, ``command:PROGRAM ARGUMENT…`` (no shell; what it prints),
            ``age:PATH`` or ``sops:PATH``. ``{gateway}`` in it stands for the gateway's name; in a variable's name, in
            capitals and with ``_`` for ``-``.
        directory: from where relative paths count.
        identity: file of the identity that opens what age has encrypted.
        without: variables of the environment that hold other secrets, which programs are not to inherit.

    Raises:
        PipelineError: it is not there, others may read it, or the program fails.
    """
    what = f"secrets of {gateway}"
    kind, _, rest = uri.partition(":")
    if kind == "env":
        return read_secret(f"env:{rest.replace('{gateway}', gateway.upper().replace('-', '_'))}", directory, what)
    place = rest.replace("{gateway}", gateway)
    if kind == "command":
        # divided first, so that a name never becomes two arguments
        return _run([word.replace("{gateway}", gateway) for word in _words(rest, what)], directory, what, without)
    if kind == "age":
        opened_by = _identity(identity, directory, what)
        return _run(["age", "--decrypt", "--identity", str(opened_by), place], directory, what, without)
    if kind == "sops":
        return _run(["sops", "--decrypt", "--output-type", "json", place], directory, what, without)
    return read_secret(f"{kind}:{place}", directory, what, "TOML or JSON file of secrets", _is_table)


def _is_identity(text: bytes) -> bool:
    return any(mark in text for mark in (b"AGE-SECRET-KEY-", b"AGE-PLUGIN-", b"PRIVATE KEY--", b"age-encryption.org"))


def _is_table(text: bytes) -> bool:
    """TOML or JSON begins with one of these, comments apart; a file of accounts or a key does not."""
    lines = [line.strip() for line in text.removeprefix(b"\xef\xbb\xbf").splitlines()]
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return not first or first[:1] in b"{[" or b"=" in first


def _words(text: str, what: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        raise PipelineError(f"{what}: gateway.toml [secrets] given holds no command", "write it as for a shell")
    return words


def _identity(identity: str, directory: Path, what: str) -> Path:
    if not identity:
        raise PipelineError(
            f"{what}: no identity is given to decrypt them with", "name its file in gateway.toml [secrets] identity"
        )
    path = directory / identity
    # for its checks: there, an identity of age or an SSH key, and nobody else's to read
    read_secret(f"file:{path}", directory, f"{what}: identity", "identity of age", _is_identity)
    return path


def _run(words: list[str], directory: Path, what: str, without: Collection[str]) -> bytes:
    return tools.run_silently(words, cwd=directory, timeout=_PATIENCE, reason=f"get the {what}", without=without)
