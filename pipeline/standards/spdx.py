"""The bill of materials as SPDX 2.3 in JSON (ISO/IEC 5962 continued): the version whose own validator is complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from pipeline.formats.canonical_json import dumps
from pipeline.model.manifest import Manifest
from pipeline.standards.installed import InstalledPackage
from pipeline.standards.parts import IMAGE, TOOL, Part, Sort, identifier, moment, parts_of

_NOBODY_SAYS = "NOASSERTION"
_PURPOSES = {
    Sort.DISTRIBUTION: "LIBRARY",
    Sort.PLATFORM: "LIBRARY",
    Sort.PACKAGE: "APPLICATION",
    Sort.BUNDLE: "LIBRARY",
}
_Object = dict[str, object]


def spdx(manifest: Manifest, packages: Sequence[InstalledPackage]) -> bytes:
    """The image as a package that contains everything known to be in it; canonical JSON.

    Args:
        packages: from the image's own databases; none when it has none, and then the document says so.
    """
    parts = parts_of(manifest, packages)
    described = list(_described(manifest, complete=bool(packages)))
    relations: list[_Object] = [
        _relation("SPDXRef-DOCUMENT", "DESCRIBES", _id(IMAGE)),
        _relation(_id(IMAGE), "GENERATED_FROM", _id("vanilla")),
    ]
    for owner, part in _all(IMAGE, parts):
        described.append(_package(part))
        relations.append(_relation(_id(owner), "CONTAINS", _id(part.ref)))
    return dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{manifest.release}/{manifest.gateway}",
            "documentNamespace": f"urn:uuid:{identifier(manifest, 'spdx')}",
            "creationInfo": {
                "created": moment(manifest),
                "creators": [f"Tool: {TOOL}-{manifest.sources.pipeline_version}"],
            },
            "packages": described,
            "relationships": relations,
        }
    )


def _described(manifest: Manifest, *, complete: bool) -> Iterator[_Object]:
    """The image, and the vanilla image it was made from."""
    known = "" if complete else "The image has no package database that could be read: what is installed is not known. "
    yield _common(IMAGE, manifest.gateway, manifest.release, manifest.image.sha256) | {
        "packageFileName": manifest.image.file,
        "primaryPackagePurpose": "FIRMWARE",
        "comment": f"{known}Every path of the image, with its digest, is in manifest.json.",
    }
    yield _common("vanilla", manifest.sources.vanilla_file, "", manifest.sources.vanilla_sha256) | {
        "packageFileName": manifest.sources.vanilla_file,
        "primaryPackagePurpose": "FIRMWARE",
        "comment": "The vanilla image; the digest is of the raw disk.",
    }


def _package(part: Part) -> _Object:
    package = _common(part.ref, part.name, part.version, part.sha256)
    package["primaryPackagePurpose"] = _PURPOSES[part.sort]
    package["comment"] = f"{part.sort}; " + "; ".join(f"{name}: {value}" for name, value in part.notes)
    if part.purl:
        package["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part.purl}
        ]
    return package


def _common(ref: str, name: str, version: str, sha256: str) -> _Object:
    package: _Object = {
        "SPDXID": _id(ref),
        "name": name,
        "downloadLocation": _NOBODY_SAYS,
        "filesAnalyzed": False,
        "licenseConcluded": _NOBODY_SAYS,
        "licenseDeclared": _NOBODY_SAYS,
        "copyrightText": _NOBODY_SAYS,
        "supplier": _NOBODY_SAYS,
    }
    if version:
        package["versionInfo"] = version
    if sha256:
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    return package


def _all(owner: str, parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    for part in parts:
        yield owner, part
        yield from _all(part.ref, part.parts)


def _relation(left: str, kind: str, right: str) -> _Object:
    return {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right}


def _id(ref: str) -> str:
    """Letters, digits, dots and dashes only (clause 7.2); the digest keeps apart what then reads the same."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", ref.removeprefix("pkg:").partition("?")[0]).strip("-")
    return f"SPDXRef-{readable[-60:]}-{hashlib.sha256(ref.encode()).hexdigest()[:12]}"
