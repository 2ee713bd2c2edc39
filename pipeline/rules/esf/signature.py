"""The signature of a bundle as the gateway's framework sees it: who signed it, and whether the gateway accepts it.

The framework of the ESF 5 generation has a parser of its own and takes a bundle for unsigned, without a word, when the
signature has another shape (formats 5). This looks at a bundle from scratch; nothing that signs is used here.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from pipeline.errors import PipelineError
from pipeline.formats.archive import zip_archive
from pipeline.formats.archive.zip_archive import ZipArchive
from pipeline.formats.crypto import signature_block
from pipeline.formats.crypto.signature_block import BlockError, SignatureBlock
from pipeline.formats.java import jar, jar_manifest
from pipeline.formats.java.jar_manifest import Manifest

_NAME = "bundle"
# Digest algorithms by the names manifests use, which differ for SHA-1.
_ALGORITHMS = {"SHA-256": "sha256", "SHA1": "sha1", "SHA-1": "sha1", "SHA-384": "sha384", "SHA-512": "sha512"}
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    signature_block.SHA256: hashes.SHA256(),
    signature_block.SHA384: hashes.SHA384(),
    signature_block.SHA512: hashes.SHA512(),
}
_MOST_REMEMBERED = 512  # bundles: three rules look at each


@dataclass(frozen=True)
class Signature:
    """What there is to say of a bundle's signature.

    Attributes:
        problem: why the gateway would not believe it; empty when it would.
        subjects / fingerprints: of the chain, leaf first; empty with a problem.
    """

    problem: str = ""
    subjects: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()


@lru_cache(maxsize=_MOST_REMEMBERED)
def signature_of(data: bytes, *, accept_ec: bool = False, by_jdk: bool = False) -> Signature:
    """Look at a bundle; ``accept_ec`` for frameworks that take EC signatures, ``by_jdk`` for all jarsigner writes."""
    try:
        archive = zip_archive.read_archive(zip_archive.MemorySource(data), _NAME)
        return _signature(archive, accept_ec=accept_ec, by_jdk=by_jdk)
    except PipelineError as error:
        return Signature(error.problems[0].what.removeprefix(f"{_NAME}: "))


def _signature(archive: ZipArchive, *, accept_ec: bool, by_jdk: bool) -> Signature:
    names = [entry.name for entry in archive.entries]
    found = jar.signatures(names)
    if not found:
        return Signature("it is not signed")
    manifest = _content(archive, jar.MANIFEST)
    if manifest is None:
        return Signature("it is signed and has no manifest")
    problems = []
    for file_name, block_name in found:
        problem, chain = _one(archive, (file_name, block_name), manifest, accept_ec=accept_ec, by_jdk=by_jdk)
        if not problem:
            changed = _changed(archive, jar_manifest.parse_manifest(manifest, f"{_NAME}: {jar.MANIFEST}"))
            return Signature(changed) if changed else _described(chain)
        problems.append(problem)
    return Signature("; ".join(problems))


def _one(
    archive: ZipArchive, names: tuple[str, str | None], manifest: bytes, *, accept_ec: bool, by_jdk: bool
) -> tuple[str, tuple[bytes, ...]]:
    """What is wrong with one signature, or its chain."""
    file_name, block_name = names
    signed = _content(archive, file_name)
    data = _content(archive, block_name) if block_name else None
    if signed is None or data is None:
        return f"{file_name} has no signature block", ()
    try:
        block = signature_block.parse_block(data)
        rejections = signature_block.rejections(block, accept_ec=accept_ec, by_jdk=by_jdk)
    except BlockError as error:
        return f"{block_name}: {error}", ()
    if rejections:
        return f"{block_name}: {'; '.join(rejections)}", ()
    chain = block.chain(block.signers[0])
    if not _is_made_by(block, chain[0], signed):
        return f"{block_name} is no signature of {file_name}", ()
    if not _is_about(signed, manifest, by_jdk=by_jdk):
        return f"{file_name} is about another manifest", ()
    return "", chain


def _is_made_by(block: SignatureBlock, leaf: bytes, signed: bytes) -> bool:
    key = x509.load_der_x509_certificate(leaf).public_key()
    signer = block.signers[0]
    # SHA-1: signatures of its time are what the framework of that time accepts; the rule on digests is another one.
    digest = _HASHES.get(signer.digest, hashes.SHA1())  # noqa: S303
    covered = signer.signed_bytes(signed, hashlib.new(digest.name, signed, usedforsecurity=False).digest())
    if covered is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, covered, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, covered, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _is_about(signature_file: bytes, manifest: bytes, *, by_jdk: bool) -> bool:
    """Whether the signature file states the manifest's digest, on a line ended as the framework wants it (CRLF)."""
    # A digest of SHA-384 and more does not fit on a line of 72 bytes and is continued on the next.
    whole = signature_file.replace(b"\r\n ", b"") if by_jdk else signature_file
    for line in whole.split(b"\r\n"):
        header, colon, value = line.partition(b": ")
        name = header.decode("ascii", "replace").removesuffix("-Digest-Manifest").upper()
        if colon and header.endswith(b"-Digest-Manifest") and name in _ALGORITHMS:
            return value == _base64(hashlib.new(_ALGORITHMS[name], manifest, usedforsecurity=False).digest())
    return False


def _changed(archive: ZipArchive, manifest: Manifest) -> str:
    """The first file that is not what was signed, in words; empty when all are."""
    for entry in archive.entries:
        if not jar.is_covered(entry.name):
            continue
        section = manifest.by_name.get(entry.name)
        stated = {
            _ALGORITHMS[name]: item.value
            for item in (section.attributes if section else ())
            if (name := item.name.upper().removesuffix("-DIGEST")) in _ALGORITHMS
        }
        if not stated:
            return f"{entry.name} is not covered by the signature"
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in stated}
        for piece in archive.chunks(entry):
            for running in sums.values():
                running.update(piece)
        if any(_base64(sums[name].digest()) != value.encode() for name, value in stated.items()):
            return f"{entry.name} was changed after it was signed"
    return ""


def _described(chain: tuple[bytes, ...]) -> Signature:
    subjects = tuple(x509.load_der_x509_certificate(der).subject.rfc4514_string() for der in chain)
    return Signature("", subjects, tuple(hashlib.sha256(der).hexdigest() for der in chain))


def _content(archive: ZipArchive, name: str) -> bytes | None:
    entry = archive.find(name)
    return None if entry is None else archive.read(entry)


def _base64(digest: bytes) -> bytes:
    return base64.b64encode(digest)
