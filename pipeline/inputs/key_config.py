"""``keys.toml``: the keys a release signs with, by name. It holds no key itself; the shipped file documents it."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.ssh import sshsig
from pipeline.formats.ssh.allowed_signers import parse_allowed_signers
from pipeline.host.named_files import read_named
from pipeline.inputs.toml_table import Table, load
from pipeline.manifest import NAMESPACE
from pipeline.model.keyring import KeyEntry, KeyRing

__all__ = ["KeyEntry", "KeyRing", "allowed_signers", "read_keys"]

_URI = r"[a-z][a-z0-9]*:[^\0-\x1f\x7f]+"
_SOURCE = r"prompt|fd:[0-9]{1,6}|(env|file):[^\0-\x1f\x7f]+"
_PATH = r"[^\0-\x1f\x7f]+"
_PRINCIPAL = r"[A-Za-z0-9._@+-]+"


def read_keys(path: Path) -> KeyRing:
    """Read a key file; `PipelineError` lists everything wrong with it. No key is opened."""
    problems: list[Problem] = []
    root = Table(str(path), load(path, "key file"), problems)
    directory = path.parent
    entries = keys_in(root, directory)
    if not entries:
        problems.append(Problem(f"{path}: it names no key", "add a table for each key; keys/README.md shows how"))
    raise_if_any(problems)
    return KeyRing(str(path), directory, entries)


def keys_in(root: Table, directory: Path) -> dict[str, KeyEntry]:
    """The keys of a key file's top table; what is wrong is noted with it.

    Args:
        directory: that paths are relative to.
    """
    return {name: _entry(name, root.table(name), directory) for name in root.names()}


def allowed_signers(keyring: KeyRing, name: str) -> bytes:
    """The ``allowed_signers`` line of a manifest key, from its public file: verifying needs no private key.

    Raises:
        PipelineError: no such manifest key, or its public file is missing or malformed.
    """
    entry = keyring.entries.get(name)
    if entry is None or entry.use != "manifest" or entry.public is None:
        raise PipelineError(
            f"{keyring.file}: there is no manifest key {name}",
            'add it with use = "manifest", or correct gateway.toml [keys]',
        )
    try:
        line = read_named(entry.public).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise PipelineError(
            f"{entry.public}: public key cannot be read",
            "write it with ssh-keygen -y, or make the demo's keys: doit demo",
        ) from None
    signer = parse_allowed_signers(f"{entry.principal} {line}", str(entry.public))
    if len(signer) != 1:
        raise PipelineError(
            f"{entry.public}: it does not hold exactly one Ed25519 public key", "write it with ssh-keygen -y"
        )
    return sshsig.allowed_signer_line(entry.principal, signer[0].public, NAMESPACE).encode("ascii")


def _entry(name: str, table: Table, directory: Path) -> KeyEntry:
    use = table.choice("use", "bundle", ("bundle", "manifest"))
    entry = KeyEntry(
        name=name,
        use=use,
        uri=table.text("key", form=_URI, meaning="a URI such as file:…, env:…, pkcs11:… or detached:…"),
        passphrase=table.text("passphrase", "", form=_SOURCE, meaning="a source such as fd:3, env:…, file:… or prompt"),
        certificates=tuple(
            directory / file
            for file in (table.texts("certificates", form=_PATH, meaning="a path") if use == "bundle" else ())
        ),
        public=directory / table.text("public", form=_PATH, meaning="a path") if use == "manifest" else None,
        principal=table.text("principal", form=_PRINCIPAL, meaning="an address") if use == "manifest" else "",
        development=table.boolean("development", default=False),
    )
    if use == "bundle" and not entry.certificates:
        table.wrong("certificates", "no certificate", "name the PEM files of the chain, leaf first up to the root")
    table.close()
    return entry
