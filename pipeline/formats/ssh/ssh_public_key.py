"""OpenSSH public keys in the form of ``authorized_keys`` lines (sshd(8), RFC 4253 section 6.6)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass


class PublicKeyError(ValueError):
    """Not a public key line; the text says why in a few words."""


@dataclass(frozen=True)
class PublicKey:
    """One key.

    Attributes:
        options: what stands before the algorithm, such as ``command="…"``; empty for a plain key.
        algorithm: as written, and equal to the name inside the key.
        bits: size by the measure of its own kind: modulus of RSA and DSA, curve of the others.
    """

    options: str
    algorithm: str
    bits: int
    blob: bytes
    comment: str

    @property
    def line(self) -> str:
        """The key as one line without options or line end."""
        return " ".join(filter(None, (self.algorithm, base64.b64encode(self.blob).decode(), self.comment)))


# Algorithm to (number of fields after the name, index of the field that tells the size, size when it is fixed).
_KINDS: dict[str, tuple[int, int, int]] = {
    "ssh-rsa": (2, 1, 0),
    "ssh-dss": (4, 0, 0),
    "ssh-ed25519": (1, 0, 256),
    "ecdsa-sha2-nistp256": (2, 1, 256),
    "ecdsa-sha2-nistp384": (2, 1, 384),
    "ecdsa-sha2-nistp521": (2, 1, 521),
    "sk-ssh-ed25519@openssh.com": (2, 0, 256),
    "sk-ecdsa-sha2-nistp256@openssh.com": (3, 1, 256),
}


def parse(line: str) -> PublicKey:
    """Read one line; the key itself is taken apart, so that a cut or altered key is noticed.

    Raises:
        PublicKeyError: nothing OpenSSH would read as a key.
    """
    if not line.isprintable():
        raise PublicKeyError("holds control characters")
    if "PRIVATE KEY" in line:
        raise PublicKeyError("is a private key")
    options, rest = _split_options(line.strip())
    algorithm, _, rest = rest.partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    if algorithm not in _KINDS:
        raise PublicKeyError("is not a public key of a known algorithm")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise PublicKeyError("has a body that is not Base64") from None
    return PublicKey(options, algorithm, _size(algorithm, blob), blob, comment.strip())


def _split_options(line: str) -> tuple[str, str]:
    """Options end at the first space outside quotes; a line without options starts with the algorithm."""
    if line.split(" ", 1)[0] in _KINDS:
        return "", line
    quoted = False
    for index, letter in enumerate(line):
        if letter == '"' and line[index - 1 : index] != "\\":
            quoted = not quoted
        elif letter == " " and not quoted:
            return line[:index], line[index + 1 :].lstrip()
    return "", line


def _size(algorithm: str, blob: bytes) -> int:
    fields = _fields(blob)
    count, index, fixed = _KINDS[algorithm]
    if fields[0] != algorithm.encode():
        raise PublicKeyError("says another algorithm inside than outside")
    if len(fields) != count + 1:
        raise PublicKeyError("is cut off or has more in it than a key")
    values = fields[1:]
    if algorithm in ("ssh-rsa", "ssh-dss"):
        return int.from_bytes(values[index], "big").bit_length()
    if "ed25519" in algorithm:
        if len(values[0]) != 32:
            raise PublicKeyError("is not of the length of its algorithm")
    # An uncompressed point of two coordinates; the curve is named before it (RFC 5656 section 3.1).
    elif (
        values[0] != b"nistp%d" % fixed or values[index][:1] != b"\x04" or len(values[index]) != 1 + 2 * -(-fixed // 8)
    ):
        raise PublicKeyError("does not lie on the curve it names")
    return fixed


def _fields(blob: bytes) -> list[bytes]:
    """The length-prefixed strings a key is made of (RFC 4251 section 5)."""
    fields = []
    at = 0
    while at < len(blob):
        length = int.from_bytes(blob[at : at + 4], "big")
        if at + 4 > len(blob) or at + 4 + length > len(blob):
            raise PublicKeyError("is cut off")
        fields.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    if not fields:
        raise PublicKeyError("is empty")
    return fields
