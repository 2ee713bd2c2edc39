"""Secrets derived from the fleet secret: one stream of bytes for each gateway, purpose and generation (RFC 5869)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

P256_MATERIAL = 48
"""Bytes a P-256 key is made of: enough that every private key is as likely as the other (FIPS 186-5, A.2.1)."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# One for each format: 1 knew the gateway's name only, so that two products of one fleet secret had the same secrets
# where their gateways had the same names; 2 begins with the product's name.
_SALTS = {1: b"gateway-image-pipeline secrets 1", 2: b"gateway-image-pipeline secrets 2"}

# What people type from paper: no letters or digits that look alike, no characters with a meaning in shell, XML,
# properties, hostapd or URLs.
_CLASSES = ("abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-_.+@")
_ALPHABET = "".join(_CLASSES)


def p256_number(material: bytes) -> int:
    """The private number of a P-256 key made of `P256_MATERIAL` secret bytes."""
    return int.from_bytes(material, "big") % (_P256_ORDER - 1) + 1


@dataclass(frozen=True)
class Derivation:
    """Everything that is derived for one gateway; whoever has the fleet secret can derive it again.

    Attributes:
        product: what keeps products apart that share a fleet secret; empty derives as format 1 did.
    """

    fleet: bytes = field(repr=False)
    gateway: str
    generation: int
    product: str = ""

    def material(self, purpose: str, length: int) -> bytes:
        """Bytes for one purpose; each part of the context is framed, so that no two contexts run into each other."""
        version = 2 if self.product else 1
        parts = [self.product.encode()] if self.product else []
        parts += [self.gateway.encode(), purpose.encode(), str(self.generation).encode()]
        info = b"".join(struct.pack(">I", len(part)) + part for part in parts)
        return HKDF(algorithm=hashes.SHA256(), length=length, salt=_SALTS[version], info=info).derive(self.fleet)

    def p256_key(self, purpose: str) -> ec.EllipticCurvePrivateKey:
        """A private key on P-256."""
        return ec.derive_private_key(p256_number(self.material(purpose, P256_MATERIAL)), ec.SECP256R1())

    def text(self, purpose: str, length: int, alphabet: str) -> str:
        """Letters of an alphabet, each as likely as the other."""
        fair = 256 - 256 % len(alphabet)
        stream = (byte for byte in self.material(purpose, 4 * length + 256) if byte < fair)
        return "".join(alphabet[next(stream) % len(alphabet)] for _ in range(length))

    def password(self, purpose: str, length: int = 24) -> str:
        """A password with lower and upper case letters, digits and special characters (A:11, A:115).

        24 characters of 61 are 142 bits; the rare candidate that lacks a class is passed over, so that all that are
        left are as likely as each other.
        """
        candidates = (self.text(f"{purpose}/{attempt}", length, _ALPHABET) for attempt in range(10_000))
        return next(word for word in candidates if all(set(word) & set(kind) for kind in _CLASSES))
