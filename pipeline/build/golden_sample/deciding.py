"""Golden: what of the golden sample travels, what stays behind and why, what of the documents' list is missing."""

from __future__ import annotations

from pipeline.build import reading
from pipeline.build.golden_sample import lock as golden_lock
from pipeline.classification import review
from pipeline.classification.item import Kind
from pipeline.host.digests import key_of
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace


def is_read(workspace: Workspace) -> bool:
    """Whether this golden sample has been read and told of."""
    return is_current(workspace.record("golden"), _key(workspace))


def read_and_tell(workspace: Workspace, say: Say) -> None:
    """Read the export; everything wrong with it, or undecided about it, is reported at once."""
    workspace.make_state()
    release = reading.release_of(workspace)
    golden = reading.golden_of(workspace)
    _, items = golden_lock.judged(workspace, release.golden)
    settings = sum(item.key.kind is Kind.PROPERTY for item in items)
    say(
        f"golden sample of {golden.esf_version}: snapshot with {settings} settings, {len(golden.packages)} deployment "
        f"packages, {len(golden.network)} network files"
    )
    for warning in golden.warnings:
        say(f"warning: {warning}")
    for path, reason in golden.refused:
        say(f"left behind: {path}: {reason}")
    for item in golden.missing:
        say(f"not in the export: {item}")
    changes = review.changes(items, golden_lock.read_lock(workspace, release))
    if changes:
        say(f"{len(changes)} changes since {release.golden_lock} was accepted: doit golden --diff")
    write_record(workspace.record("golden"), _key(workspace), [])


def _key(workspace: Workspace) -> str:
    release = reading.release_of(workspace)
    golden = reading.golden_of(workspace)
    _, items = golden_lock.judged(workspace, release.golden)
    return key_of(
        sha256=golden.sha256,
        refused=[list(item) for item in golden.refused],
        missing=list(golden.missing),
        warnings=list(golden.warnings),
        changes=[str(change) for change in review.changes(items, golden_lock.read_lock(workspace, release))],
    )
