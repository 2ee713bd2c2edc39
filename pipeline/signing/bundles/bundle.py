"""Signs bundles in this process, in the one shape all gateways accept, so that the same bundle gives the same bytes.

JDK 17's jarsigner is no substitute: the framework of ESF 5 silently takes what it signs for unsigned.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import PipelineError
from pipeline.formats.archive import zip_archive
from pipeline.formats.archive.zip_archive import Kept, NewFile, ZipArchive, ZipEntry
from pipeline.formats.crypto import signature_block
from pipeline.formats.java import jar, jar_manifest
from pipeline.formats.java.jar_manifest import Manifest, Section
from pipeline.signing.bundles.inspection import digests_of, inspect
from pipeline.signing.keys.signers import BundleSigner

Mode = Literal["refuse", "replace", "keep"]

_CREATED_BY = "gateway-image-pipeline"
_DIGEST = "SHA-256-Digest"


def sign_bundle(bundle: bytes, signer: BundleSigner, mode: Mode = "refuse", *, name: str = "bundle") -> bytes:
    """A signed bundle.

    Args:
        mode: of a bundle that is signed already: ``refuse``; ``replace`` all signatures by ours; ``keep`` it as it is,
            once its signature has been checked.
        name: what the user calls the bundle, for messages.

    Raises:
        PipelineError: not a bundle that can be signed: hostile or damaged archive, malformed manifest, nothing in it
            to be signed, signed already, or kept with a signature that gateways would not accept.
    """
    archive = zip_archive.read_archive(zip_archive.MemorySource(bundle), name)
    parts = _parts(archive, signer, mode)
    return bundle if parts is None else b"".join(zip_archive.write_archive(parts, name))


@dataclass(frozen=True)
class Unsigned:
    """A bundle that has everything but its signature.

    Attributes:
        signature_file: what is to be signed; the same whoever signs.
    """

    archive: ZipArchive
    manifest: bytes
    signature_file: bytes


def unsigned(archive: ZipArchive, mode: Mode, *, accept_ec: bool = False, by_jdk: bool = False) -> Unsigned | None:
    """What is to be signed of a bundle; None when it is kept as it is (then its signature has been checked).

    Raises:
        PipelineError: see `sign_bundle`.
    """
    names = [entry.name for entry in archive.entries]
    misspelt = jar.misspelt(names)
    if misspelt is not None:
        raise PipelineError(f"{archive.name}: its manifest is called {misspelt}", f"call it {jar.MANIFEST}")
    signed = any(jar.is_signature_file(name) for name in names)
    if signed and mode == "refuse":
        raise PipelineError(
            f"{archive.name}: it is signed already",
            'say under [keys] in gateway.toml: resign = "keep" its signature, or "replace" it',
        )
    if signed and mode == "keep":
        inspect(archive, accept_ec=accept_ec, by_jdk=by_jdk)
        return None
    manifest = _covering(archive, _manifest(archive, replace=mode == "replace"))
    return Unsigned(archive, manifest.render(), jar_manifest.signature_file(manifest, _CREATED_BY))


def _parts(archive: ZipArchive, signer: BundleSigner, mode: Mode) -> list[NewFile | Kept] | None:
    """The signed archive's parts, or None when it is kept as it is."""
    bundle = unsigned(archive, mode, accept_ec=signer.elliptic, by_jdk=signer.beside_jdk)
    if bundle is None:
        return None
    block = signer.block(bundle.signature_file, archive.name)
    wrong = signature_block.check_shape(block, accept_ec=signer.elliptic, timestamped=signer.timestamped)
    wrong += jar_manifest.check_signature_file(bundle.signature_file, bundle.manifest)
    if wrong:
        raise AssertionError(f"{archive.name}: our own signature is not in shape: {wrong}")
    file_name, block_name = jar.signature_names(signer.name, "EC" if signer.elliptic else "RSA")
    return [
        NewFile(jar.MANIFEST, bundle.manifest),
        NewFile(file_name, bundle.signature_file),
        NewFile(block_name, block),
        *(
            Kept(archive, entry)
            for entry in archive.entries
            if entry.name != jar.MANIFEST and not jar.is_signature_file(entry.name)
        ),
    ]


def _manifest(archive: ZipArchive, *, replace: bool) -> Manifest:
    entry = archive.find(jar.MANIFEST)
    data = archive.read(entry) if entry is not None else b""
    if not data.strip():
        return jar_manifest.new_manifest()
    manifest = jar_manifest.parse_manifest(data, f"{archive.name}: {jar.MANIFEST}")
    return manifest.without_digests() if replace else manifest


def _covering(archive: ZipArchive, manifest: Manifest) -> Manifest:
    """The manifest with a SHA-256 digest for every entry that a signature covers."""
    covered = [entry for entry in archive.entries if jar.is_covered(entry.name)]
    if not covered:
        raise PipelineError(
            f"{archive.name}: it holds only a manifest, and gateways do not trust a signature of that alone",
            "put at least one file into the bundle",
        )
    changed: dict[str, Section] = {}
    added: list[Section] = []
    for entry in covered:
        section = manifest.by_name.get(entry.name)
        if section is None:
            added.append(
                jar_manifest.new_section(entry.name, _DIGEST, digests_of(archive, entry, ["sha256"])["sha256"])
            )
            continue
        known = {item.name.lower().removesuffix("-digest"): item.value for item in section.attributes if item.is_digest}
        digest = _checked(archive, entry, known)
        if "sha-256" not in known:
            changed[entry.name] = section.with_attribute(_DIGEST, digest)
    kept = tuple(changed.get(section.name, section) for section in manifest.sections)
    return Manifest(manifest.main, (*kept, *added))


def _checked(archive: ZipArchive, entry: ZipEntry, known: dict[str, str]) -> str:
    """The entry's SHA-256; digests the manifest already has must be right, because Java checks all of them."""
    algorithms = {name: name.replace("-", "") for name in known}
    remedy = 'sign with mode "replace", which removes digests of former signatures'
    if not set(algorithms.values()) <= hashlib.algorithms_guaranteed - {"shake128", "shake256"}:
        raise PipelineError(f"{archive.name}: its manifest has a digest of unknown kind for {entry.name}", remedy)
    found = digests_of(archive, entry, ["sha256", *algorithms.values()])
    if any(found[algorithms[name]] != value for name, value in known.items()):
        raise PipelineError(f"{archive.name}: its manifest has a stale digest of {entry.name}", remedy)
    return found["sha256"]
