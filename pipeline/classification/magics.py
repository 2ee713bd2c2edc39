"""Secrets that tell themselves by their bytes, whatever the file is called: keystores, private keys, known tokens."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from pipeline.classification.found import KEYSTORE, PASSWORD, PRIVATE_KEY, TOKEN

# A PKCS #12 store is a DER or BER sequence that starts with the version number 3 and goes on with a sequence.
_PKCS12 = re.compile(rb"\x30(?:\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)
# BouncyCastle's BKS: version 1 or 2, a salt of 20 bytes.
_BKS = re.compile(rb"\x00\x00\x00[\x01\x02]\x00\x00\x00\x14")
# PKCS #8: version 0, then an algorithm identifier; PKCS #1 and SEC 1: version, then integers or an octet string.
_PKCS8 = re.compile(rb"\x30(?:\x81.|\x82..|[\x20-\x7f])\x02\x01[\x00\x01]\x30[\x05\x0d\x0e\x10\x13]\x06", re.DOTALL)
_PKCS1 = re.compile(rb"\x30\x82..\x02\x01\x00\x02\x82", re.DOTALL)
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
    (_DROPBEAR_ED25519, PRIVATE_KEY, "an SSH private key of dropbear"),
    (b"PuTTY-User-Key-File", PRIVATE_KEY, "an SSH private key of PuTTY"),
)
_ANYWHERE: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----"), PRIVATE_KEY, "an SSH private key of OpenSSH"),
    (re.compile(rb"-----BEGIN PGP PRIVATE KEY BLOCK-----"), PRIVATE_KEY, "a private key of OpenPGP"),
    (re.compile(rb"-----BEGIN OpenVPN Static key V1-----"), PRIVATE_KEY, "a static key of OpenVPN"),
    (re.compile(rb"-----BEGIN (?!OPENSSH)[A-Z0-9 ]*PRIVATE KEY-----"), PRIVATE_KEY, "a private key in PEM"),
    (re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{20,}"), PRIVATE_KEY, "a private key of age"),
    (re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), TOKEN, "an access key of AWS"),
    (re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{30,}"), TOKEN, "a token of GitHub"),
    (re.compile(rb"\bglpat-[A-Za-z0-9_-]{20,}"), TOKEN, "a token of GitLab"),
    (re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{10,}"), TOKEN, "a token of Slack"),
    (re.compile(rb"\bAIza[0-9A-Za-z_-]{35}"), TOKEN, "an API key of Google"),
    (re.compile(rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), TOKEN, "a JSON web token"),
    (re.compile(rb"(?i)\bshared(?:access)?key=[A-Za-z0-9+/%]{20,}"), TOKEN, "a shared access key of Azure"),
    (re.compile(rb"(?i)\baccountkey=[A-Za-z0-9+/%]{20,}"), TOKEN, "an account key of Azure"),
    (re.compile(rb"\$(?:1|2[abxy]|5|6|7|y|gy|sha1)\$[./A-Za-z0-9$,=]{12,}"), PASSWORD, "a password hash (crypt(5))"),
    (re.compile(rb"(?i)\bauthorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)\s+[A-Za-z0-9+/_.=-]{6,}"), TOKEN,
     "a header that authorizes"),
    (re.compile(rb"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^/\s:@\"'<>]+:[^/\s@\"'<>]+@"), PASSWORD, "a URL with a password"),
)  # fmt: skip

# What all of these have in it; most texts are short and have none of it.
_HINT = re.compile(
    rb"-----BEGIN |AGE-SECRET|A[KS]IA|gh[pousr]_|glpat-|xox[abprs]|AIza|eyJ|(?i:key=|authorization)|\$(?:[12567yg]|sha)|://"
)
# First bytes of whatever a file can start with to be a secret as a whole.
_FIRST = frozenset(b"\xfe\xce\x30\x00\x05P")

_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
_HEX_RUN = re.compile(rb"\b(?:[0-9A-Fa-f]{2}){24,}\b")
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
    if _HINT.search(content):
        for pattern, kind, reason in _ANYWHERE:
            yield from ((found.start(), kind, reason) for found in pattern.finditer(content))
    if len(content) < _SHORTEST_RUN:
        return
    pem = b"-----BEGIN" in content
    for run, how in ((_BASE64_RUN, "Base64"), (_HEX_RUN, "hex digits")):
        for found in run.finditer(content):
            # Certificates in PEM are Base64, too; keys in PEM were found by their first line.
            inner = by_start(_decoded(found[0][:_HEAD], how)) if not (pem and how == "Base64") else None
            if inner:
                yield found.start(), inner[0], f"{inner[1]}, in {how}"


def _decoded(run: bytes, how: str) -> bytes:
    try:
        if how == "Base64":
            run = run.rstrip(b"=")
            return base64.b64decode(run[: len(run) // 4 * 4])
        return bytes.fromhex(run[: len(run) // 2 * 2].decode("ascii"))
    except (binascii.Error, ValueError):
        return b""
