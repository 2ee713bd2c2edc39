"""Completion records: a step is done when its record says so, its inputs are the same and its outputs are untouched.

doit's own database is written when doit ends and looks at the existence of targets only; a record is written the
moment a step is complete and notices truncated, altered and replaced outputs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.host.digests import identity_of, sha256_of, write_atomically


@dataclass(frozen=True)
class Output:
    """A file a step made: its digest, and what the file system said of it when the step ended."""

    sha256: str
    identity: str


@dataclass(frozen=True)
class Record:
    """What a finished step left behind.

    Attributes:
        key: digest over everything that went in.
        outputs: by absolute path, as the workspace lies now.
        notes: further public facts of the step, for the steps after it.
    """

    key: str
    outputs: Mapping[str, Output]
    notes: Mapping[str, str] = field(default_factory=dict)


def write_record(
    file: Path,
    key: str,
    outputs: Sequence[Path],
    *,
    notes: Mapping[str, str] | None = None,
    known: Mapping[Path, str] | None = None,
) -> None:
    """Record that a step is complete.

    Args:
        outputs: files it made.
        known: digests of outputs that were hashed already.
    """
    digests = known or {}
    content = {
        "key": key,
        "notes": dict(notes or {}),
        "outputs": {
            _name(path, file): {"identity": identity_of(path), "sha256": digests.get(path) or sha256_of(path)}
            for path in outputs
        },
    }
    write_atomically(file, canonical_json.dumps(content), 0o600)


def read_record(file: Path) -> Record | None:
    """The record in a file; None when there is none or it cannot be read (then the step is simply done again).

    A record speaks of the files beside it, wherever it lies: a workspace that was copied, moved or restored is judged
    by its own files. Records of former versions, which named files in full, are none.
    """
    try:
        content = json.loads(file.read_bytes())
        return Record(
            str(content["key"]),
            {
                _path(str(name), file): Output(str(about["sha256"]), str(about["identity"]))
                for name, about in content["outputs"].items()
            },
            {str(name): str(note) for name, note in content["notes"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _name(path: Path, record: Path) -> str:
    """Relative to the record, by names alone: what a link leads to is not asked."""
    return os.path.relpath(path.absolute(), record.absolute().parent)


def _path(name: str, record: Path) -> str:
    if Path(name).is_absolute():
        raise ValueError(name)
    return os.path.normpath(record.absolute().parent / name)


def is_current(file: Path, key: str) -> bool:
    """Whether a step need not be done again: same inputs, outputs as they were left.

    Outputs whose identity changed are hashed again, so that a copied or re-owned workspace need not be rebuilt.
    """
    record = read_record(file)
    return (
        record is not None
        and record.key == key
        and all(_untouched(Path(path), output) for path, output in record.outputs.items())
    )


def _untouched(path: Path, output: Output) -> bool:
    try:
        if path.is_symlink() or not path.is_file():
            return False
        return identity_of(path) == output.identity or sha256_of(path) == output.sha256
    except (OSError, PipelineError):
        return False
