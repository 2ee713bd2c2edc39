"""Signers of bundles that a gateway's keystore would not know: their bundles would not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.errors import Problem
from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import KeystoreEntry, TrustedCertificate
from pipeline.model.trust import PlatformBundle, Trust


def unknown_signers(entries: Iterable[KeystoreEntry], trust: Trust, keystore: str) -> list[Problem]:
    """The framework trusts a signer when any certificate of its chain is in the keystore."""
    known = _known(entries)
    return [
        Problem(
            f"{package.file_name}: bundle {bundle.symbolic_name} keeps the signature of {bundle.signer_chain[0]}, "
            f"of whom {keystore} has no certificate",
            "let the release's own key sign it, or name the certificate in gateway.toml [keystores.trusted_signers]",
        )
        for package in trust.packages
        for bundle in package.bundles
        if bundle.signer_fingerprints and not known.intersection(bundle.signer_fingerprints)
    ]


def unknown_platform(
    entries: Iterable[KeystoreEntry], platform: Sequence[PlatformBundle], keystore: str
) -> list[Problem]:
    """A bundle of the platform whose signer nobody knows would not run; the vendor's keystore should know them all."""
    known = _known(entries)
    return [
        Problem(
            f"vanilla image: {bundle.path} is signed by {bundle.signer_chain[0]}, "
            f"of whom {keystore} has no certificate",
            "use a vanilla image whose keystore is complete, and replace none of its signers",
        )
        for bundle in platform
        if bundle.signer_fingerprints and not known.intersection(bundle.signer_fingerprints)
    ]


def _known(entries: Iterable[KeystoreEntry]) -> set[str]:
    return {jks.fingerprint(entry.der) for entry in entries if isinstance(entry, TrustedCertificate)}
