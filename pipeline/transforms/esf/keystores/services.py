"""Keystores that are services (Kura 5, ESF 7 and later): the snapshot names each one's file and initial password.

The golden sample's snapshot says which there are; their files come from the vanilla image, never from the golden
sample, whose keystores are personal (A:206). Each gets a password of this gateway's own and ``randomize.password``, so
that the framework replaces it at the first start as generations before did by themselves (A:227).
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import jks, pkcs12
from pipeline.formats.crypto.jks import KeystoreEntry, PrivateKey, TrustedCertificate
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Snapshot
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.model.trust import Certificate, GatewaySecrets, PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.keystores.unknown import unknown_platform, unknown_signers

SERVICE = "org.eclipse.kura.core.keystore.FilesystemKeystoreServiceImpl"
HTTP = "org.eclipse.kura.http.server.manager.HttpService"
BUNDLES = "DMKeystore"
"""Where ESF 7 looks for the signers of bundles and device management messages (formats 2)."""

HTTPS_ALIAS = "localhost"  # as the installers call it (keytool -genkey -alias localhost)

_TLS = "keystores.tls"
_HTTPS = "keystores.https"
_SIGNING = "keystores.bundle_signing"
_OTHER = "keystores.service"
_SOURCE = "vanilla image, golden: snapshot, fleet secret"
_TARGET = re.compile(r"\(kura\.service\.pid=([^()=*]+)\)")
_REMEDY = "set the keystores up in the golden sample's console as they come, and download its snapshot again"


def install(
    golden: Golden,
    vanilla: Vanilla,
    release: Release,
    trust: Trust,
    secrets: GatewaySecrets,
    platform: Sequence[PlatformBundle] = (),
) -> tuple[Layer, tuple[SnapshotSetting, ...]]:
    """The files of all keystore services, and what the snapshot must say of each.

    The TLS keystore is the vendor's with the release's certificates. The one of the console gets a key of this gateway
    alone: the installer made one, which every copy of the image shares. A file the vendor delivered for any other
    service keeps its content; one that is not there the framework makes itself.

    Args:
        platform: the vanilla image's own bundles, whose signers the keystore of signers has to know as well.

    Raises:
        PipelineError: no keystore for TLS, one outside the installation or in two services, a vendor's file that is
            damaged or has another password than the vendor's snapshot says, a bundle whose signer nobody would know.
    """
    layout = vanilla.layout
    snapshot = esf_snapshot.read(golden.snapshot, layout.generation, "golden: snapshot").snapshot or Snapshot()
    services = {service.pid: service for service in snapshot.instances_of(SERVICE)}
    places = _places(services.values(), vanilla)
    raise_if_any(_missing(places, snapshot, vanilla, trust))
    consoles = _consoles(snapshot)
    tls = vanilla.tree.resolve(layout.cacerts)
    initial = _initial_passwords(vanilla, release)
    entries: list[FileEntry] = []
    settings: list[SnapshotSetting] = []
    for pid, place in sorted(places.items()):
        password = _password(pid, place == tls, pid in consoles, secrets)
        found: list[KeystoreEntry] | None
        if place == tls:
            rule, line = _TLS, "A:221"
            found = _with(_read(vanilla, place, initial), trust.tls, release, place)
            found += [PrivateKey(key.alias, key.pkcs8, key.chain, release.epoch * 1000) for key in secrets.client_keys]
        elif pid in consoles:
            rule, line = _HTTPS, "A:206"
            found = [_own_identity(secrets, release.epoch)]
        elif pid == BUNDLES and trust.signer_chain:
            rule, line = _SIGNING, "B:527"
            found = _with(_read(vanilla, place, initial), (*trust.signer_chain, *trust.signers), release, place)
            raise_if_any(unknown_signers(found, trust, BUNDLES))
        else:
            rule, line = _OTHER, "A:225"
            found = list(_read(vanilla, place, initial)) if vanilla.exists(place) else None
        if pid == BUNDLES and found is not None:
            raise_if_any(unknown_platform(found, platform, BUNDLES))
        origin = Origin(rule, _SOURCE, line)
        if found is not None:
            content = jks.write_keystore(found, password, secrets.salt_seed, f"new {place}")
            uid, gid = vanilla.process_owner
            entries.append(FileEntry(place, content, (origin,), 0o600, uid, gid, secret=True))
        settings.append(SnapshotSetting(pid, "keystore.password", "Password", (password,), origin, secret=True))
        settings.append(SnapshotSetting(pid, "randomize.password", "Boolean", ("true",), origin))
    return Layer.of(*entries), tuple(settings)


def _places(services: Iterable[Configuration], vanilla: Vanilla) -> dict[str, GuestPath]:
    """The file of each service, links followed inside the image; one keystore has one service."""
    root = vanilla.tree.resolve(vanilla.layout.root)
    found: dict[str, GuestPath] = {}
    problems: list[Problem] = []
    for service in services:
        written = service.text("keystore.path")
        here = f"golden: snapshot: {service.pid} keystore.path"
        if not written.startswith("/") or posixpath.normpath(written) != written or not written.isprintable():
            problems.append(Problem(f"{here} is {written!r}, not an absolute path", _REMEDY))
            continue
        place = vanilla.tree.resolve(GuestPath(written))
        if not place.is_under(root):
            problems.append(Problem(f"{here}: {written} is outside {vanilla.layout.root}", _REMEDY))
        twin = next((pid for pid, other in found.items() if other == place), None)
        if twin is not None:
            problems.append(Problem(f"{here}: {written} is also the file of {twin}", _REMEDY))
        found[service.pid] = place
    raise_if_any(problems)
    return found


def _missing(places: Mapping[str, GuestPath], snapshot: Snapshot, vanilla: Vanilla, trust: Trust) -> list[Problem]:
    """Keystores without which the gateway would not work."""
    layout, problems = vanilla.layout, []
    if vanilla.tree.resolve(layout.cacerts) not in places.values():
        problems.append(
            Problem(f"golden: snapshot: no {SERVICE.rsplit('.', 1)[1]} has the file {layout.cacerts}", _REMEDY)
        )
    problems += [
        Problem(f"golden: snapshot: {HTTP} uses the keystore {pid}, which is not configured", _REMEDY)
        for pid in sorted(_consoles(snapshot) - set(places))
    ]
    ours = any(bundle.resigned for package in trust.packages for bundle in package.bundles)
    if layout.policy is not None and ours and BUNDLES not in places:
        problems.append(
            Problem(
                f"golden: snapshot: {BUNDLES} is not configured, so no gateway would trust the signer of the packages",
                "configure it on the golden sample, or leave the packages out",
            )
        )
    return problems


def _consoles(snapshot: Snapshot) -> frozenset[str]:
    """The keystores that web servers take their own key from."""
    targets = (_TARGET.fullmatch(server.text("KeystoreService.target")) for server in snapshot.instances_of(HTTP))
    return frozenset(target[1] for target in targets if target)


def _initial_passwords(vanilla: Vanilla, release: Release) -> Mapping[GuestPath, str]:
    """What the vendor's snapshot says of the vendor's files; else what the release says."""
    content = vanilla.find(vanilla.layout.snapshots / "snapshot_0.xml") or b""
    known = esf_snapshot.load(content, vanilla.layout.generation).snapshot or Snapshot()
    passwords = {vanilla.tree.resolve(vanilla.layout.cacerts): release.keystores.cacerts_password}
    for service in known.instances_of(SERVICE):
        path, password = service.text("keystore.path"), service.text("keystore.password")
        if password and path.startswith("/") and posixpath.normpath(path) == path and path.isprintable():
            passwords[vanilla.tree.resolve(GuestPath(path))] = password
    return passwords


def _read(vanilla: Vanilla, place: GuestPath, initial: Mapping[GuestPath, str]) -> tuple[KeystoreEntry, ...]:
    password = initial.get(place)
    if password is None:
        raise PipelineError(
            f"vanilla image: {place}: its password is not known: the vendor's snapshot has no service for it",
            "use an image with a complete installation, or take the service out of the golden sample's snapshot",
        )
    content, where = vanilla.read(place), f"vanilla image: {place}"
    if not pkcs12.is_pkcs12(content):
        return jks.read_keystore(content, password, where)
    return tuple(
        TrustedCertificate(entry.alias, entry.certificates[0])
        if entry.pkcs8 is None
        else PrivateKey(entry.alias, entry.pkcs8, entry.certificates)
        for entry in pkcs12.read_keystore(content, password, where)
    )


def _with(
    base: Sequence[KeystoreEntry], certificates: Iterable[Certificate], release: Release, place: GuestPath
) -> list[KeystoreEntry]:
    """The vendor's entries and ours; one that is there already under any alias is not added again."""
    entries = {entry.alias: entry for entry in base}
    known = {entry.der for entry in base if isinstance(entry, TrustedCertificate)}
    for certificate in certificates:
        if certificate.der in known:
            continue
        if certificate.alias in entries and certificate.alias not in release.keystores.replaced:
            raise PipelineError(
                f"{place}: alias {certificate.alias} is taken by another entry of the vendor's keystore",
                "give it another name, or name the alias in gateway.toml [keystores] replaced",
            )
        entries[certificate.alias] = TrustedCertificate(certificate.alias, certificate.der, release.epoch * 1000)
    return list(entries.values())


def _own_identity(secrets: GatewaySecrets, epoch: int) -> PrivateKey:
    if secrets.https is None:
        raise RuntimeError("no HTTPS identity was derived for this gateway")
    return PrivateKey(HTTPS_ALIAS, secrets.https.pkcs8, (secrets.https.certificate,), epoch * 1000)


def _password(pid: str, is_tls: bool, is_console: bool, secrets: GatewaySecrets) -> str:  # noqa: FBT001 - two facts
    """Each keystore its own: one that is found out opens no other."""
    if is_tls:
        return secrets.cacerts_password
    if is_console and secrets.https is not None:
        return secrets.https.password
    if pid == BUNDLES:
        return secrets.certificates_password
    key = f"{secrets.cacerts_password}\0keystore service".encode()
    return hmac.new(key, pid.encode(), hashlib.sha256).hexdigest()[:40]
