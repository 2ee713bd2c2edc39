"""Keys and a fleet secret for the demo, made on first run and kept; marked, so that production releases refuse them."""

from __future__ import annotations

import secrets as randomness
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.manifest import NAMESPACE
from pipeline.signing.keys.certificates import parse_name, self_signed
from pipeline.signing.keys.private_file import make_once
from pipeline.signing.keys.signers import DEVELOPMENT_UNIT
from pipeline.signing.secrets.host_keys import openssh_private_key

PRINCIPAL = "release@demo.invalid"

_YEARS = 20


def make_development_keys(directory: Path, *, epoch: int) -> None:
    """Make what is missing below a directory, readable by its owner only where it is secret:

    ``keys/bundle-signer.pem`` and ``.crt``, ``keys/manifest-signer`` and ``.pub``, ``keys/allowed_signers``,
    ``secrets/fleet.key``. The committed ``keys/keys.toml`` names these files.

    Args:
        epoch: the certificate's first day, seconds since 1970.

    Raises:
        PipelineError: a file that is already there is not what its name says.
    """
    keys, secrets = directory / "keys", directory / "secrets"
    for made in (directory, keys, secrets):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_once(secrets / "fleet.key", randomness.token_hex(32).encode("ascii") + b"\n")
    bundle_key = _bundle_key(keys / "bundle-signer.pem")
    make_once(keys / "bundle-signer.crt", _certificate(bundle_key, epoch), mode=0o644)
    public = _manifest_key(keys / "manifest-signer")
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH) + b" development\n"
    make_once(keys / "manifest-signer.pub", line, mode=0o644)
    allowed = sshsig.allowed_signer_line(PRINCIPAL, public.public_bytes_raw(), NAMESPACE)
    make_once(keys / "allowed_signers", allowed.encode("ascii"), mode=0o644)


def _certificate(key: rsa.RSAPrivateKey, epoch: int) -> bytes:
    name = parse_name(f"CN=Demo Bundle Signing,OU={DEVELOPMENT_UNIT},O=Demo,C=IT")
    return self_signed(key, name, first=epoch, days=_YEARS * 365).public_bytes(serialization.Encoding.PEM)


def _bundle_key(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        make_once(
            path,
            made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PipelineError(f"{path}: it is not an RSA key in PEM form", "remove it; doit demo makes a new one")
    return key


def _manifest_key(path: Path) -> Ed25519PublicKey:
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        public, seed = made.public_key().public_bytes_raw(), made.private_bytes_raw()
        make_once(path, openssh_private_key(sshsig.KEY_TYPE, [public], [public, seed + public], "development"))
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise PipelineError(f"{path}: it is not an Ed25519 key of OpenSSH", "remove it; doit demo makes a new one")
    return key.public_key()
