"""Comparing a finished image with its manifest: every deviation, named. `pipeline.verification` does the looking."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pipeline.formats.tree_text import format_node
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import ImageFacts, Manifest
from pipeline.model.observation import Observation
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.verdict import Finding, Outcome

_MOST_NAMED = 12  # secret files named where bytes changed and no path shows it


def compare(
    manifest: Manifest, observation: Observation, image: ImageFacts, *, deep: bool = False
) -> tuple[Finding, ...]:
    """All deviations of an image that was read afresh: bytes first, then the disk, then paths in their order.

    Args:
        image: digests of the image file itself.
        deep: content of every file was to be read; without it, of what `paths_to_digest` names.
    """
    tree = tuple(compare_tree(manifest, observation, deep=deep))
    return (
        *compare_image(manifest, image),
        *compare_disk(manifest.disk, observation.disk),
        *_cleanliness(observation),
        *tree,
        *_unexplained(manifest, image, tree, deep=deep),
    )


def expected_tree(manifest: Manifest) -> Tree:
    """Every path the image must have; a regular file without digest has secret content."""
    return manifest.tree


def paths_to_digest(manifest: Manifest, *, deep: bool) -> Collection[GuestPath] | None:
    """Whose content is to be read: all files (None) when deep, else every changed file that has a digest."""
    if deep:
        return None
    return tuple(path for path in manifest.changes if _digest_of(manifest.tree.get(path)) is not None)


def compare_image(manifest: Manifest, image: ImageFacts) -> Iterator[Finding]:
    """The image as bytes: size, digest, each partition, and what lies outside all partitions."""
    name, expected = manifest.image.file, manifest.image
    yield from _differ(name, "size", str(expected.size), str(image.size))
    yield from _differ(name, "sha256", expected.sha256, image.sha256)
    for part in manifest.disk.partitions:
        seen = image.partitions.get(part.number, "not in the image")
        yield from _differ(name_of(part), "sha256", expected.partitions[part.number], seen)
    yield from _differ("outside all partitions", "sha256", expected.outside, image.outside)


def compare_disk(expected: Disk, seen: Disk) -> Iterator[Finding]:
    """The partition table and what each partition says of itself."""
    yield from _differ("partition table", "type", expected.table, seen.table)
    yield from _differ("disk", "size", str(expected.size), str(seen.size))
    found = {part.number: part for part in seen.partitions}
    for part in expected.partitions:
        other = found.pop(part.number, None)
        if other is None:
            yield Finding(name_of(part), "missing", f"{part.size} bytes at {part.start}", "not there")
            continue
        for field in ("start", "size", "filesystem", "label", "uuid", "mountpoint"):
            yield from _differ(name_of(part), field, str(getattr(part, field)), str(getattr(other, field)))
    for other in found.values():
        yield Finding(name_of(other), "extra", "not there", f"{other.size} bytes at {other.start}")


def compare_tree(manifest: Manifest, observation: Observation, *, deep: bool) -> Iterator[Finding]:
    """Every path by name and metadata, and the content of those that were to be read."""
    expected, seen = expected_tree(manifest), observation.tree
    listed = paths_to_digest(manifest, deep=deep)
    to_read = None if listed is None else frozenset(listed)
    for path in sorted({*expected.nodes, *seen.nodes}):
        wanted, found = expected.get(path), seen.get(path)
        if wanted is None and found is not None:
            yield Finding(path, "extra", "not there", _metadata(found))
        elif wanted is not None and found is None:
            yield Finding(path, "missing", _metadata(wanted), "not there")
        elif wanted is not None and found is not None:
            yield from _compare_node(path, wanted, found, read=to_read is None or path in to_read)


def name_of(part: Partition) -> str:
    """How a partition is called in findings."""
    return f"partition {part.number} ({part.mountpoint or part.filesystem})"


def _compare_node(path: GuestPath, wanted: Node, found: Node, *, read: bool) -> Iterator[Finding]:
    if wanted.kind is not found.kind:
        yield Finding(path, "type", _metadata(wanted), _metadata(found))
        return
    yield from _differ(path, "mode", f"{wanted.mode:04o}", f"{found.mode:04o}")
    yield from _differ(path, "owner", f"{wanted.uid}:{wanted.gid}", f"{found.uid}:{found.gid}")
    yield from _differ(path, "xattrs", _xattrs(wanted), _xattrs(found))
    yield from _differ(path, "target", wanted.target, found.target)
    yield from _differ(path, "device", wanted.device, found.device)
    yield from _differ(path, "size", str(wanted.size), str(found.size))
    if wanted.sha256 is None or not read:
        return
    if found.sha256 is None:
        yield Finding(path, "content", f"sha256:{wanted.sha256}", "was not read", Outcome.NOT_LOOKED)
    else:
        yield from _differ(path, "content", f"sha256:{wanted.sha256}", f"sha256:{found.sha256}")


def _differ(subject: str, check: str, expected: str, seen: str) -> Iterator[Finding]:
    if expected != seen:
        yield Finding(subject, check, expected or "none", seen or "none")


def _cleanliness(observation: Observation) -> Iterator[Finding]:
    if not observation.clean:
        yield Finding(
            "file systems", "clean", "as built", "need journal replay: booted, mounted or damaged since the build"
        )


def _unexplained(manifest: Manifest, image: ImageFacts, found: Collection[Finding], *, deep: bool) -> Iterator[Finding]:
    """Name what can have changed where a partition's bytes differ and none of its paths does."""
    mounts = {part.mountpoint: part for part in manifest.disk.partitions if part.mountpoint is not None}
    shown = {mount_of(GuestPath(finding.subject), mounts) for finding in found}
    for mount, part in sorted(mounts.items()):
        if image.partitions.get(part.number) in (None, manifest.image.partitions[part.number]) or mount in shown:
            continue
        secret = [
            path for path, change in manifest.changes.items() if change.secret and mount_of(path, mounts) == mount
        ]
        names = ", ".join(secret[:_MOST_NAMED]) + (" and more" if len(secret) > _MOST_NAMED else "")
        causes = ["free space or file-system metadata"]
        if secret:
            causes.append(f"content that has no digest because it is secret ({names})")
        if not deep:
            causes.append("content of a file that the build did not change (--deep reads it)")
        yield Finding(
            name_of(part), "unexplained", "unchanged bytes", f"no path deviates; changed: {', or '.join(causes)}"
        )


def mount_of(path: GuestPath, mounts: Collection[GuestPath]) -> GuestPath | None:
    """The mount point a path lies under, the nearest one; None when there is none."""
    return next((place for place in (path, *reversed(path.ancestors())) if place in mounts), None)


def _metadata(node: Node) -> str:
    """A node in one line without its content."""
    line = format_node(node)
    return line.partition(" sha256:")[0].removesuffix(" secret")


def _xattrs(node: Node) -> str:
    return " ".join(f"{name}={value}" for name, value in node.xattrs)


def _digest_of(node: Node | None) -> str | None:
    return node.sha256 if node is not None and node.kind is Kind.FILE else None
