"""The golden sample's export and the decisions about it, as a workspace has them."""

from __future__ import annotations

from functools import lru_cache

from pipeline.classification import truth
from pipeline.classification.assemble import assemble, judge
from pipeline.classification.item import Item
from pipeline.classification.lock import Lock, parse, render
from pipeline.classification.review import require_decided
from pipeline.errors import PipelineError
from pipeline.host.digests import write_atomically
from pipeline.host.workspace import Workspace
from pipeline.inputs.golden_export import read_export
from pipeline.inputs.layout_files import load_layouts
from pipeline.inputs.zstd_data import unzstd
from pipeline.model.golden import Export, Golden
from pipeline.model.layout import Layout
from pipeline.model.release import Release

_MOST_BYTES = 64 << 20


@lru_cache(maxsize=2)
def judged(workspace: Workspace, export: str) -> tuple[Export, tuple[Item, ...]]:
    """The export that ``gateway.toml`` names, read and judged."""
    found = read_export(workspace.input(export))
    return found, judge(found, unzstd, layout_of(found))


def layout_of(export: Export) -> Layout | None:
    """Where a golden sample keeps what; None where its release is of no layout, which the plan refuses."""
    return truth.layout_of(export.product, export.esf_version, load_layouts())


def read_lock(workspace: Workspace, release: Release) -> Lock:
    """The decisions; none at all when the file is not there yet."""
    path = workspace.input(release.golden_lock)
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES)
        return parse(content.decode("utf-8"), release.golden_lock)
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None
    except UnicodeDecodeError:
        raise PipelineError(f"{path}: is not UTF-8", "take the version that was reviewed") from None


def write_lock(workspace: Workspace, release: Release, lock: Lock) -> None:
    """Write the decisions: they are public and are meant to be committed."""
    write_atomically(workspace.input(release.golden_lock), render(lock).encode(), 0o644)


def decided_golden(workspace: Workspace, release: Release) -> Golden:
    """The golden sample with only what travels in it.

    Raises:
        PipelineError: the export cannot be used, or something in it is still to be decided; all at once.
    """
    export, items = judged(workspace, release.golden)
    lock = read_lock(workspace, release)
    require_decided(items, lock, release.golden_lock)
    return assemble(export, items, lock, layout_of(export))
