"""Looks at a signed bundle as the gateway's framework will: who signed it, and whether the gateway accepts it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from pipeline.errors import PipelineError
from pipeline.formats.archive.zip_archive import ZipArchive, ZipEntry
from pipeline.formats.crypto import signature_block
from pipeline.formats.java import jar, jar_manifest
from pipeline.formats.java.jar_manifest import Manifest

_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    signature_block.SHA256: hashes.SHA256(),
    signature_block.SHA384: hashes.SHA384(),
    signature_block.SHA512: hashes.SHA512(),
    signature_block.SHA1: hashes.SHA1(),  # noqa: S303 - old signatures
}
_ALGORITHMS = {"SHA-256": "sha256", "SHA1": "sha1", "SHA-1": "sha1"}
_BY_JDK = {**_ALGORITHMS, "SHA-384": "sha384", "SHA-512": "sha512"}


@dataclass(frozen=True)
class BundleSignature:
    """A signature that gateways accept: its certificates as DER, leaf first up to the root."""

    chain: tuple[bytes, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject names of the chain, RFC 4514."""
        return tuple(x509.load_der_x509_certificate(der).subject.rfc4514_string() for der in self.chain)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of each certificate of the chain."""
        return tuple(hashlib.sha256(der).hexdigest() for der in self.chain)


def inspect(archive: ZipArchive, *, accept_ec: bool = False, by_jdk: bool = False) -> BundleSignature | None:
    """The signature of a bundle, fully checked; None when it has none.

    Args:
        accept_ec: the framework is known to be a newer one, which takes EC signatures.
        by_jdk: it is one that takes whatever the JDK's jarsigner writes.

    Raises:
        PipelineError: there is a signature, but the gateway would take the bundle for unsigned, or something in the
            bundle is not what was signed.
    """
    names = [entry.name for entry in archive.entries]
    found = jar.signatures(names)
    if not found:
        if any(jar.is_signature_file(name) for name in names):
            _refuse(archive, "it has a signature block without its signature file")
        return None
    entry = archive.find(jar.MANIFEST)
    if entry is None:
        _refuse(archive, "it is signed and has no manifest")
    content = archive.read(entry)
    reasons: list[str] = []
    seen = (_accepted(archive, names, content, reasons, accept_ec=accept_ec, by_jdk=by_jdk) for names in found)
    signature = next((one for one in seen if one is not None), None)
    if signature is None:
        _refuse(archive, f"it is signed, but gateways would take it for unsigned: {'; '.join(reasons)}")
    manifest = jar_manifest.parse_manifest(content, f"{archive.name}: {jar.MANIFEST}")
    _check_entries(archive, manifest, _BY_JDK if by_jdk else _ALGORITHMS)
    return signature


def digests_of(archive: ZipArchive, entry: ZipEntry, algorithms: Iterable[str]) -> dict[str, str]:
    """Digests of an entry's content in Base64, by the names `hashlib` knows."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in set(algorithms)}
    for piece in archive.chunks(entry):
        for running in sums.values():
            running.update(piece)
    return {name: base64.b64encode(running.digest()).decode("ascii") for name, running in sums.items()}


def _accepted(
    archive: ZipArchive,
    names: tuple[str, str | None],
    manifest: bytes,
    reasons: list[str],
    *,
    accept_ec: bool,
    by_jdk: bool,
) -> BundleSignature | None:
    """One signature, or None with the reasons why the gateway does not accept it."""
    file_name, block_name = names
    if block_name is None:
        reasons.append(f"{file_name} has no signature block")
        return None
    file, data = (archive.find(name) for name in (file_name, block_name))
    if file is None or data is None:
        return None
    signed = archive.read(file)
    try:
        block = signature_block.parse_block(archive.read(data))
        problems = signature_block.rejections(block, accept_ec=accept_ec, by_jdk=by_jdk)
        chain = block.chain(block.signers[0]) if block.signers else ()
    except signature_block.BlockError as error:
        reasons.append(f"{block_name}: {error}")
        return None
    if problems:
        reasons.extend(f"{block_name}: {problem}" for problem in problems)
        return None
    key = x509.load_der_x509_certificate(chain[0]).public_key()
    signer = block.signers[0]
    digest = _HASHES[signer.digest]
    covered = signer.signed_bytes(signed, hashlib.new(digest.name, signed, usedforsecurity=False).digest())
    if covered is None:
        _refuse(archive, f"{block_name} was made for another {file_name}")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, covered, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, covered, ec.ECDSA(digest))
        else:
            raise AssertionError("rejections() let a key pass that is neither RSA nor EC")
    except InvalidSignature:
        _refuse(archive, f"{block_name} is not a signature of {file_name}")
    if not _states_digest_of(signed, manifest, _BY_JDK if by_jdk else _ALGORITHMS):
        reasons.append(f"{file_name} does not have the digest of this whole manifest")
        return None
    return BundleSignature(chain)


def _states_digest_of(signature_file: bytes, manifest: bytes, algorithms: Mapping[str, str]) -> bool:
    """Whether the ``…-Digest-Manifest`` header, ended by CRLF as the framework needs it, is that of the manifest."""
    # A digest of SHA-384 and more does not fit on a line of 72 bytes and is continued on the next.
    lines = signature_file.replace(b"\r\n ", b"") if algorithms is _BY_JDK else signature_file
    for name, value in re.findall(rb"(?m)^([A-Za-z0-9-]+)-Digest-Manifest: (\S+)\r\n", lines):
        algorithm = algorithms.get(name.decode("ascii").upper())
        if algorithm is not None:
            digest = hashlib.new(algorithm, manifest, usedforsecurity=False).digest()
            return bool(base64.b64encode(digest) == value)
    return False


def _check_entries(archive: ZipArchive, manifest: Manifest, algorithms: Mapping[str, str]) -> None:
    """Every file must be what the signed manifest says; the framework itself would start a bundle with files added."""
    for entry in archive.entries:
        if not jar.is_covered(entry.name):
            continue
        section = manifest.by_name.get(entry.name)
        known = {
            algorithms[item.name.upper().removesuffix("-DIGEST")]: item.value
            for item in (section.attributes if section is not None else ())
            if item.name.upper().removesuffix("-DIGEST") in algorithms
        }
        if not known:
            _refuse(archive, f"{entry.name} is not covered by the signature")
        if digests_of(archive, entry, known) != known:
            _refuse(archive, f"{entry.name} was changed after it was signed")


def _refuse(archive: ZipArchive, problem: str) -> NoReturn:
    raise PipelineError(
        f"{archive.name}: {problem}", 'sign it anew (mode "replace"), once you know where it comes from'
    )
