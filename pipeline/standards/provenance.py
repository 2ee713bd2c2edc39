"""Where an image comes from: an in-toto statement (v1) with a SLSA provenance predicate (v1).

Reproducible: no clock, no number of the run, nothing of the machine. A pure function of the manifest and of the digests
of the files beside it, so that the verifier makes it anew and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pipeline.formats.canonical_json import JsonError, dumps, loads
from pipeline.model.manifest import Manifest
from pipeline.standards.parts import TOOL

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# Explained in docs/reference/standards.md: what the parameters are, and how to run the build again.
BUILD_TYPE = f"urn:{TOOL}:build:1"
# Whoever runs this pipeline on a machine of their own; a hosted builder would sign for itself (SLSA build level 2).
BUILDER = f"urn:{TOOL}:builder:local"

_Object = dict[str, object]


def statement(manifest: Manifest, files: Mapping[str, str]) -> bytes:
    """The statement about one gateway's directory, as canonical JSON.

    Args:
        files: SHA-256 of every other file in it by name: manifest, block map, bills of materials. The image's own is in
            the manifest.
    """
    subjects = {**files, manifest.image.file: manifest.image.sha256}
    return dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": _external(manifest),
                    "internalParameters": {"tools": dict(manifest.sources.tools)},
                    "resolvedDependencies": list(_dependencies(manifest)),
                },
                "runDetails": {"builder": {"id": BUILDER, "version": {TOOL: manifest.sources.pipeline_version}}},
            },
        }
    )


def subjects_of(payload: bytes) -> Mapping[str, str]:
    """SHA-256 by name of what a statement is about.

    Raises:
        ValueError: the payload is no such statement, or names something twice.
    """
    try:
        value = cast(Mapping[str, list[Mapping[str, str | Mapping[str, str]]]], loads(payload, canonical=True))
        found = [(entry["name"], cast(Mapping[str, str], entry["digest"])["sha256"]) for entry in value["subject"]]
    except (JsonError, KeyError, TypeError):
        raise ValueError("it holds no in-toto statement in canonical form") from None
    subjects = dict(cast(list[tuple[str, str]], found))
    if len(subjects) != len(found) or not all(isinstance(text, str) for pair in found for text in pair):
        raise ValueError("it names a subject twice, or by no text")
    return subjects


def _external(manifest: Manifest) -> _Object:
    """Everything a person decides: names here are names of resolved dependencies below."""
    return {
        "configuration": "gateway.toml",
        "release": {"name": manifest.release, "epoch": manifest.epoch, "production": manifest.production},
        "gateway": {**manifest.sources.inventory, "name": manifest.gateway, "serial": manifest.serial},
        "vanilla": manifest.sources.vanilla_file,
        "golden": "golden",
        "overlays": sorted(manifest.sources.overlays),
    }


def _dependencies(manifest: Manifest) -> Iterator[_Object]:
    sources = manifest.sources
    yield _file(sources.vanilla_file, sources.vanilla_sha256, role="vanilla image, the raw disk")
    golden = {"role": "golden sample", "esf_version": sources.golden_esf_version}
    yield {"name": "golden", "digest": {"exportSha256": sources.golden_sha256}, "annotations": golden}
    yield _file("golden.lock", sources.golden_lock_sha256, role="decisions about the golden sample")
    yield _file("gateway.toml", sources.configuration_sha256, role="configuration")
    for name, digest in sorted(sources.overlays.items()):
        yield _tree(name, digest, role="overlay")
    for package in manifest.packages:
        yield _file(package.file_name, package.sha256_before, role="deployment package of the golden sample")
    for certificate in sources.certificates:
        role = "development certificate" if certificate.development else "certificate"
        descriptor = _file(certificate.alias, certificate.sha256, role=role, subject=certificate.subject)
        yield {**descriptor, "mediaType": "application/pkix-cert"}
    yield _tree(TOOL, sources.pipeline_sha256, role="pipeline", version=sources.pipeline_version)


def _file(name: str, sha256: str, **annotations: str) -> _Object:
    return {"name": name, "digest": {"sha256": sha256}, "annotations": annotations}


def _tree(name: str, digest: str, **annotations: str) -> _Object:
    """A directory; its digest is not that of one file, so its algorithm has its own name (reference/standards.md)."""
    return {"name": name, "digest": {"treeSha256": digest}, "annotations": annotations}
