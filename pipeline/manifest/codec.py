"""A manifest as a JSON value and back; the schema has been checked before anything is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.formats.canonical_json import dumps
from pipeline.formats.tree_text import escape, format_tree, parse_tree, unescape
from pipeline.manifest.codec_changes import change_json, origins_json, read_change, read_origins
from pipeline.manifest.codec_readers import read_reader, reader_json
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import (
    CertificateFacts,
    ImageFacts,
    Keystore,
    Manifest,
    Package,
    RegionFact,
    RuleFact,
    SidecarFact,
    Sources,
    Step,
    WaiverFact,
)
from pipeline.model.outside.raw_region import Region
from pipeline.model.tree import Tree
from pipeline.model.trust import SignedBundle

FORMAT = "gateway-image-manifest"
VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_json(manifest: Manifest) -> dict[str, object]:
    """The value that `canonical_json.dumps` writes."""
    value: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "release": {"name": manifest.release, "epoch": manifest.epoch, "production": manifest.production},
        "gateway": {"name": manifest.gateway, "serial": manifest.serial},
        "inputs": _sources(manifest.sources),
        "disk": _disk(manifest.disk),
        "image": _image(manifest.image),
        "changes": {escape(path): change_json(change) for path, change in manifest.changes.items()},
        "tree": {
            "sha256": tree_digest(manifest.tree),
            "paths": len(manifest.tree),
            "directories": format_tree(manifest.tree),
        },
        "packages": [_package(package) for package in manifest.packages],
        "keystores": {keystore.path: _keystore(keystore) for keystore in manifest.keystores},
        "facts": manifest.facts,
        "steps": [{"text": step.text, "document": step.document} for step in manifest.steps],
        "rules": {
            "profile": manifest.profile,
            "outcomes": {rule.id: _rule(rule) for rule in manifest.rules},
        },
    }
    # Only of boards that have them; the manifest of any other looks as it always did.
    if manifest.raw:
        value["raw"] = [_region(fact) for fact in manifest.raw]
    if manifest.sidecars:
        value["sidecars"] = {sidecar.file: _sidecar(sidecar) for sidecar in manifest.sidecars}
    if manifest.readers:
        value["readers"] = [reader_json(fact) for fact in manifest.readers]
    return value


def from_json(value: Mapping[str, Any], *, tree: Tree | None = None) -> Manifest:
    """The manifest of such a value.

    Args:
        tree: taken instead of the value's own, which then nobody reads.

    Raises:
        ValueError: something the schema cannot express is wrong with a path, a line of the tree or its digest.
    """
    if tree is None:
        tree = parse_tree(value["tree"]["directories"])
        if value["tree"]["sha256"] != tree_digest(tree) or value["tree"]["paths"] != len(tree):
            raise ValueError("tree.sha256 or tree.paths is not that of tree.directories")
    changes = [read_change(GuestPath(unescape(path)), change) for path, change in value["changes"].items()]
    return Manifest(
        release=value["release"]["name"],
        epoch=value["release"]["epoch"],
        production=value["release"]["production"],
        gateway=value["gateway"]["name"],
        serial=value["gateway"]["serial"],
        sources=_read_sources(value["inputs"]),
        disk=_read_disk(value["disk"]),
        image=_read_image(value["image"]),
        changes={change.path: change for change in changes},
        tree=tree,
        packages=tuple(_read_package(package) for package in value["packages"]),
        keystores=tuple(_read_keystore(GuestPath(path), store) for path, store in value["keystores"].items()),
        facts=value["facts"],
        steps=tuple(Step(**step) for step in value["steps"]),
        profile=value["rules"]["profile"],
        rules=tuple(_read_rule(name, rule) for name, rule in value["rules"]["outcomes"].items()),
        raw=tuple(
            RegionFact(Region(fact["offset"], fact["size"]), fact["sha256"], read_origins(fact))
            for fact in value.get("raw", ())
        ),
        sidecars=tuple(
            SidecarFact(name, **{**fact, "origins": read_origins(fact)})
            for name, fact in value.get("sidecars", {}).items()
        ),
        readers=tuple(read_reader(fact) for fact in value.get("readers", ())),
    )


def _region(fact: RegionFact) -> dict[str, object]:
    return {
        "offset": fact.region.offset,
        "size": fact.region.size,
        "sha256": fact.sha256,
        "origins": origins_json(fact.origins),
    }


def _sidecar(fact: SidecarFact) -> dict[str, object]:
    return {
        "size": fact.size,
        "sha256": fact.sha256,
        "device": fact.device,
        "offset": fact.offset,
        "origins": origins_json(fact.origins),
    }


def _rule(rule: RuleFact) -> dict[str, object]:
    value: dict[str, object] = {
        "title": rule.title,
        "documents": list(rule.documents),
        "outcome": rule.outcome,
        "why": rule.why,
    }
    if rule.breaches:
        value["breaches"] = list(rule.breaches)
    if rule.waiver is not None:
        value["waiver"] = {"reason": rule.waiver.reason, "by": rule.waiver.by, "until": rule.waiver.until}
    return value


def _read_rule(name: str, value: Mapping[str, Any]) -> RuleFact:
    return RuleFact(
        name,
        value["title"],
        tuple(value["documents"]),
        value["outcome"],
        value["why"],
        tuple(value.get("breaches", ())),
        WaiverFact(**value["waiver"]) if "waiver" in value else None,
    )


def tree_digest(tree: Tree) -> str:
    """SHA-256 of the canonical JSON of ``tree.directories``: names, metadata and content of a whole image."""
    return hashlib.sha256(dumps(format_tree(tree))).hexdigest()


def _sources(sources: Sources) -> dict[str, object]:
    return {
        "vanilla": {"file": sources.vanilla_file, "sha256": sources.vanilla_sha256},
        "golden": {
            "sha256": sources.golden_sha256,
            "lock_sha256": sources.golden_lock_sha256,
            "esf_version": sources.golden_esf_version,
        },
        "configuration": {"sha256": sources.configuration_sha256},
        "inventory": {"sha256": hashlib.sha256(dumps(sources.inventory)).hexdigest(), "row": dict(sources.inventory)},
        "overlays": dict(sources.overlays),
        "certificates": [_certificate(certificate) for certificate in sources.certificates],
        "pipeline": {"version": sources.pipeline_version, "sha256": sources.pipeline_sha256},
        "tools": dict(sources.tools),
    }


def _read_sources(value: Mapping[str, Any]) -> Sources:
    return Sources(
        vanilla_file=value["vanilla"]["file"],
        vanilla_sha256=value["vanilla"]["sha256"],
        golden_sha256=value["golden"]["sha256"],
        golden_lock_sha256=value["golden"]["lock_sha256"],
        golden_esf_version=value["golden"]["esf_version"],
        configuration_sha256=value["configuration"]["sha256"],
        inventory=value["inventory"]["row"],
        overlays=value["overlays"],
        certificates=tuple(_read_certificate(certificate) for certificate in value["certificates"]),
        pipeline_version=value["pipeline"]["version"],
        pipeline_sha256=value["pipeline"]["sha256"],
        tools=value["tools"],
    )


def _disk(disk: Disk) -> dict[str, object]:
    return {
        "size": disk.size,
        "table": disk.table,
        "partitions": [
            {
                "number": part.number,
                "start": part.start,
                "size": part.size,
                "filesystem": part.filesystem,
                "label": part.label,
                "uuid": part.uuid,
                "mountpoint": part.mountpoint,
            }
            for part in disk.partitions
        ],
    }


def _read_disk(value: Mapping[str, Any]) -> Disk:
    return Disk(
        size=value["size"],
        table=value["table"],
        partitions=tuple(
            Partition(**{**part, "mountpoint": part["mountpoint"] and GuestPath(part["mountpoint"])})
            for part in value["partitions"]
        ),
    )


def _image(image: ImageFacts) -> dict[str, object]:
    return {
        "file": image.file,
        "size": image.size,
        "sha256": image.sha256,
        "partitions": {str(number): digest for number, digest in image.partitions.items()},
        "outside": image.outside,
    }


def _read_image(value: Mapping[str, Any]) -> ImageFacts:
    digests = {int(number): digest for number, digest in value["partitions"].items()}
    return ImageFacts(**{**value, "partitions": dict(sorted(digests.items()))})


def _package(package: Package) -> dict[str, object]:
    return {
        "file": package.file_name,
        "symbolic_name": package.symbolic_name,
        "version": package.version,
        "sha256_before": package.sha256_before,
        "sha256_after": package.sha256_after,
        "bundles": [
            {
                "file": bundle.name,
                "symbolic_name": bundle.symbolic_name,
                "version": bundle.version,
                "sha256_before": bundle.sha256_before,
                "sha256_after": bundle.sha256_after,
                "signers": list(bundle.signer_chain),
                "signer_fingerprints": list(bundle.signer_fingerprints),
                "resigned": bundle.resigned,
            }
            for bundle in package.bundles
        ],
    }


def _read_package(value: Mapping[str, Any]) -> Package:
    return Package(
        file_name=value["file"],
        symbolic_name=value["symbolic_name"],
        version=value["version"],
        sha256_before=value["sha256_before"],
        sha256_after=value["sha256_after"],
        bundles=tuple(
            SignedBundle(
                name=bundle["file"],
                symbolic_name=bundle["symbolic_name"],
                version=bundle["version"],
                sha256_before=bundle["sha256_before"],
                sha256_after=bundle["sha256_after"],
                signer_chain=tuple(bundle["signers"]),
                resigned=bundle["resigned"],
                signer_fingerprints=tuple(bundle["signer_fingerprints"]),
            )
            for bundle in value["bundles"]
        ),
    )


def _keystore(keystore: Keystore) -> dict[str, object]:
    return {"type": keystore.type, "entries": [_certificate(entry) for entry in keystore.entries]}


def _read_keystore(path: GuestPath, value: Mapping[str, Any]) -> Keystore:
    return Keystore(path, value["type"], tuple(_read_certificate(entry) for entry in value["entries"]))


def _certificate(certificate: CertificateFacts) -> dict[str, object]:
    return {
        "alias": certificate.alias,
        "subject": certificate.subject,
        "sha256": certificate.sha256,
        "not_after": (_EPOCH + timedelta(seconds=certificate.not_after)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "development": certificate.development,
        "key": certificate.key,
    }


def _read_certificate(value: Mapping[str, Any]) -> CertificateFacts:
    moment = datetime.strptime(value["not_after"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return CertificateFacts(**{**value, "not_after": int((moment - _EPOCH).total_seconds())})
