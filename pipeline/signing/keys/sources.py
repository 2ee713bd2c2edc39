"""Where keys and secrets are read from: ``file:`` and ``env:`` URIs, and nothing that others could have read too."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.model.keyring import KeyRing
from pipeline.model.release import Release

_LARGEST = 1024 * 1024


def read_secret(
    uri: str, directory: Path, what: str, kind: str = "secret", is_one: Callable[[bytes], bool] = bool
) -> bytes:
    """The bytes behind a URI.

    Args:
        uri: ``file:PATH`` (relative paths count from ``directory``) or ``env:NAME``.
        what: what the user calls it, for messages.
        kind / is_one: what it has to be, and whether it looks like one. A file that does not is a wrong path, which
            must not lead to advice about its permissions.

    Raises:
        PipelineError: it is not there, is not of its kind, others than its owner may read it, or the URI is of no
            known kind.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "file" and rest:
        return _read_file(directory / re.sub(r"^//(?=/)", "", rest), what, kind, is_one)
    if scheme == "env" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest):
        value = os.environb.get(rest.encode())
        if not value:
            raise PipelineError(
                f"{what}: environment variable {rest} is not set", f"export {rest}, or name another source"
            )
        return value
    raise PipelineError(f"{what}: {scheme or uri}: is not a known kind of source", "use file:PATH or env:NAME")


def secret_variables(release: Release, keyring: KeyRing | None) -> frozenset[str]:
    """The variables of the environment that a release names as sources of keys, passphrases and secrets."""
    uris = [release.secrets_source]
    uris += [uri for client in release.keystores.client_keys for uri in (client.key, client.passphrase)]
    if keyring is not None:
        uris += [uri for entry in keyring.entries.values() for uri in (entry.uri, entry.passphrase)]
    return frozenset(uri.removeprefix("env:") for uri in uris if uri.startswith("env:"))


def _read_file(path: Path, what: str, kind: str, is_one: Callable[[bytes], bool]) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PipelineError(
            f"{what}: {path} cannot be read: {error.strerror}",
            "correct the path, or make the file (doit demo for the demo)",
        ) from None
    try:
        facts = os.fstat(descriptor)
        _require_small_file(facts, path, what)
        content = os.read(descriptor, _LARGEST)
        if facts.st_mode & 0o077 and not is_one(content):
            raise PipelineError(f"{what}: {path} is no {kind}", "correct the path")
        _require_private(facts, path, what)
        return content
    finally:
        os.close(descriptor)


def _require_small_file(facts: os.stat_result, path: Path, what: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise PipelineError(f"{what}: {path} is not a regular file", "correct the path")
    if facts.st_size > _LARGEST:
        raise PipelineError(f"{what}: {path} is too large for a key or secret", "correct the path")


def _require_private(facts: os.stat_result, path: Path, what: str) -> None:
    if facts.st_mode & 0o077:
        raise PipelineError(
            f"{what}: {path} can be read by others than its owner (mode {stat.S_IMODE(facts.st_mode):04o})",
            f"chmod 600 {path}, and make a new one if others may have read it",
        )
