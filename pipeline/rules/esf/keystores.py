"""A gateway's keystores: of the one type it can read, under passwords that all places agree on (A:200 to A:231)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import PrivateKey
from pipeline.formats.esf.esf_snapshot import Configuration
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, no_keystore, on_esf
from pipeline.rules.esf.properties import Value, in_effect
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot, snapshot_file
from pipeline.rules.esf.strength import weakness
from pipeline.rules.looking import harmless
from pipeline.rules.shared import listed, shared

SSL = "org.eclipse.kura.ssl.SslManagerService"
SERVICE = "org.eclipse.kura.core.keystore.FilesystemKeystoreServiceImpl"

_SSL_KEY = "kura.ssl.keyStorePassword"
_SIGNING_KEY = "kura.keystore.password"
_SNAPSHOT = "ssl.keystore.password"
_LEAST_RSA_BITS = 2048  # A:39, B:473
# A:219, B:536, and what people make of them.
_DEFAULTS = ("changeit", "defaultPassword", "password", "changeme", "eurotech")
_KURA_DEFAULT = "changeit"  # what Kura takes when nobody says anything (formats 1.7)


@dataclass(frozen=True)
class Keystore:
    """A keystore and the password the image says it has.

    Attributes:
        key: of kura.properties; empty where another place says it.
        value: in effect, None when nobody says any.
    """

    path: GuestPath
    key: str
    document: Document | None
    value: Value | None = field(repr=False)


@shared
@listed
def keystores(view: ImageView, layout: Layout) -> Iterator[Keystore]:
    """Those the layout has, with their initial passwords."""
    if layout.certificates is not None:
        value = in_effect(view, layout, _SIGNING_KEY)
        yield Keystore(layout.certificates, _SIGNING_KEY, document(view, layout.certificates), value)
    if layout.keystore_model == "property":
        yield Keystore(layout.cacerts, _SSL_KEY, document(view, layout.cacerts), in_effect(view, layout, _SSL_KEY))
    else:
        services = _services(view, layout)
        yield Keystore(
            layout.cacerts, "", document(view, layout.cacerts), services.pop(view.place(layout.cacerts), None)
        )
        for place, value in sorted(services.items()):
            # One that is not there yet is made by its service, under the password the snapshot states.
            if (content := document(view, place)) is not None:
                yield Keystore(place, "", content, value)


def _services(view: ImageView, layout: Layout) -> dict[GuestPath, Value]:
    """From Kura 5, the snapshot's keystore services say where each keystore is and what opens it (formats 2)."""
    found = snapshot_file(view, layout)
    if found is None:
        return {}
    services: dict[GuestPath, Value] = {}
    for item in found.snapshot.instances_of(SERVICE):
        name = "keystore.password"
        try:
            place = view.place(item.text("keystore.path") or "/")
        except (PipelineError, ValueError):  # no path that a gateway could open either
            continue
        services[place] = Value(found.path, found.line(item.pid, name), item.text(name))
    return services


