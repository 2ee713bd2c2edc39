"""The JSON Schema of the manifest as a value; ``pipeline/manifest.schema.json`` is this value, shipped for other tools.

Kept as Python because the pipeline's core opens no files; a test keeps the two the same.
"""

from __future__ import annotations

from pipeline.formats.canonical_json import Json

Rule = dict[str, Json]

_NUMBER = "(0|[1-9][0-9]*)"
_OWNER = f"{_NUMBER}:{_NUMBER}"
_XATTRS = "( @[^ =]+=([0-9a-f]{2})*)*"
_LINES = (
    f"f [0-7]{{4}} {_OWNER} {_NUMBER} (sha256:[0-9a-f]{{64}}|secret){_XATTRS}",
    f"[dps] [0-7]{{4}} {_OWNER}{_XATTRS}",
    f"[cb] [0-7]{{4}} {_OWNER} {_NUMBER}:{_NUMBER}{_XATTRS}",
    f"l [0-7]{{4}} {_OWNER}{_XATTRS} -> [^\\u0000]+",
)


def _record(*optional: str, **properties: Rule) -> Rule:
    """An object with exactly these keys; all are required but those named as optional."""
    required: list[Json] = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _list(rule: Rule, *, least: int = 0) -> Rule:
    return {"type": "array", "items": rule, "minItems": least}


def _map(keys: Rule, values: Rule, *, least: int = 0) -> Rule:
    return {"type": "object", "propertyNames": keys, "additionalProperties": values, "minProperties": least}


def _text(pattern: str) -> Rule:
    return {"type": "string", "pattern": pattern}


def _ref(name: str) -> Rule:
    return {"$ref": f"#/$defs/{name}"}


def _changed(kinds: list[Json], *optional: str, **more: Rule) -> Rule:
    """A path that is in the image and differs from the vanilla image."""
    return _record(
        "xattrs",
        *optional,
        change={"enum": ["added", "replaced", "metadata"]},
        type={"enum": kinds},
        mode=_text("^[0-7]{4}$"),
        uid=_ref("id"),
        gid=_ref("id"),
        xattrs=_map(_ref("words"), _text("^([0-9a-f]{2})*$"), least=1),
        origins=_ref("origins"),
        **more,
    )


_SHA256 = _ref("sha256")
_BYTES = _ref("bytes")
_WORDS = _ref("words")
_LINE: Rule = {"type": "integer", "minimum": 1}
_ANY: Rule = {"type": "string"}
_YES_NO: Rule = {"type": "boolean"}

_DEFS: Rule = {
    "sha256": _text("^[0-9a-f]{64}$"),
    "bytes": {"type": "integer", "minimum": 0},
    "id": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "words": {"type": "string", "minLength": 1},
    "name": _text("^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"),
    "file": _text("^[^/\\u0000]+$"),
    "path": _text("^/([^/\\u0000]+(/[^/\\u0000]+)*)?$"),
    "moment": _text("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"),
    "node": _text(f"^({'|'.join(_LINES)})$"),
    "origins": _list(_record(rule=_WORDS, source=_WORDS, document=_ANY), least=1),
    "lines": _list(_record(first=_LINE, last=_LINE, rule=_WORDS, source=_WORDS, document=_ANY), least=1),
    "partition": _record(
        number=_BYTES,
        start=_BYTES,
        size=_BYTES,
        filesystem=_WORDS,
        label=_ANY,
        uuid=_ANY,
        mountpoint={"oneOf": [_ref("path"), {"type": "null"}]},
    ),
    "certificate": _record(
        alias=_WORDS, subject=_WORDS, sha256=_SHA256, not_after=_ref("moment"), development=_YES_NO, key=_YES_NO
    ),
    "bundle": _record(
        file=_WORDS,
        symbolic_name=_ANY,
        version=_ANY,
        sha256_before=_SHA256,
        sha256_after=_SHA256,
        signers=_list(_WORDS),
        signer_fingerprints=_list(_SHA256),
        resigned=_YES_NO,
    ),
    "package": _record(
        file=_ref("file"),
        symbolic_name=_ANY,
        version=_ANY,
        sha256_before=_SHA256,
        sha256_after=_SHA256,
        bundles=_list(_ref("bundle")),
    ),
    "change": {
        "oneOf": [
            _record(change={"const": "removed"}, type={"enum": list("fdlcbps")}, origins=_ref("origins")),
            _changed(["f"], "lines", size=_BYTES, sha256=_SHA256, lines=_ref("lines")),
            _changed(["f"], "lines", size=_BYTES, secret={"const": True}, lines=_ref("lines")),
            _changed(["l"], target=_WORDS),
            _changed(["c", "b"], device=_text(f"^{_OWNER}$")),
            _changed(["d", "p", "s"]),
        ]
    },
}

