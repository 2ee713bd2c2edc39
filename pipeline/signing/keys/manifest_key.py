"""A key that signs manifests: Ed25519, in OpenSSH's form, as ssh-keygen would make it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.formats.ssh import sshsig
from pipeline.signing.keys.private_file import make_once
from pipeline.signing.secrets.host_keys import openssh_private_key


def make_manifest_key(private: Path, public: Path, comment: str) -> None:
    """Make both halves; the private one, without passphrase, is readable by its owner only.

    Args:
        comment: behind the key, such as the address of who signs.
    """
    key = Ed25519PrivateKey.generate()
    point, seed = key.public_key().public_bytes_raw(), key.private_bytes_raw()
    make_once(private, openssh_private_key(sshsig.KEY_TYPE, [point], [point, seed + point], comment))
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    make_once(public, line + f" {comment}\n".encode(), mode=0o644)
