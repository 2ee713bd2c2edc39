"""The bill of materials as CycloneDX 1.6 in JSON (ECMA-424)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.formats.canonical_json import dumps
from pipeline.model.manifest import Manifest
from pipeline.standards.installed import InstalledPackage
from pipeline.standards.parts import IMAGE, TOOL, Part, Sort, identifier, moment, parts_of

_TYPES = {
    Sort.DISTRIBUTION: "library",
    Sort.PLATFORM: "library",
    Sort.PACKAGE: "application",
    Sort.BUNDLE: "library",
}
_Object = dict[str, object]


def cyclonedx(manifest: Manifest, packages: Sequence[InstalledPackage]) -> bytes:
    """The image as a firmware component and everything known to be in it; canonical JSON.

    Licences are left out, which is this standard's way to assert nothing.

    Args:
        packages: from the image's own databases; none when it has none, and then its composition is ``incomplete``.
    """
    parts = parts_of(manifest, packages)
    sources = manifest.sources
    image: _Object = {
        "type": "firmware",
        "bom-ref": IMAGE,
        "name": manifest.gateway,
        "version": manifest.release,
        "hashes": _hashes(manifest.image.sha256),
        "pedigree": {
            "ancestors": [
                {"type": "firmware", "name": sources.vanilla_file, "hashes": _hashes(sources.vanilla_sha256)},
            ],
            "notes": f"{len(manifest.changes)} paths differ from the vanilla image; manifest.json lists each with "
            "its reason",
        },
        "properties": [_property("file", manifest.image.file), _property("size", str(manifest.image.size))],
    }
    return dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{identifier(manifest, 'cyclonedx')}",
            "version": 1,
            "metadata": {
                "timestamp": moment(manifest),
                "lifecycles": [{"phase": "post-build"}],
                "tools": {"components": [{"type": "application", "name": TOOL, "version": sources.pipeline_version}]},
                "component": image,
            },
            "components": [_component(part) for part in parts],
            "dependencies": [{"ref": IMAGE, "dependsOn": sorted(part.ref for part in parts)}],
            "compositions": list(_compositions(parts, complete=bool(packages))),
        }
    )


def _component(part: Part) -> _Object:
    component: _Object = {
        "type": _TYPES[part.sort],
        "bom-ref": part.ref,
        "name": part.name,
        "properties": [_property("sort", part.sort.value), *(_property(name, value) for name, value in part.notes)],
    }
    if part.version:
        component["version"] = part.version
    if part.purl:
        component["purl"] = part.purl
    if part.sha256:
        component["hashes"] = _hashes(part.sha256)
    if part.parts:
        component["components"] = [_component(inner) for inner in part.parts]
    return component


def _compositions(parts: Sequence[Part], *, complete: bool) -> Iterator[_Object]:
    """How far the lists can be relied on.

    Of the image nobody can know: even with a database, files may have come in beside it. Of a deployment package all
    bundles are listed, because each was opened to be signed.
    """
    yield {"aggregate": "unknown" if complete else "incomplete", "assemblies": [IMAGE]}
    whole = sorted(part.ref for part in parts if part.sort is Sort.PACKAGE)
    if whole:
        yield {"aggregate": "complete", "assemblies": whole}


def _property(name: str, value: str) -> _Object:
    return {"name": f"{TOOL}:{name}", "value": value}


def _hashes(sha256: str) -> list[_Object]:
    return [{"alg": "SHA-256", "content": sha256}]
