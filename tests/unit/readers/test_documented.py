"""The page about readers names every one and what it decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.readers.all_readers import READERS

PAGE = (Path(__file__).resolve().parents[3] / "docs/reference/readers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.id)
def test_every_reader_has_a_row(reader: object) -> None:
    row = re.search(rf"(?m)^\| [^|]*`{reader.id}`[^|]*\| .+ \|(.*)\|$", PAGE)  # type: ignore[attr-defined]
    assert row is not None
    assert set(re.findall(r"`([^`]+)`", row[1])) == set(reader.decides) or not reader.decides  # type: ignore[attr-defined]
