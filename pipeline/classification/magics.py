"""Secrets recognised by their bytes, whatever the file is called: keystores, private keys, known tokens."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from pipeline.classification.found import KEYSTORE, PRIVATE_KEY
from pipeline.classification.tokens import tokens

# A PKCS #12 store is a DER or BER sequence that starts with the version number 3 and goes on with a sequence.
_PKCS12 = re.compile(rb"\x30(?:\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)
# BouncyCastle's BKS: version 1 or 2, a salt of 20 bytes.
_BKS = re.compile(rb"\x00\x00\x00[\x01\x02]\x00\x00\x00\x14")
# PKCS #8: version 0, then an algorithm identifier; PKCS #1 and SEC 1: version, then integers or an octet string.
_PKCS8 = re.compile(rb"\x30(?:\x81.|\x82..|[\x20-\x7f])\x02\x01[\x00\x01]\x30[\x05\x0d\x0e\x10\x13]\x06", re.DOTALL)
_PKCS1 = re.compile(rb"\x30(?:\x82..|\x81.)\x02\x01\x00\x02[\x40-\x82]", re.DOTALL)
# PKCS #8 under a password: an algorithm of PKCS #5 or #12 comes first. OpenPGP: a packet of a secret key, version 4.
_PKCS8_CLOSED = re.compile(
    rb"\x30(?:\x81.|\x82..|[\x20-\x7f])\x30(?:\x81.|\x82..|[\x0d-\x7f])\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05"
    rb"|\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01)",
    re.DOTALL,
)
_OPENPGP = re.compile(
    rb"(?:\x94.|\x95..|\xc5(?:[\x00-\xbf]|[\xc0-\xdf].|\xff....))\x04....[\x01\x10\x11\x12\x13\x16]", re.DOTALL
)
_SEC1 = re.compile(rb"\x30(?:\x81.|[\x20-\x7f])\x02\x01\x01\x04[\x1c-\x42]", re.DOTALL)
# dropbear's key files are in SSH's wire format: the algorithm's name, then both halves of the key. Public keys begin
# alike, but are kept in Base64; only Ed25519 tells by its length that the private half is there.
_DROPBEAR = re.compile(rb"\x00\x00\x00[\x07\x13](?:ssh-(?:rsa|dss)|ecdsa-sha2-nistp(?:256|384|521))\x00\x00")
_DROPBEAR_ED25519 = re.compile(rb"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x40")

_STARTS: tuple[tuple[bytes | re.Pattern[bytes], str, str], ...] = (
    (b"\xfe\xed\xfe\xed", KEYSTORE, "a JKS keystore"),
    (b"\xce\xce\xce\xce", KEYSTORE, "a JCEKS keystore"),
    (_PKCS12, KEYSTORE, "a PKCS #12 keystore"),
    (_BKS, KEYSTORE, "a BouncyCastle keystore"),
    (b"\x05\x02\x00\x00\x00", KEYSTORE, "a Kerberos key table"),
    (_PKCS8, PRIVATE_KEY, "a private key in DER (PKCS #8)"),
    (_PKCS1, PRIVATE_KEY, "a private key in DER (PKCS #1)"),
    (_SEC1, PRIVATE_KEY, "a private key in DER (SEC 1)"),
    (_PKCS8_CLOSED, PRIVATE_KEY, "a private key in DER (PKCS #8 under a password)"),
    (_OPENPGP, PRIVATE_KEY, "a private key of OpenPGP"),
    (_DROPBEAR_ED25519, PRIVATE_KEY, "an SSH private key of dropbear"),
    (b"PuTTY-User-Key-File", PRIVATE_KEY, "an SSH private key of PuTTY"),
)
# First bytes of whatever a file can start with to be a secret as a whole.
_FIRST = frozenset(b"\xfe\xce\x30\x00\x05P\x94\x95\xc5")

_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
_HEX_RUN = re.compile(rb"\b(?:[0-9A-Fa-f]{2}){24,}\b")
_BASE64_TEXT = re.compile(rb"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/]{20,}={0,2}(?![A-Za-z0-9+/=_-])")
_TEXT = bytes(range(32, 127)) + b"\t\r\n"
_SHORTEST_TEXT = 12
_SHORTEST_RUN = 40
_HEAD = 4096  # bytes of an encoded run that are decoded: magics stand at the front


def by_start(content: bytes) -> tuple[str, str] | None:
    """Kind and reason of a file that is a secret as a whole, or None."""
    if not content or content[0] not in _FIRST:
        return None
    for magic, kind, reason in _STARTS:
        if content.startswith(magic) if isinstance(magic, bytes) else magic.match(content):
            return kind, reason
    return None


def by_content(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Offset, kind and reason of everything in a file that tells itself, also in Base64 and in hex digits."""
    whole = by_start(content)
    if whole is None and _DROPBEAR.match(content):
        whole = PRIVATE_KEY, "an SSH private key of dropbear"
    if whole:
        yield 0, *whole
        return
    yield from tokens(content)
    if len(content) < _SHORTEST_RUN:
        return
    pem = b"-----BEGIN" in content
    for run, how in ((_BASE64_RUN, "Base64"), (_HEX_RUN, "hex digits")):
        for found in run.finditer(content):
            # Certificates in PEM are Base64, too; keys in PEM were found by their first line.
            inner = by_start(_decoded(found[0][:_HEAD], how)) if not (pem and how == "Base64") else None
            if inner:
                yield found.start(), inner[0], f"{inner[1]}, in {how}"


def texts_inside(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and content of texts that stand in Base64 in a text, as containers and units keep settings."""
    for found in _BASE64_TEXT.finditer(content):
        plain = _decoded(found[0], "Base64")
        if len(plain) >= _SHORTEST_TEXT and not plain.translate(None, _TEXT):
            yield found.start(), plain


def _decoded(run: bytes, how: str) -> bytes:
    try:
        if how == "Base64":
            run = run.rstrip(b"=")
            return base64.b64decode(run + b"=" * (-len(run) % 4))
        return bytes.fromhex(run[: len(run) // 2 * 2].decode("ascii"))
    except (binascii.Error, ValueError):
        return b""
