"""The snapshot, which only the console of a golden gateway gives in a form that another gateway can use (A:137)."""

from __future__ import annotations

from pathlib import Path

from pipeline.classification.documents import Part, wanted
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot

HOW = (
    "in the golden sample's console download the latest snapshot (Settings, Snapshots), and give the file with "
    "--snapshot; those on its disk are encrypted for that gateway alone (A:137)"
)


def read_snapshot(path: Path) -> tuple[str, bytes]:
    """Name and content of a downloaded snapshot.

    Raises:
        PipelineError: it is not there, not called as the console calls it, encrypted by the gateway, or one that no
            gateway could load.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read((16 << 20) + 1)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}", HOW) from None
    listed = wanted(path.name)
    if listed is None or listed.item is not Part.SNAPSHOT:
        raise PipelineError(
            f"{path}: is not called snapshot_<number>.xml, so it is not known which one it is",
            "give the file the name under which the console offered it",
        )
    if esf_snapshot.looks_encrypted(content):
        raise PipelineError(f"{path}: was taken from the gateway's disk, where only that gateway can read it", HOW)
    esf_snapshot.read(content, "A", str(path))
    return path.name, content
