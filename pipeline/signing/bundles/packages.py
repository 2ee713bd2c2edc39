"""Signs the bundles inside deployment packages; a package itself stays unsigned, as the gateway's reader demands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.archive import zip_archive
from pipeline.formats.archive.zip_archive import Kept, NewFile, ZipArchive
from pipeline.formats.esf import deployment_package
from pipeline.formats.esf.deployment_package import MANIFEST, BundleEntry, Member
from pipeline.formats.java import jar_manifest
from pipeline.formats.java.jar_manifest import Section
from pipeline.model.trust import SignedBundle, SignedPackage
from pipeline.signing.bundles.bundle import Mode, sign_bundle, unsigned
from pipeline.signing.bundles.inspection import inspect
from pipeline.signing.keys.signers import BundleSigner

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]+\.dp")


@dataclass(frozen=True)
class ToBeSigned:
    """One bundle of a package, and what is to be signed of it.

    Attributes:
        package / bundle: the package's file name, and the bundle's path in it.
        sha256: of the bundle as it is now.
        signature_file: the bytes to be signed.
    """

    package: str
    bundle: str
    symbolic_name: str
    version: str
    sha256: str
    signature_file: bytes = field(repr=False)


def sign_packages(
    packages: Mapping[str, bytes], signer: BundleSigner, mode: Mode = "refuse"
) -> tuple[SignedPackage, ...]:
    """Deployment packages whose bundles are signed, sorted by file name.

    Args:
        packages: archives by file name.
        mode: of bundles that are signed already; see `pipeline.signing.bundles.bundle.sign_bundle`.

    Raises:
        PipelineError: every package and bundle that the gateway would not install or not trust.
    """
    return _all(packages, lambda file_name, content: _sign_package(file_name, content, signer, mode))


def to_be_signed(
    packages: Mapping[str, bytes], mode: Mode = "refuse", *, accept_ec: bool = False, by_jdk: bool = False
) -> tuple[ToBeSigned, ...]:
    """What `sign_packages` would have signed, in the order of packages and their bundles; raises as it does."""

    def of_package(file_name: str, content: bytes) -> list[ToBeSigned]:
        archive, package = _open(file_name, content)
        found = []
        for declared in package.bundles:
            before, inner = _open_inner(archive, declared)
            bundle = unsigned(inner, mode, accept_ec=accept_ec, by_jdk=by_jdk)
            if bundle is not None:
                digest = hashlib.sha256(before).hexdigest()
                names = (file_name, declared.name, declared.symbolic_name, declared.version)
                found.append(ToBeSigned(*names, digest, bundle.signature_file))
        return found

    return tuple(bundle for bundles in _all(packages, of_package) for bundle in bundles)


_Result = TypeVar("_Result")


def _all(packages: Mapping[str, bytes], do: Callable[[str, bytes], _Result]) -> tuple[_Result, ...]:
    """What is to be done of every package, with the problems of all; a problem of the key comes once."""
    problems: list[Problem] = []
    done: list[_Result] = []
    for file_name, content in sorted(packages.items()):
        try:
            done.append(do(file_name, content))
        except PipelineError as error:
            problems.extend(error.problems)
    raise_if_any(dict.fromkeys(problems))
    return tuple(done)


def _open(file_name: str, content: bytes) -> tuple[ZipArchive, deployment_package.DeploymentPackage]:
    if not _FILE_NAME.fullmatch(file_name):
        raise PipelineError(
            f"packages/{file_name!r}: the gateway does not decode %-escapes in the names of packages",
            "rename it, to letters, digits, dots, dashes and underscores with .dp at the end",
        )
    where = f"packages/{file_name}"
    archive = zip_archive.read_archive(zip_archive.MemorySource(content), where)
    return archive, _read(archive, where)


def _sign_package(file_name: str, content: bytes, signer: BundleSigner, mode: Mode) -> SignedPackage:
    archive, package = _open(file_name, content)
    problems: list[Problem] = []
    bundles: dict[str, tuple[bytes, SignedBundle]] = {}
    for declared in package.bundles:
        try:
            bundles[declared.name] = _sign_inner(archive, declared, signer, mode)
        except PipelineError as error:
            problems.extend(error.problems)
    raise_if_any(problems)
    parts = [
        NewFile(entry.name, bundles[entry.name][0])
        if entry.name in bundles and bundles[entry.name][1].resigned
        else Kept(archive, entry)
        for entry in archive.entries
    ]
    return SignedPackage(
        file_name,
        package.symbolic_name,
        package.version,
        b"".join(zip_archive.write_archive(parts, archive.name)),
        hashlib.sha256(content).hexdigest(),
        tuple(bundle for _, bundle in bundles.values()),
    )


def _read(archive: ZipArchive, where: str) -> deployment_package.DeploymentPackage:
    entry = archive.find(MANIFEST)
    if entry is None:
        raise PipelineError(
            f"{where}: it has no manifest: it is not a deployment package", "take it again from the golden sample"
        )
    data = archive.read(entry)
    manifest = jar_manifest.parse_manifest(data, f"{where}: {MANIFEST}")
    members = [
        Member(
            item.name,
            streamable=not (item.method == zip_archive.STORED and item.flags & zip_archive.HAS_DESCRIPTOR),
        )
        for item in archive.entries
    ]
    return deployment_package.read_package(
        members,
        _headers(manifest.main),
        {section.name: _headers(section) for section in manifest.sections},
        complete=data.endswith(b"\n"),
        where=where,
    )


def _open_inner(archive: ZipArchive, declared: BundleEntry) -> tuple[bytes, ZipArchive]:
    """A bundle of a package: its bytes, and what is in it."""
    where = f"{archive.name}: {declared.name}"
    entry = archive.find(declared.name)
    if entry is None:
        raise AssertionError(f"{where}: read_package() let a missing bundle pass")
    before = archive.read(entry, limit=1 << 30)
    inner = zip_archive.read_archive(zip_archive.MemorySource(before), where)
    manifest_entry = inner.find(MANIFEST)
    if manifest_entry is None:
        raise PipelineError(f"{where}: it has no manifest: it is not a bundle", "build the package again")
    manifest = jar_manifest.parse_manifest(inner.read(manifest_entry), f"{where}: {MANIFEST}")
    raise_if_any(deployment_package.check_bundle(declared, _headers(manifest.main), archive.name))
    return before, inner


def _sign_inner(
    archive: ZipArchive, declared: BundleEntry, signer: BundleSigner, mode: Mode
) -> tuple[bytes, SignedBundle]:
    before, inner = _open_inner(archive, declared)
    after = sign_bundle(before, signer, mode, name=inner.name)
    signed = zip_archive.read_archive(zip_archive.MemorySource(after), inner.name)
    signature = inspect(signed, accept_ec=signer.elliptic, by_jdk=signer.beside_jdk and after == before)
    if signature is None:
        raise AssertionError(f"{inner.name}: signed, yet unsigned")
    return after, SignedBundle(
        name=declared.name,
        symbolic_name=declared.symbolic_name,
        version=declared.version,
        sha256_before=hashlib.sha256(before).hexdigest(),
        sha256_after=hashlib.sha256(after).hexdigest(),
        signer_chain=signature.subjects,
        resigned=after != before,
        signer_fingerprints=signature.fingerprints,
    )


def _headers(section: Section) -> dict[str, str]:
    return {attribute.name.lower(): attribute.value for attribute in section.attributes}
