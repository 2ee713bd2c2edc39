"""The signing station: ``python -m pipeline.signing.offline DIRECTORY --key URI`` signs a request, and nothing else.

It needs no release, no images and no network, and of Python packages only cryptography (python-pkcs11 for tokens). It
refuses what is neither the signature file of a JAR nor a manifest with its provenance, and a key that is not the one
the request is for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pipeline.errors import PipelineError
from pipeline.formats.ssh.sshsig import to_be_signed
from pipeline.host.digests import write_atomically
from pipeline.host.named_files import read_named
from pipeline.manifest import NAMESPACE, from_bytes, release_from_bytes
from pipeline.signing.bundles.exchange import CERTIFICATES, read_request
from pipeline.signing.keys.passphrase import SOURCES
from pipeline.signing.keys.private_keys import LocalKey, PublicKey, SigningKey, is_valid, load_private_key
from pipeline.signing.keys.token import open_token_key
from pipeline.signing.manifests import release_exchange

_TROUBLE = 2


def sign_request(directory: Path, uri: str, passphrase: str) -> list[str]:
    """Sign everything a request asks for, bundles or manifests; returns lines for the person who signs.

    Args:
        uri: ``file:``, ``env:`` or ``pkcs11:``; relative paths count from the current directory.
        passphrase: source of the key's passphrase or the token's PIN; empty when it has none.

    Raises:
        PipelineError: no such request, one that was tampered with, or another key than the one asked for.
    """
    if release_exchange.is_release_request(directory):
        return _sign_manifests(directory, uri, passphrase)
    items = read_request(directory)
    public = _expected(directory / CERTIFICATES)
    key = _open(uri, passphrase, public, f"the certificate in {directory / CERTIFICATES}")
    signed = [(item, _checked(key, item.content, item.sha256)) for item in items]
    lines = []
    for item, signature in signed:
        write_atomically(directory / f"{item.sha256}.sig", signature, 0o644)
        lines += [f"signed {bundle}" for bundle in item.bundles]
    return [*lines, f"{len(signed)} signatures in {directory}; take them back with: doit bundles --take DIRECTORY"]


def _sign_manifests(directory: Path, uri: str, passphrase: str) -> list[str]:
    public, items, whole = release_exchange.read_request(directory)
    key = _open(uri, passphrase, public, str(directory / release_exchange.SIGNER))
    signed = [
        (item, {name: _checked(key, data, f"{directory / name}") for name, data in item.signed.items()})
        for item in items
    ]
    lines = []
    if whole is not None:
        data = to_be_signed(whole, NAMESPACE)
        statement = release_from_bytes(whole, name=release_exchange.WHOLE)
        release_exchange.write_whole(directory, _checked(key, data, str(directory / release_exchange.WHOLE)), public)
        lines.append(f"signed release {statement.release} as a whole: {', '.join(statement.gateways)}")
    for item, signatures in signed:
        release_exchange.write_signatures(directory, item, signatures, public)
        described = from_bytes(item.manifest, name=item.manifest_file)
        lines.append(f"signed {item.gateway} of release {described.release}: image SHA-256 {described.image.sha256}")
    return [*lines, f"{len(signed)} gateways in {directory}; take them back with: doit manifest --take DIRECTORY"]


def _open(uri: str, passphrase: str, public: PublicKey, where: str) -> SigningKey:
    """The key at hand, which must be the one the request is for."""
    what = "signing key"
    key: SigningKey
    if uri.startswith("pkcs11:"):
        key = open_token_key(uri, passphrase, public, Path(), what)
    else:
        key = LocalKey(load_private_key(uri, passphrase, Path(), what))
    if key.public != public:
        raise PipelineError(
            f"{what}: it is not the key of {where}",
            "use the key the request is for, or have the request written for yours",
        )
    return key


def _checked(key: SigningKey, data: bytes, what: str) -> bytes:
    signature = key.sign(data, what)
    if not is_valid(key.public, signature, data):
        raise AssertionError(f"{what}: our own signature is none")
    return signature


def _expected(file: Path) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    try:
        public = x509.load_pem_x509_certificates(read_named(file))[0].public_key()
    except (OSError, ValueError):
        public = None
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise PipelineError(f"{file}: no certificate of an RSA or EC key in it", "write the request anew")
    return public


def main(arguments: Sequence[str]) -> int:
    """The command line; 2 when something is wrong."""
    parser = argparse.ArgumentParser("python -m pipeline.signing.offline", description="sign a request for signatures")
    parser.add_argument("directory", type=Path, help="as written by doit bundles --emit or doit manifest --emit")
    parser.add_argument("--key", required=True, help="file:PATH, env:NAME or pkcs11:… (RFC 7512)")
    parser.add_argument("--passphrase", default="", metavar="SOURCE", help=f"{SOURCES}; never the passphrase itself")
    options = parser.parse_args(arguments)
    try:
        lines = sign_request(options.directory, options.key, options.passphrase)
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return _TROUBLE
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
