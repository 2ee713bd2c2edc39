"""Files on FAT partitions of a base, which the readers of ext do not see; their digests are in the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.model.disk import Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding, Outcome


def read_fat(
    raw: Path, manifest: Manifest, wanted: Collection[GuestPath]
) -> tuple[dict[GuestPath, bytes], tuple[Finding, ...]]:
    """Content of the files that are wanted and lie on FAT, by mtools, each compared with its digest."""
    contents: dict[GuestPath, bytes] = {}
    findings: list[Finding] = []
    for path in sorted(wanted):
        partition = _partition_of(manifest, path)
        if partition is None or partition.filesystem != "vfat" or partition.mountpoint is None:
            continue
        below = "/" + "/".join(path.parts[len(partition.mountpoint.parts) :])
        try:
            done = tools.run(
                "mcopy",
                *("-n", "-i", f"{raw}@@{partition.start}", f"::{below}", "-"),
                reason=f"read {path}",
                env={"MTOOLSRC": "/dev/null", "MTOOLS_SKIP_CHECK": "1"},
                timeout=60,
            )
        except PipelineError as error:
            findings.append(Finding(path, "readable", "", error.problems[0].what, Outcome.NOT_LOOKED))
            continue
        node, digest = manifest.tree.get(path), hashlib.sha256(done.stdout).hexdigest()
        if node is not None and node.sha256 not in (None, digest):
            findings.append(Finding(path, "content", f"sha256:{node.sha256}", f"sha256:{digest}"))
        contents[path] = done.stdout
    return contents, tuple(findings)


def _partition_of(manifest: Manifest, path: GuestPath) -> Partition | None:
    fitting = [
        part
        for part in manifest.disk.partitions
        if part.mountpoint is not None and (part.mountpoint == path or path.is_under(part.mountpoint))
    ]
    return max(fitting, key=lambda part: len(part.mountpoint.parts if part.mountpoint else ()), default=None)