def _jks(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Of another type, the framework sees an empty keystore and no error (formats 5)."""
    del expected
    breaches = []
    for store in keystores(view, layout):
        path = str(view.place(store.path))
        if store.document is None:
            if not _made_later(layout, store):
                breaches.append(Breach(path, 0, "missing", "a JKS keystore"))
            continue
        try:
            if not jks.certificates_in(store.document.data, path):
                breaches.append(Breach(path, 0, "holds no certificate", "those of whom the gateway trusts"))
        except PipelineError as error:
            breaches.append(Breach(path, 0, error.problems[0].what.removeprefix(f"{path}: "), "a JKS keystore"))
    if not breaches and all(store.document is None for store in keystores(view, layout)):
        return Judgement.not_applicable("there is no keystore: the framework trusts whom Java trusts")
    return Judgement.of(breaches, "every keystore is JKS and holds certificates")


def _made_later(layout: Layout, store: Keystore) -> bool:
    """Kura 3's installers lay down no ``cacerts.ks``; the framework makes it when it is given the first certificate."""
    return layout.product == "Kura" and layout.generation == "A" and store.path == layout.cacerts


def _opens(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The password the image states opens the keystore; with another one the gateway has no TLS (A:225, B:541)."""
    del expected
    breaches, tried = [], 0
    for store in keystores(view, layout):
        if store.document is None:
            continue
        tried += 1
        path = store.document.path
        try:
            jks.read_keystore(store.document.data, store.value.text if store.value else _KURA_DEFAULT, path)
        except PipelineError as error:
            what = error.problems[0].what.removeprefix(f"{path}: ")
            where = f"{store.value.path} line {store.value.line}" if store.value else f"{store.key} is not set"
            breaches.append(Breach(path, 0, f"{what} ({where})", "one that the stated password opens"))
            if store.value is not None:
                breaches.append(
                    Breach(store.value.path, store.value.line, f"does not open {path}", "the keystore's password")
                )
    if not tried:
        return Judgement.not_applicable("the image has no keystores (see keystores.jks)")
    return Judgement.of(breaches, f"{tried} keystores open with the passwords the image states")


def _not_default(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Neither the documents' public defaults nor anything weak, in whatever place (A:225, B:541)."""
    del expected
    breaches, seen = [], 0
    for store in keystores(view, layout):
        if store.document is None:
            continue
        seen += 1
        path = store.document.path
        if store.value is None:
            breaches.append(Breach(str(view.place(layout.properties)), 0, f"{store.key} is not set", "a strong one"))
        elif weak := weakness(store.value.text):
            breaches.append(Breach(store.value.path, store.value.line, f"password of {path} {weak}", "a strong one"))
        if any(_is_opened_by(store.document, word) for word in _DEFAULTS):
            breaches.append(Breach(path, 0, "opens with a well-known default password", "a strong one"))
    if not seen:
        return Judgement.not_applicable("the image has no keystores (see keystores.jks)")
    return Judgement.of(breaches, f"{seen} keystores, none with a default or weak password")


def _is_opened_by(store: Document, word: str) -> bool:
    try:
        jks.read_keystore(store.data, word, store.path)
    except PipelineError:
        return False
    return True


@on_snapshot()
def _snapshot(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Where the snapshot's password is another one, the gateway has no TLS at all (formats 2, SslManagerService).

    Kura 4 is told ``changeit``: at that word only, its first start makes up a password (SslManagerServiceImpl 4.1.2,
    isFirstBoot), and the keystore no longer opens with what stands in clear in ``kura.properties``.
    """
    del expected
    if layout.keystore_model != "property":
        return Judgement.not_applicable("in this generation the snapshot alone states the password")
    stated = in_effect(view, layout, _SSL_KEY)
    instances = [item for item in found.snapshot.instances_of(SSL) if item.get(_SNAPSHOT)]
    if not instances and layout.generation == "B":
        shown = f"{SSL} {_SNAPSHOT}: not set, so the initial password stays"
        return Judgement.failed(Breach(found.path, found.line(SSL), shown, _KURA_DEFAULT))
    if not instances:
        return Judgement.not_applicable(f"{found.path}: {SSL} states no password; kura.properties alone counts")
    if layout.generation == "B":
        return _told_to_randomise(found, instances)
    breaches = []
    for item in instances:
        line = found.line(item.pid, _SNAPSHOT)
        if weak := weakness(item.text(_SNAPSHOT)):
            breaches.append(Breach(found.path, line, f"{item.pid} {_SNAPSHOT}: {weak}", "a strong one"))
        if stated is None or item.text(_SNAPSHOT) != stated.text:
            where = f"{stated.path} line {stated.line}" if stated else str(view.place(layout.properties))
            breaches.append(
                Breach(found.path, line, f"{item.pid} {_SNAPSHOT}: not the {_SSL_KEY} of {where}", "the same password")
            )
    return Judgement.of(breaches, "the snapshot and kura.properties state one password")


def _told_to_randomise(found: SnapshotFile, instances: list[Configuration]) -> Judgement:
    """Any other word than Kura's default keeps the initial password for good."""
    breaches = [
        Breach(
            found.path, found.line(item.pid, _SNAPSHOT),
            f"{item.pid} {_SNAPSHOT}: the first start would keep the initial password", _KURA_DEFAULT,
        )
        for item in instances
        if item.text(_SNAPSHOT) != _KURA_DEFAULT
    ]  # fmt: skip
    return Judgement.of(breaches, "the first start makes up a password of the gateway's own")


def _no_signing_key(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The key that signs bundles never travels: the keystore only knows certificates (B:464 to B:466, A:206)."""
    del expected
    if layout.certificates is None:
        return no_keystore(layout)
    store = keystores(view, layout)[0]
    if store.document is None:
        return Judgement.not_applicable(f"{view.place(store.path)} is not there (see keystores.jks)")
    try:
        entries = jks.read_keystore(store.document.data, store.value.text if store.value else "", store.document.path)
    except PipelineError:
        return Judgement.unverifiable(f"{store.document.path} does not open (see keystores.opens)")
    breaches = [
        Breach(store.document.path, 0, f"entry {harmless(entry.alias)} is a private key", "certificates only")
        for entry in entries
        if isinstance(entry, PrivateKey)
    ]
    return Judgement.of(breaches, f"{len(entries)} certificates and no private key")


def _key_size(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """RSA of 2048 bits or more; keys on curves are judged by their own measure (A:39, B:473)."""
    del expected
    breaches, seen = [], 0
    for store in keystores(view, layout):
        if store.document is None:
            continue
        try:
            certificates = jks.certificates_in(store.document.data, store.document.path)
        except PipelineError:
            continue  # keystores.jks says so
        for certificate in certificates:
            seen += 1
            if small := _too_small(certificate.der):
                breaches.append(
                    Breach(
                        store.document.path, 0, f"entry {harmless(certificate.alias)}: {small}", "RSA 2048 or better"
                    )
                )
    return Judgement.of(breaches, f"{seen} certificates") if seen else Judgement.not_applicable("no certificates")


def _too_small(der: bytes) -> str:
    key = x509.load_der_x509_certificate(der).public_key()
    if isinstance(key, dsa.DSAPublicKey):
        return "a DSA key"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        return f"RSA of {key.key_size} bits"
    return ""


RULES: tuple[Rule, ...] = (
    Rule(
        id="keystores.jks",
        title="keystores are of the type the gateway can read",
        why="A keystore of a type the gateway's Java cannot read leaves it without TLS and without verified bundles.",
        severity=Severity.HIGH,
        documents=("A:202", "A:212", "B:498"),
        references=("62443 CR 1.9",),
        profile="documents",
        check=on_esf(_jks),
        remedy="keytool -importkeystore … -deststoretype JKS",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="keystores.opens",
        title="the stated passwords open the keystores",
        why=(
            "If the stated password does not open the keystore, the gateway comes up without TLS or refuses its "
            "bundles."
        ),
        severity=Severity.HIGH,
        documents=("A:225", "B:541"),
        references=("62443 CR 1.5",),
        profile="documents",
        check=on_esf(_opens),
        remedy="write keystore and kura.properties together",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="keystores.not_default",
        title="no keystore has a default or weak password",
        why=(
            "The default passwords are in the public documentation: whoever copies the file can add a certificate of "
            "their own and be trusted."
        ),
        severity=Severity.HIGH,
        documents=("A:219", "A:225", "B:536", "B:541"),
        references=("ETSI 5.1-1", "ETSI 5.4-3", "ETSI 5.4-4", "62443 CR 1.5"),
        profile="documents",
        check=on_esf(_not_default),
        remedy="give each gateway passwords of its own",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="keystores.snapshot",
        title="the snapshot states the keystore password with which the first start comes up right",
        why=(
            "Where the snapshot states another password than the keystore has, the gateway has no TLS connections at "
            "all after the first start."
        ),
        severity=Severity.HIGH,
        documents=("A:225",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=_snapshot,
        remedy="set ssl.keystore.password to kura.ssl.keyStorePassword; on Kura 4 to changeit",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="keystores.no_signing_key",
        title="the keystore of bundle signers holds no private key",
        why="With the private key of the signer on board, whoever opens one gateway can sign code for the whole fleet.",
        severity=Severity.HIGH,
        documents=("A:206", "B:464", "B:466"),
        references=("ETSI 5.4-3", "62443 CR 1.9"),
        profile="documents",
        check=on_esf(_no_signing_key),
        remedy="keytool -delete -alias NAME; import the certificate alone",
        enforced_by="esf.keystores",
    ),
    Rule(
        id="keystores.key_size",
        title="certificates have keys of a sufficient size",
        why="Short keys can be factored; a forged certificate then passes for the cloud or for the signer of bundles.",
        severity=Severity.MEDIUM,
        documents=("A:39", "B:473"),
        references=("ETSI 5.5-1", "62443 CR 4.3"),
        profile="documents",
        check=on_esf(_key_size),
        remedy="replace the certificate",
    ),
)
