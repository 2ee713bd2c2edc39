"""Breakages of keystores and of the properties that name their passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial

from cryptography.hazmat.primitives import serialization

from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import PrivateKey
from pipeline.formats.java.java_properties import Properties
from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    REAL,
    add,
    both,
    gone,
    put,
    remade,
    setting,
    sub,
    swap,
)
from tests.support.esf.places import (
    CUSTOM,
    PROPERTIES,
    START,
)
from tests.support.esf_view import CACERTS, CERTIFICATES, keystore, own_secrets
from tests.support.trust import (
    LEAF,
    certificate,
    rsa_key,
)

_SSL = "org.eclipse.kura.ssl.SslManagerService"


def _with_key(password: str) -> bytes:
    pkcs8 = rsa_key("ours").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return jks.write_keystore(
        [PrivateKey("signer", pkcs8, (certificate(LEAF, rsa_key("ours")),))], password, b"salt", "test"
    )


def _signer_in_the_image(view: ImageView) -> ImageView:
    """Under the password the image itself has for it."""
    properties = Properties.parse(view.find(PROPERTIES) or b"", PROPERTIES)
    return put(CERTIFICATES, _with_key(properties.get("kura.keystore.password") or ""))(view)


@cache
def _small() -> bytes:
    return certificate("CN=Small,O=Example,C=US", rsa_key("small", 1024))


def _opened_by(password: str) -> bytes:
    return keystore({"a": certificate(LEAF, rsa_key("ours"))}, password)


def _keystores() -> Iterator[Breakage]:
    own = own_secrets("x")
    for path in (CERTIFICATES, CACERTS):
        yield Breakage(f"no {path}", "keystores.jks", path, gone(path))
        yield Breakage(f"{path} as PKCS 12", "keystores.jks", path, put(path, b"\x30\x82\x01\x00\x02\x01\x03\x30"))
        yield Breakage(f"{path} as JCEKS", "keystores.jks", path, put(path, b"\xce\xce\xce\xce\0\0\0\2\0\0\0\0"))
        yield Breakage(
            f"{path} cut short",
            "keystores.jks",
            path,
            remade(path, lambda data: data[:300]),
        )
        yield Breakage(
            f"{path} with another password",
            "keystores.opens",
            path,
            put(path, lambda: keystore({"a": certificate(LEAF, rsa_key("ours"))}, "another-Password-7")),
        )
    yield Breakage(
        "an empty keystore",
        "keystores.jks",
        CACERTS,
        put(CACERTS, lambda: keystore({}, own.cacerts_password)),
    )
    key = "kura.keystore.password"
    yield Breakage(
        "a password that opens nothing",
        "keystores.opens",
        PROPERTIES,
        sub(PROPERTIES, rf"^{key}=.*?$", f"{key}=something-Else-77"),
        key,
    )
    yield Breakage("no password stated", "keystores.opens", CERTIFICATES, sub(PROPERTIES, rf"^{key}=.*?\n", ""))
    yield Breakage(
        "another password in the custom file", "keystores.opens", CUSTOM, add(CUSTOM, f"{key}=something-Else-77\n"), key
    )
    yield Breakage(
        "another password on the command line",
        "keystores.opens",
        START,
        swap(START, "-Declipse.ignoreApp=true", f"-D{key}=something-Else-77"),
        key,
    )
    for path, name, word in (
        (CERTIFICATES, key, "defaultPassword"),
        (CACERTS, "kura.ssl.keyStorePassword", "changeit"),
    ):
        spoilt = both(
            put(path, partial(_opened_by, word)),
            sub(PROPERTIES, rf"^{re.escape(name)}=.*?$", f"{name}={word}"),
        )
        yield Breakage(f"{path} with the public password", "keystores.not_default", path, spoilt)
        yield Breakage(f"{name} is the public password", "keystores.not_default", PROPERTIES, spoilt, name)
    yield Breakage(
        "a short password", "keystores.not_default", PROPERTIES, sub(PROPERTIES, rf"^{key}=.*?$", f"{key}=Ab1-"), key
    )
    yield Breakage(
        "a password of one letter",
        "keystores.not_default",
        PROPERTIES,
        sub(PROPERTIES, rf"^{key}=.*?$", f"{key}={'a' * 20}"),
        key,
    )
    yield Breakage(
        "another password in the snapshot",
        "keystores.snapshot",
        f"{REAL}/data/snapshots/snapshot_0.xml",
        setting(_SSL, "ssl.keystore.password", "golden-Sample-99x", "Password"),
        "ssl.keystore.password",
    )
    yield Breakage(
        "the default password in the snapshot",
        "keystores.snapshot",
        f"{REAL}/data/snapshots/snapshot_0.xml",
        setting(_SSL, "ssl.keystore.password", "changeit", "Password"),
        "ssl.keystore.password",
    )
    yield Breakage(
        "the signing key in the keystore",
        "keystores.no_signing_key",
        CERTIFICATES,
        _signer_in_the_image,
    )
    yield Breakage(
        "a certificate of 1024 bits",
        "keystores.key_size",
        CACERTS,
        put(CACERTS, lambda: keystore({"small": _small()}, own.cacerts_password)),
    )
    yield Breakage(
        "a signer of 1024 bits",
        "keystores.key_size",
        CERTIFICATES,
        put(CERTIFICATES, lambda: keystore({"small": _small()}, own.certificates_password)),
    )


BREAKAGES = (*_keystores(),)