SCHEMA: Rule = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:gateway-image-pipeline:manifest:1",
    "title": "Manifest of a gateway image, version 1",
    "description": "docs/reference/manifest.md explains every field.",
    "$defs": _DEFS,
    **_record(
        "raw",
        "readers",
        "sidecars",
        format={"const": "gateway-image-manifest"},
        version={"type": "integer", "const": 1},
        release=_record(name=_ref("name"), epoch=_BYTES, production=_YES_NO),
        gateway=_record(name=_ref("name"), serial=_ANY),
        inputs=_record(
            vanilla=_record(file=_ref("file"), sha256=_SHA256),
            golden=_record(sha256=_SHA256, lock_sha256=_SHA256, esf_version=_WORDS),
            configuration=_record(sha256=_SHA256),
            inventory=_record(sha256=_SHA256, row={"type": "object"}),
            overlays=_map(_WORDS, _SHA256),
            certificates=_list(_ref("certificate")),
            pipeline=_record(version=_WORDS, sha256=_SHA256),
            tools=_map(_WORDS, _WORDS),
        ),
        disk=_record(size=_BYTES, table={"enum": ["mbr", "gpt", "none"]}, partitions=_list(_ref("partition"), least=1)),
        image=_record(
            file=_ref("file"),
            size=_BYTES,
            sha256=_SHA256,
            partitions=_map(_text(f"^{_NUMBER}$"), _SHA256, least=1),
            outside=_SHA256,
        ),
        changes=_map(_ref("path"), _ref("change")),
        tree=_record(
            sha256=_SHA256,
            paths=_BYTES,
            directories=_map(_ref("path"), _map(_ref("file"), _ref("node"), least=1), least=1),
        ),
        packages=_list(_ref("package")),
        keystores=_map(_ref("path"), _record(type={"enum": ["JKS", "PKCS12"]}, entries=_list(_ref("certificate")))),
        facts={"type": "object"},
        steps=_list(_record(text=_WORDS, document=_ANY)),
        rules=_record(
            profile={"enum": ["documents", "strict"]},
            outcomes=_map(
                _WORDS,
                _record(
                    "breaches",
                    "waiver",
                    title=_WORDS,
                    documents=_list(_WORDS),
                    outcome={"enum": ["pass", "fail", "not applicable", "cannot be verified offline"]},
                    why=_ANY,
                    breaches=_list(_WORDS, least=1),
                    waiver=_record(reason=_WORDS, by=_WORDS, until=_text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")),
                ),
            ),
        ),
        raw=_list(_record(offset=_BYTES, size=_BYTES, sha256=_SHA256, origins=_ref("origins")), least=1),
        readers=_list(
            _record(
                "line",
                "message",
                "by_shape",
                "version",
                reader=_WORDS,
                subject=_WORDS,
                verdict={"enum": ["yes", "no", "could not ask"]},
                message=_WORDS,
                line={"type": "integer", "minimum": 1},
                program=_ANY,
                version=_WORDS,
                source={"enum": ["image", "host"]},
                read=_list(_WORDS),
                sha256=_SHA256,
                by_shape={"const": True},
            ),
            least=1,
        ),
        sidecars=_map(
            _ref("file"),
            _record(size=_BYTES, sha256=_SHA256, device=_WORDS, offset={"type": "integer"}, origins=_ref("origins")),
            least=1,
        ),
    ),
}
