"""PKCS #12 keystores (RFC 7292), which keytool makes by default since Java 9: what is in them, for those who read only.

From Kura 5 on the framework opens these as well as JKS: it asks for Java's default type, which takes both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import pkcs12 as reader

from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Entry:
    """A certificate, or a private key (PKCS #8, DER) with its certificates, leaf first."""

    alias: str
    certificates: tuple[bytes, ...]
    pkcs8: bytes | None = field(default=None, repr=False)


def is_pkcs12(content: bytes) -> bool:
    """Whether a file begins as one: a JKS has a magic number, a PKCS #12 is a SEQUENCE."""
    return content[:1] == b"\x30"


def read_keystore(content: bytes, password: str, where: str) -> tuple[Entry, ...]:
    """Its entries; `PipelineError` for a damaged file and for another password."""
    try:
        found = reader.load_pkcs12(content, password.encode())
    except ValueError:
        raise PipelineError(
            f"{where}: it is a PKCS #12 that is damaged, or has another password",
            "use an image as its installer left it, or give the right password",
        ) from None
    entries: list[Entry] = []
    others = [item.certificate.public_bytes(Encoding.DER) for item in found.additional_certs]
    if found.key is not None and found.cert is not None:
        alias = (found.cert.friendly_name or b"1").decode("utf-8", "replace")
        pkcs8 = found.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        leaf = found.cert.certificate.public_bytes(Encoding.DER)
        return (Entry(alias, (leaf, *others), pkcs8),)
    for number, item in enumerate(found.additional_certs, 1):
        alias = (item.friendly_name or str(number).encode()).decode("utf-8", "replace")
        entries.append(Entry(alias, (item.certificate.public_bytes(Encoding.DER),)))
    return tuple(entries)
