"""A gateway's keystores: the vendor's, with our certificates, under passwords of its own (A:200 to A:231)."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import jks
from pipeline.formats.jks import KeystoreEntry, TrustedCertificate
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.layout import Layout
from pipeline.model.release import Release
from pipeline.model.setting import PropertySetting, SnapshotSetting
from pipeline.model.trust import Certificate, GatewaySecrets, Trust
from pipeline.model.vanilla import Vanilla

_SIGNING = "keystores.bundle_signing"
_TLS = "keystores.tls"
_SECRETS = "fleet secret"
_SSL_PID = "org.eclipse.kura.ssl.SslManagerService"


def install(
    vanilla: Vanilla, release: Release, trust: Trust, secrets: GatewaySecrets
) -> tuple[Layer, tuple[PropertySetting, ...], tuple[SnapshotSetting, ...]]:
    """``certificates.ks`` and ``cacerts.ks``, and the places that must know their new passwords.

    Both start from the vanilla image's own keystores, never from the golden sample's, which are personal to it
    (A:206). The initial passwords stand in plain text until the gateway's first boot replaces them (A:227); each
    gateway has its own.

    Raises:
        PipelineError: a base keystore that is missing, damaged, of another type, or has another password; an alias
            that is taken by another certificate; a bundle whose signer the keystore would not know.
    """
    layout = vanilla.layout
    files: list[FileEntry] = []
    if layout.certificates is not None:
        base = _base(vanilla, layout.certificates, release.keystores.certificates_password)
        entries = _with(base, trust.signer_chain, release.epoch, layout.certificates)
        raise_if_any(_unknown_signers(entries, trust))
        content = jks.write_keystore(
            entries, secrets.certificates_password, secrets.salt_seed, f"new {layout.certificates}"
        )
        files.append(
            _file(vanilla, layout.certificates, content, Origin(_SIGNING, "vanilla image, keys.toml", "B:527"))
        )
    base = _base(vanilla, layout.cacerts, release.keystores.cacerts_password)
    entries = _with(base, trust.tls, release.epoch, layout.cacerts)
    content = jks.write_keystore(entries, secrets.cacerts_password, secrets.salt_seed, f"new {layout.cacerts}")
    source = "vanilla image, gateway.toml [keystores]"
    files.append(_file(vanilla, layout.cacerts, content, Origin(_TLS, source, "A:221")))
    return Layer.of(*files), _properties(layout, secrets), _snapshot(layout, secrets)


def _base(vanilla: Vanilla, path: GuestPath, password: str) -> tuple[KeystoreEntry, ...]:
    return jks.read_keystore(vanilla.read(path), password, f"vanilla image: {path}")


def _with(
    base: tuple[KeystoreEntry, ...], certificates: Iterable[Certificate], epoch: int, path: GuestPath
) -> list[KeystoreEntry]:
    """The base entries and ours; one that is there already under any alias is not added again."""
    entries = list(base)
    by_alias = {entry.alias: entry for entry in base}
    known = {entry.der for entry in base if isinstance(entry, TrustedCertificate)}
    problems = []
    for certificate in certificates:
        taken = by_alias.get(certificate.alias)
        if certificate.der in known:
            continue
        if taken is not None:
            problems.append(
                Problem(
                    f"{path}: alias {certificate.alias} is taken by another certificate of the vendor's keystore",
                    "give the key or the trusted_tls entry another name",
                )
            )
            continue
        entries.append(TrustedCertificate(certificate.alias, certificate.der, epoch * 1000))
        known.add(certificate.der)
    raise_if_any(problems)
    return entries


def _unknown_signers(entries: Iterable[KeystoreEntry], trust: Trust) -> list[Problem]:
    """The framework trusts a signer when any certificate of its chain is in the keystore."""
    known = {jks.fingerprint(entry.der) for entry in entries if isinstance(entry, TrustedCertificate)}
    return [
        Problem(
            f"{package.file_name}: bundle {bundle.symbolic_name} keeps the signature of {bundle.signer_chain[0]}, "
            "of whom the vendor's keystore has no certificate",
            "let the release's own key sign it",
        )
        for package in trust.packages
        for bundle in package.bundles
        if bundle.signer_fingerprints and not known.intersection(bundle.signer_fingerprints)
    ]


def _properties(layout: Layout, secrets: GatewaySecrets) -> tuple[PropertySetting, ...]:
    settings = []
    if layout.certificates is not None:
        origin = Origin(_SIGNING, _SECRETS, "B:541")
        settings.append(PropertySetting("kura.keystore.password", secrets.certificates_password, origin, secret=True))
    if layout.keystore_model == "property":
        origin = Origin(_TLS, _SECRETS, "A:225")
        settings.append(PropertySetting("kura.ssl.keyStorePassword", secrets.cacerts_password, origin, secret=True))
    return tuple(settings)


def _snapshot(layout: Layout, secrets: GatewaySecrets) -> tuple[SnapshotSetting, ...]:
    """The golden snapshot carries the password the golden sample made up for itself; it opens no other keystore.

    Where neither the snapshot's nor the property's password opens ``cacerts.ks``, the gateway has no TLS at all.
    """
    if layout.keystore_model != "property":
        raise PipelineError(
            f"layout {layout.name}: keystores that are services (ESF 7) are not supported", "use an ESF 5 or 6 layout"
        )
    origin = Origin(_TLS, _SECRETS, "A:225")
    return (
        SnapshotSetting(
            _SSL_PID, "ssl.keystore.password", "Password", (secrets.cacerts_password,), origin, secret=True
        ),
    )


def _file(vanilla: Vanilla, path: GuestPath, content: bytes, origin: Origin) -> FileEntry:
    node = vanilla.tree.nodes[vanilla.tree.resolve(path)]
    return FileEntry(path, content, (origin,), 0o600, node.uid, node.gid, secret=True)
