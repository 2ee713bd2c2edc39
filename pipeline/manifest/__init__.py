"""The manifest of a finished image: made from what was built, written as canonical JSON, read strictly."""

from pipeline.manifest.build import build_manifest
from pipeline.manifest.codec import FORMAT, VERSION, tree_digest
from pipeline.manifest.reading import from_bytes, known_without_tree, to_bytes
from pipeline.manifest.release_statement import ReleaseStatement, release_from_bytes, release_to_bytes
from pipeline.manifest.schema import SCHEMA

# What the signature of a manifest is bound to (ssh-keygen -Y sign -n): made for anything else, it does not fit.
NAMESPACE = FORMAT

__all__ = [
    "FORMAT", "NAMESPACE", "SCHEMA", "VERSION", "ReleaseStatement", "build_manifest", "from_bytes",
    "known_without_tree", "release_from_bytes", "release_to_bytes", "to_bytes", "tree_digest",
]  # fmt: skip
