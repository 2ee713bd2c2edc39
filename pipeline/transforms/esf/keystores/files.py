"""A gateway's keystores: the vendor's, with our certificates, under passwords of its own (A:200 to A:231)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pipeline.errors import Problem, raise_if_any
from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import KeystoreEntry, PrivateKey, TrustedCertificate
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, Origin
from pipeline.model.layout import Layout
from pipeline.model.release import Release
from pipeline.model.setting import PropertySetting, SnapshotSetting
from pipeline.model.trust import Certificate, GatewaySecrets, PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.keystores.unknown import unknown_platform, unknown_signers

_SIGNING = "keystores.bundle_signing"
_TLS = "keystores.tls"
_SECRETS = "secrets: keystore passwords"
_SSL_PID = "org.eclipse.kura.ssl.SslManagerService"


def install(
    vanilla: Vanilla,
    release: Release,
    trust: Trust,
    secrets: GatewaySecrets,
    platform: Sequence[PlatformBundle] = (),
) -> tuple[Layer, tuple[PropertySetting, ...], tuple[SnapshotSetting, ...]]:
    """``certificates.ks`` and ``cacerts.ks``, and the places that must know their new passwords.

    Both start from the vanilla image's own keystores, never from the golden sample's, which are personal to it
    (A:206). The initial passwords stand in plain text until the gateway's first boot replaces them (A:227); each
    gateway has its own.

    Args:
        platform: the vanilla image's own bundles, whose signers the keystore has to know as well.

    Raises:
        PipelineError: a base keystore that is missing, damaged, of another type, or has another password; an alias
            that is taken by another certificate; a bundle whose signer the keystore would not know.
    """
    layout = vanilla.layout
    replaced = release.keystores.replaced
    files: list[FileEntry | DirEntry] = []
    if layout.certificates is None:
        raise_if_any(_unknown_keystore(layout, trust))
    else:
        base = _base(vanilla, layout.certificates, release.keystores.certificates_password)
        ours = _trusted((*trust.signer_chain, *trust.signers), release.epoch)
        entries = _with(base, ours, replaced, layout.certificates)
        raise_if_any(
            [
                *unknown_signers(entries, trust, "the vendor's keystore"),
                *unknown_platform(entries, platform, "the vendor's keystore"),
            ]
        )
        content = jks.write_keystore(
            entries, secrets.certificates_password, secrets.salt_seed, f"new {layout.certificates}"
        )
        files.append(
            _file(vanilla, layout.certificates, content, Origin(_SIGNING, "vanilla image, keys.toml", "B:527"))
        )
    base = () if made_by_nobody(vanilla) else _base(vanilla, layout.cacerts, release.keystores.cacerts_password)
    ours = _trusted(trust.tls, release.epoch)
    entries = _with(base, [*ours, *_clients(secrets, release.epoch)], replaced, layout.cacerts)
    if entries:
        content = jks.write_keystore(entries, secrets.cacerts_password, secrets.salt_seed, f"new {layout.cacerts}")
        origin = Origin(_TLS, "vanilla image, gateway.toml [keystores]", "A:221")
        file = _file(vanilla, layout.cacerts, content, origin)
        files.append(file)
        if vanilla.tree.get(vanilla.tree.resolve(layout.cacerts.parent)) is None:
            files.append(DirEntry(layout.cacerts.parent, (origin,), 0o755, file.uid, file.gid))
    return Layer.of(*files), _properties(layout, secrets), _snapshot(layout, secrets)


def made_by_nobody(vanilla: Vanilla) -> bool:
    """Whether there is no ``cacerts.ks``, as Kura 3's installers leave it.

    The framework then trusts whom Java trusts (SslManagerServiceImpl.getTrustManagers, 3.0.0 line 429), and makes the
    file when the first certificate is added. An empty one would trust nobody, so none is written where there is nothing
    to put in.
    """
    layout = vanilla.layout
    return layout.product == "Kura" and layout.generation == "A" and vanilla.find(layout.cacerts) is None


def _unknown_keystore(layout: Layout, trust: Trust) -> list[Problem]:
    """A policy that asks for signatures, and no way to make ours known: the gateway would run no bundle of ours."""
    ours = sorted({package.file_name for package in trust.packages if any(b.resigned for b in package.bundles)})
    if not layout.lacks_certificates or not ours:
        return []
    return [
        Problem(
            f"gateway.toml [keystores] certificates: is missing; in which file {layout.product} "
            f"{', '.join(layout.versions)} keeps its bundle signers is in no document, and without it no gateway would "
            f"run {', '.join(ours)}",
            "ask the vendor for the path of the keystore, or look for osgi.framework.keystore in the image's "
            'config.ini, and write certificates = "/opt/eurotech/esf/…" under [keystores]',
        )
    ]


def _base(vanilla: Vanilla, path: GuestPath, password: str) -> tuple[KeystoreEntry, ...]:
    return jks.read_keystore(vanilla.read(path), password, f"vanilla image: {path}")


def _trusted(certificates: Iterable[Certificate], epoch: int) -> list[KeystoreEntry]:
    return [TrustedCertificate(certificate.alias, certificate.der, epoch * 1000) for certificate in certificates]


def _clients(secrets: GatewaySecrets, epoch: int) -> list[KeystoreEntry]:
    """The gateway's own keys for mutual TLS, where its Java looks for them."""
    return [PrivateKey(client.alias, client.pkcs8, client.chain, epoch * 1000) for client in secrets.client_keys]


def _with(
    base: Iterable[KeystoreEntry], ours: Iterable[KeystoreEntry], replaced: Collection[str], path: GuestPath
) -> list[KeystoreEntry]:
    """The base entries and ours; a certificate that is there already under any alias is not added again.

    An alias that is taken is an error unless the release says that it may be replaced.
    """
    entries = {entry.alias: entry for entry in base}
    known = {entry.der for entry in entries.values() if isinstance(entry, TrustedCertificate)}
    problems = []
    for entry in ours:
        if isinstance(entry, TrustedCertificate) and entry.der in known:
            continue
        if entry.alias in entries and entry.alias not in replaced:
            problems.append(
                Problem(
                    f"{path}: alias {entry.alias} is taken by another entry of the vendor's keystore",
                    "give it another name, or name the alias in gateway.toml [keystores] replaced",
                )
            )
            continue
        entries[entry.alias] = entry
    raise_if_any(problems)
    return list(entries.values())


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

    Where neither the snapshot's nor the property's password opens ``cacerts.ks``, the gateway has no TLS at all. Kura 4
    makes up a password of its own at the first start only where the snapshot says ``changeit`` and the property's
    password opens the keystore (SslManagerServiceImpl.isFirstBoot, 4.0.0 to 4.1.2); with any other word the initial
    password, which stands in clear in ``kura.properties``, would stay for good.
    """
    if layout.generation == "B":
        origin = Origin(_TLS, "the word at which Kura 4 makes up a password", "A:225")
        return (SnapshotSetting(_SSL_PID, "ssl.keystore.password", "Password", ("changeit",), origin),)
    origin = Origin(_TLS, _SECRETS, "A:225")
    return (
        SnapshotSetting(
            _SSL_PID, "ssl.keystore.password", "Password", (secrets.cacerts_password,), origin, secret=True
        ),
    )


def _file(vanilla: Vanilla, path: GuestPath, content: bytes, origin: Origin) -> FileEntry:
    node = vanilla.tree.get(vanilla.tree.resolve(path))
    node = node or vanilla.tree.nodes[vanilla.tree.resolve(vanilla.layout.properties)]
    return FileEntry(path, content, (origin,), 0o600, node.uid, node.gid, secret=True)
