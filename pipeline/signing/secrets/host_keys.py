"""SSH host keys made from derived bytes, in OpenSSH's own private key format (OpenSSH PROTOCOL.key).

`cryptography` writes that format with eight random bytes in it, so it is written here.
"""

from __future__ import annotations

import base64
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.formats.ssh.sshsig import string
from pipeline.model.trust import HostKey
from pipeline.signing.secrets.derivation import p256_number

_MAGIC = b"openssh-key-v1\0"
_BEGIN, _END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_WIDTH = 70
_BLOCK = 8  # padding without a cipher


def ed25519_host_key(seed: bytes, comment: str) -> HostKey:
    """A key of 32 bytes."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return _host_key("ssh-ed25519", [public], [public, seed + public], comment)


def ecdsa_host_key(material: bytes, comment: str) -> HostKey:
    """A P-256 key of `P256_MATERIAL` bytes."""
    return ecdsa_host_key_of(p256_number(material), comment)


def ecdsa_host_key_of(number: int, comment: str) -> HostKey:
    """The P-256 key of a private number."""
    public = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    private = number.to_bytes(number.bit_length() // 8 + 1, "big")  # an mpint: a leading zero where the top bit is set
    return _host_key("ecdsa-sha2-nistp256", [b"nistp256", point], [b"nistp256", point, private], comment)


def openssh_private_key(algorithm: str, public: list[bytes], private: list[bytes], comment: str) -> bytes:
    """An unencrypted private key file; the check number, random elsewhere, is taken from the key."""
    blob = _public_blob(algorithm, public)
    check = hashlib.sha256(b"openssh check number" + b"".join(private)).digest()[:4]
    secret = check + check + string(algorithm.encode()) + b"".join(map(string, private)) + string(comment.encode())
    secret += bytes(range(1, -len(secret) % _BLOCK + 1))
    body = (
        _MAGIC + string(b"none") + string(b"none") + string(b"") + struct.pack(">I", 1) + string(blob) + string(secret)
    )
    text = base64.b64encode(body).decode("ascii")
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode("ascii")


def _host_key(algorithm: str, public: list[bytes], private: list[bytes], comment: str) -> HostKey:
    line = f"{algorithm} {base64.b64encode(_public_blob(algorithm, public)).decode('ascii')} {comment}"
    return HostKey(algorithm, openssh_private_key(algorithm, public, private, comment), line)


def _public_blob(algorithm: str, public: list[bytes]) -> bytes:
    return string(algorithm.encode()) + b"".join(map(string, public))
