"""A software PKCS #11 token with the keys of a test in it (SoftHSM), made once in a test run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "planted-pin-8431"
LABEL = "release keys"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True)
class Token:
    """A token; ``conf`` is what SOFTHSM2_CONF must name in every process that uses it."""

    conf: Path

    def uri(self, name: str) -> str:
        """The URI of a key in it."""
        return f"pkcs11:token={LABEL.replace(' ', '%20')};object={name}?module-path={MODULE}"


def make_token(directory: Path, keys: Mapping[str, Key]) -> Token:
    """A token with these keys; this process and those it starts find it from now on."""
    (directory / "tokens").mkdir(parents=True)
    conf = directory / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    _util("--init-token", "--free", "--label", LABEL, "--so-pin", "12345678", "--pin", PIN)
    for number, (name, key) in enumerate(sorted(keys.items()), 1):
        file = directory / "import.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _util("--import", file, "--token", LABEL, "--label", name, "--id", f"{number:02x}", "--pin", PIN)
        file.unlink()
    return Token(conf)


def _util(*arguments: str | Path) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
