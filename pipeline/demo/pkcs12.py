"""A PKCS #12 as keytool writes it since Java 9 (RFC 7292), with salts of our own: the same key gives the same file.

Only for the demo: what an installer leaves in every copy of an image. The product writes JKS.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from pipeline.formats.crypto.der import CONTEXT_0, NULL, OCTETS, OID, SEQUENCE, SET, element, integer

_ROUNDS = 10_000  # keytool's
_DATA = "1.2.840.113549.1.7.1"
_ENCRYPTED = "1.2.840.113549.1.7.6"
_KEY_BAG, _CERT_BAG = "1.2.840.113549.1.12.10.1.2", "1.2.840.113549.1.12.10.1.3"
_X509 = "1.2.840.113549.1.9.22.1"
_NAME, _KEY_ID = "1.2.840.113549.1.9.20", "1.2.840.113549.1.9.21"
_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_HMAC_SHA256, _AES_256, _SHA256 = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.2.1"
_BMP = 0x1E


def write_keystore(alias: str, pkcs8: bytes, chain: tuple[bytes, ...], password: str) -> bytes:
    """One private key with its certificates, leaf first, all in DER."""
    key_id = hashlib.sha256(chain[0]).digest()[:20]
    attributes = element(
        SET, _attribute(_NAME, element(_BMP, alias.encode("utf-16-be"))), _attribute(_KEY_ID, element(OCTETS, key_id))
    )
    algorithm, sealed = _sealed(pkcs8, password, b"key")
    key_bag = element(
        SEQUENCE, _oid(_KEY_BAG), element(CONTEXT_0, element(SEQUENCE, algorithm, element(OCTETS, sealed))), attributes
    )
    bags = b"".join(_certificate(der, attributes if number == 0 else b"") for number, der in enumerate(chain))
    algorithm, sealed = _sealed(element(SEQUENCE, bags), password, b"certificates")
    encrypted = element(SEQUENCE, integer(0), element(SEQUENCE, _oid(_DATA), algorithm, element(0x80, sealed)))
    safe = element(
        SEQUENCE,
        element(SEQUENCE, _oid(_DATA), element(CONTEXT_0, element(OCTETS, element(SEQUENCE, key_bag)))),
        element(SEQUENCE, _oid(_ENCRYPTED), element(CONTEXT_0, encrypted)),
    )
    content = element(SEQUENCE, _oid(_DATA), element(CONTEXT_0, element(OCTETS, safe)))
    return element(SEQUENCE, integer(3), content, _mac(safe, password))


def _certificate(der: bytes, attributes: bytes) -> bytes:
    inner = element(SEQUENCE, _oid(_X509), element(CONTEXT_0, element(OCTETS, der)))
    return element(SEQUENCE, _oid(_CERT_BAG), element(CONTEXT_0, inner), attributes)


def _sealed(content: bytes, password: str, purpose: bytes) -> tuple[bytes, bytes]:
    """PBES2 with PBKDF2 and AES-256 (RFC 8018): the algorithm, and the content under it."""
    salt, vector = _salt(purpose, 20), _salt(purpose + b" iv", 16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, _ROUNDS).derive(password.encode())
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    prf = element(SEQUENCE, _oid(_HMAC_SHA256), element(NULL))
    derivation = element(
        SEQUENCE, _oid(_PBKDF2), element(SEQUENCE, element(OCTETS, salt), integer(_ROUNDS), integer(32), prf)
    )
    scheme = element(SEQUENCE, _oid(_AES_256), element(OCTETS, vector))
    return element(SEQUENCE, _oid(_PBES2), element(SEQUENCE, derivation, scheme)), sealed


def _mac(safe: bytes, password: str) -> bytes:
    salt = _salt(b"mac", 20)
    digest = hmac.new(_mac_key(password, salt), safe, hashlib.sha256).digest()
    algorithm = element(SEQUENCE, _oid(_SHA256), element(NULL))
    return element(
        SEQUENCE, element(SEQUENCE, algorithm, element(OCTETS, digest)), element(OCTETS, salt), integer(_ROUNDS)
    )


def _mac_key(password: str, salt: bytes) -> bytes:
    """RFC 7292 B.2 with SHA-256 and ID 3; one block is enough."""
    words = password.encode("utf-16-be") + b"\0\0"
    block = b"\3" * 64 + _filled(salt) + _filled(words)
    for _ in range(_ROUNDS):
        block = hashlib.sha256(block).digest()
    return block


def _filled(data: bytes) -> bytes:
    size = -(-len(data) // 64) * 64
    return (data * (size // len(data) + 1))[:size]


def _salt(purpose: bytes, size: int) -> bytes:
    return hashlib.sha256(b"demo keystore " + purpose).digest()[:size]


def _attribute(kind: str, value: bytes) -> bytes:
    return element(SEQUENCE, _oid(kind), element(SET, value))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    octets = bytearray([first * 40 + second])
    for part in rest:
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(0x80 | part & 0x7F)
        octets += bytes(reversed(groups))
    return element(OID, bytes(octets))
