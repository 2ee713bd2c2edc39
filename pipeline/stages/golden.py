"""Golden: what of the golden sample travels, what stays behind and why, and what the export lacks."""

from __future__ import annotations

from pipeline.digests import key_of
from pipeline.progress import Say
from pipeline.records import is_current, write_record
from pipeline.stages import reading
from pipeline.workspace import Workspace


def is_read(workspace: Workspace) -> bool:
    """Whether this golden sample has been read and told of."""
    return is_current(workspace.record("golden"), _key(workspace))


def read_and_tell(workspace: Workspace, say: Say) -> None:
    """Read the export; everything wrong with it is reported at once."""
    workspace.make_state()
    golden = reading.golden_of(workspace)
    say(
        f"golden sample of {golden.esf_version}: snapshot, {len(golden.packages)} deployment packages, "
        f"{len(golden.network)} network files"
    )
    for warning in golden.warnings:
        say(f"warning: {warning}")
    for path, reason in golden.refused:
        say(f"left behind: {path}: {reason}")
    for item in golden.missing:
        say(f"not in the export: {item}")
    write_record(workspace.record("golden"), _key(workspace), [])


def _key(workspace: Workspace) -> str:
    golden = reading.golden_of(workspace)
    return key_of(sha256=golden.sha256, refused=[list(item) for item in golden.refused], missing=list(golden.missing))
