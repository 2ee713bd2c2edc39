"""The signing keys of a release: named, not opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class KeyEntry:
    """One key of ``keys.toml``.

    Attributes:
        use: ``bundle`` (RSA, signs the bundles) or ``manifest`` (Ed25519, signs manifests).
        uri: where the private key is: ``file:…``, ``env:NAME``, ``pkcs11:…`` (RFC 7512), or ``detached:DIRECTORY``: not
            here; the directory holds what was signed elsewhere.
        passphrase: source of the private key's passphrase or the token's PIN: ``fd:N``, ``env:NAME``, ``file:…`` or
            ``prompt``; empty when it has none.
        certificates: PEM files of a bundle key's chain, leaf first.
        public: the ``.pub`` file of a manifest key.
        principal: who signs manifests, as ``allowed_signers`` names them.
        development: made for the demo; refused by a production release.
    """

    name: str
    use: str
    uri: str
    passphrase: str = ""
    certificates: tuple[Path, ...] = ()
    public: Path | None = None
    principal: str = ""
    development: bool = False


@dataclass(frozen=True)
class KeyRing:
    """All keys by name; relative paths count from ``directory``."""

    file: str
    directory: Path
    entries: Mapping[str, KeyEntry] = field(default_factory=dict)
