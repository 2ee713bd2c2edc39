"""The parts of an image, independent of the standard that they are then written in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pipeline.formats.tree_text import escape
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Kind
from pipeline.standards.installed import InstalledPackage
from pipeline.standards.purl import purl

TOOL = "gateway-image-pipeline"
IMAGE = "image"

# An OSGi platform's own bundles lie in plugins/ as <symbolic name>_<version>.jar (Equinox).
_PLUGIN = re.compile(r"(?P<name>.+?)_(?P<version>\d+(?:\.\d+)*(?:[.-][\w.-]+)?)\.jar")
# The UUID of version 5 of urn:gateway-image-pipeline:sbom in the name space of URLs.
_NAMESPACE = bytes.fromhex("6d59a05a2a025f5c93390f49fcda1ddc")


class Sort(StrEnum):
    """What a part is."""

    DISTRIBUTION = "distribution package"
    PLATFORM = "platform bundle"
    PACKAGE = "deployment package"
    BUNDLE = "bundle"


@dataclass(frozen=True)
class Part:
    """Something inside the image, or inside another part.

    Attributes:
        ref: unique among all parts of the image, the same in every build.
        sha256: of its file in the image; empty where the image holds no such file.
        notes: what else is known, by name; signers leaf first.
        parts: what it is made of.
    """

    sort: Sort
    ref: str
    name: str
    version: str
    purl: str = ""
    sha256: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()


def parts_of(manifest: Manifest, packages: Sequence[InstalledPackage]) -> tuple[Part, ...]:
    """Packages of the distribution, the platform's own bundles, and the deployment packages with their bundles."""
    return (*(_installed(package) for package in packages), *_platform(manifest), *_injected(manifest))


def moment(manifest: Manifest) -> str:
    """The release's epoch, the only clock, as ISO 8601."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=manifest.epoch)).strftime("%Y-%m-%dT%H:%M:%SZ")


def identifier(manifest: Manifest, document: str) -> str:
    """A UUID of version 5 (RFC 9562, 5.5) for a document about this image by this pipeline: the same in every build."""
    name = f"{document} {manifest.image.sha256} {manifest.sources.pipeline_sha256}"
    digest = hashlib.sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16]  # SHA-1 is what 5.5 says
    number = int.from_bytes(digest, "big") & ~(0xF << 76) | 5 << 76
    text = f"{number & ~(0x3 << 62) | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _installed(package: InstalledPackage) -> Part:
    notes = [("database", escape(package.database))]
    source = f"{package.source} {package.source_version}".strip()
    if source not in ("", f"{package.name} {package.version}"):
        notes.append(("source", source))
    return Part(Sort.DISTRIBUTION, package.purl, package.name, package.version, package.purl, "", tuple(notes))


def _platform(manifest: Manifest) -> Iterator[Part]:
    for path, node in sorted(manifest.tree.nodes.items()):
        found = _PLUGIN.fullmatch(path.name)
        if node.kind is Kind.FILE and node.sha256 and found is not None and path.parent.name == "plugins":
            name, version = escape(found["name"]), found["version"]
            yield Part(
                Sort.PLATFORM, escape(path), name, version, _osgi(name, version), node.sha256, (("path", escape(path)),)
            )


def _injected(manifest: Manifest) -> Iterator[Part]:
    for package in manifest.packages:
        bundles = tuple(
            Part(
                Sort.BUNDLE,
                f"{package.file_name}/{bundle.name}",
                bundle.symbolic_name or bundle.name,
                bundle.version,
                _osgi(bundle.symbolic_name, bundle.version) if bundle.symbolic_name else "",
                bundle.sha256_after,
                (
                    ("file", bundle.name),
                    ("sha256-before-signing", bundle.sha256_before),
                    ("signed", "by this release" if bundle.resigned else "as delivered"),
                    *(("signer", subject) for subject in bundle.signer_chain),
                    *(("signer-sha256", fingerprint) for fingerprint in bundle.signer_fingerprints),
                ),
            )
            for bundle in package.bundles
        )
        notes = (("file", package.file_name), ("sha256-before-signing", package.sha256_before))
        name = package.symbolic_name or package.file_name
        yield Part(Sort.PACKAGE, package.file_name, name, package.version, "", package.sha256_after, notes, bundles)


def _osgi(name: str, version: str) -> str:
    """The type ``p2``, as Eclipse's own tools write it, is proposed, not registered (purl-spec 272)."""
    return purl("p2", "", name, version, classifier="osgi.bundle")
