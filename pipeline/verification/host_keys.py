"""SSH host keys of an image against the public ones its manifest names: their files are secret and have no digest."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding
from pipeline.rules.identity.identity import host_key_files
from pipeline.rules.ssh.host_key import line_of_key, public_part


def compare_host_keys(manifest: Manifest, view: ImageView) -> Iterator[Finding]:
    """Keys the manifest does not name, whatever form they are in, and named ones of which there is no file."""
    named = manifest.facts.get("host_keys")
    if not isinstance(named, list):
        return
    seen = set()
    for path in host_key_files(view):
        public = public_part(view.files.get(view.tree.resolve(path), b""))
        if public is None:
            continue  # the rules say what it is
        text = line_of_key(public)
        seen.add(text)
        if text not in named:
            yield Finding(str(path), "host key", "one the manifest names", f"{text.split()[0]}, another key")
    for text in sorted({str(line) for line in named} - seen):
        yield Finding("SSH host keys", "missing", f"the private half of {text}", "in no file")
