"""Verifies releases of both forms: whole images, and a base with deltas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.progress import Say
from pipeline.model.verdict import Verdict
from pipeline.verification.delivery import BASE
from pipeline.verification.fleet import Trusted, is_fleet, verify_fleet
from pipeline.verification.run import verify_paths


def verify_any(
    paths: Sequence[Path],
    trusted: Trusted,
    *,
    deep: bool,
    state_dir: Path,
    say: Say,
    medium: Path | None = None,
) -> tuple[Verdict, ...]:
    """Verify releases, gateways and images of either form; see `pipeline.verification.run.verify_paths`.

    Raises:
        PipelineError: a path holds nothing to verify, or a medium is to be compared with a delta.
    """
    whole = [path for path in paths if is_fleet(path)]
    some: dict[Path, list[str]] = {}
    others: list[Path] = []
    for path in paths:
        directory = path if path.is_dir() else path.parent
        if path in whole:
            continue
        if is_fleet(directory.parent):
            some.setdefault(directory.parent, []).append(directory.resolve().name)
        else:
            others.append(path)
    if medium is not None and (whole or some):
        raise PipelineError(
            f"{medium}: a medium is compared with a whole image, but this release has deltas",
            "doit image GATEWAY, then compare the medium's first bytes with that image (cmp -n SIZE)",
        )
    verdicts: list[Verdict] = []
    for release in whole:
        verdicts += verify_fleet(release, None, trusted, deep=deep, state_dir=state_dir, say=say)
    for release, names in some.items():
        wanted = [name for name in names if name != BASE]
        verdicts += verify_fleet(release, wanted, trusted, deep=deep, state_dir=state_dir, say=say)
    if others or not paths:
        verdicts += verify_paths(
            others,
            allowed_signers=trusted.allowed_signers,
            identity=trusted.identity,
            deep=deep,
            state_dir=state_dir,
            say=say,
            at=trusted.at,
            medium=medium,
        )
    return tuple(verdicts)
