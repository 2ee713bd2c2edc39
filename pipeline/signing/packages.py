"""Signs the bundles inside deployment packages; a package itself stays unsigned, as the gateway's reader demands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import deployment_package, jar_manifest, zip_archive
from pipeline.formats.deployment_package import MANIFEST, BundleEntry, Member
from pipeline.formats.jar_manifest import Section
from pipeline.formats.zip_archive import Kept, NewFile, ZipArchive
from pipeline.model.trust import SignedBundle, SignedPackage
from pipeline.signing.bundle import Mode, sign_bundle
from pipeline.signing.inspection import inspect
from pipeline.signing.signers import BundleSigner

_FILE_NAME = re.compile(r"[A-Za-z0-9._-]+\.dp")


def sign_packages(
    packages: Mapping[str, bytes], signer: BundleSigner, mode: Mode = "keep"
) -> tuple[SignedPackage, ...]:
    """Deployment packages whose bundles are signed, sorted by file name.

    Args:
        packages: archives by file name.
        mode: of bundles that are signed already; see `pipeline.signing.bundle.sign_bundle`.

    Raises:
        PipelineError: every package and bundle that the gateway would not install or not trust.
    """
    problems: list[Problem] = []
    signed: list[SignedPackage] = []
    for file_name, content in sorted(packages.items()):
        try:
            signed.append(_sign_package(file_name, content, signer, mode))
        except PipelineError as error:
            problems.extend(error.problems)
    raise_if_any(problems)
    return tuple(signed)


def _sign_package(file_name: str, content: bytes, signer: BundleSigner, mode: Mode) -> SignedPackage:
    if not _FILE_NAME.fullmatch(file_name):
        raise PipelineError(
            f"packages/{file_name!r}: the gateway does not decode %-escapes in the names of packages",
            "rename it, to letters, digits, dots, dashes and underscores with .dp at the end",
        )
    where = f"packages/{file_name}"
    archive = zip_archive.read_archive(zip_archive.MemorySource(content), where)
    package = _read(archive, where)
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
        b"".join(zip_archive.write_archive(parts, where)),
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


def _sign_inner(
    archive: ZipArchive, declared: BundleEntry, signer: BundleSigner, mode: Mode
) -> tuple[bytes, SignedBundle]:
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
    after = sign_bundle(before, signer, mode, name=where)
    signature = inspect(zip_archive.read_archive(zip_archive.MemorySource(after), where))
    if signature is None:
        raise AssertionError(f"{where}: signed, yet unsigned")
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
