"""Why a path of an image is as it is: the manifest's origins in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.errors import PipelineError
from pipeline.formats.tree_text import format_node
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Origin
from pipeline.model.manifest import Manifest
from pipeline.model.outside.raw_region import Region
from pipeline.report.text.plain import plain


def explanation(manifest: Manifest, text: str) -> str:
    """One path: what it is, how it differs from the vanilla image, and which rule, input and line want that.

    Args:
        text: a path as a user types it; links inside the image are followed.

    Raises:
        PipelineError: no such path, neither now nor in the vanilla image.
    """
    try:
        asked = GuestPath(text)
    except ValueError:
        raise PipelineError(f"{text}: not an absolute path in the image", "such as /etc/ssh/sshd_config") from None
    path = asked if asked in manifest.changes else manifest.tree.resolve(asked)
    change, node = manifest.changes.get(path), manifest.tree.get(path)
    if change is None and node is None:
        raise PipelineError(
            f"{text}: not in the image of {manifest.gateway}, and not removed from it", "check the path with doit plan"
        )
    lines = [plain(path if path == asked else f"{asked} is {path}")]
    if node is not None:
        lines.append(f"  {plain(format_node(node))}")
    if change is None:
        lines.append(f"  as in the vanilla image {plain(manifest.sources.vanilla_file)}")
    else:
        lines.append(f"  {change.action.value} by")
        lines += _reasons(change.origins)
    return "\n".join(lines) + "\n"


def region_explanation(manifest: Manifest, stretch: Region) -> str:
    """The bytes outside all file systems that the build wrote into a stretch of the image; empty when it wrote none."""
    lines = []
    for fact in manifest.raw:
        if fact.region.overlaps(stretch):
            lines += [f"{fact.region}, in no file", "  replaced by", *_reasons(fact.origins)]
    return "".join(f"{line}\n" for line in lines)


def _reasons(origins: Iterable[Origin]) -> Iterator[str]:
    for origin in origins:
        document = f", {origin.document}" if origin.document else ""
        yield f"    {plain(origin.rule)}, from {plain(origin.source)}{document}"
