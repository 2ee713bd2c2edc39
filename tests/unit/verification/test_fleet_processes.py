"""Gateways of a fleet are looked at by several processes, each with readers of its own, and told in their order."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.model.verdict import Verdict
from pipeline.verification import fleet
from pipeline.verification.fleet import Trusted


class _Readers:
    def __init__(self, made_in: int) -> None:
        self.made_in = made_in

    def afresh(self) -> _Readers:
        """As `pipeline.image.witness.looking.Readers.afresh`."""
        return _Readers(os.getpid())

    def close(self) -> None:
        """Nothing is open."""


def _shared() -> Any:
    known: Any = SimpleNamespace()
    readers: Any = _Readers(os.getpid())
    base = fleet._Base(known, known, Path("base.img"), readers, {}, known, ())
    return fleet._Shared(Path("release"), {}, Trusted(Path("signers"), None, None), base)


def _told(shared: Any, name: str) -> fleet._Looked:
    return fleet._Looked(Verdict(name, (), (f"{os.getpid()}", f"{shared.base.readers.made_in}")), name)


@pytest.mark.parametrize(("count", "apart"), [(fleet._FEW - 1, False), (fleet._FEW + 9, True)])
def test_order_and_readers(count: int, apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few gateways are looked at here; many elsewhere, never through the sockets of this process."""
    monkeypatch.setattr(fleet, "_look_at", _told)
    names = [f"gw-{number}" for number in range(count)]
    looked = list(fleet._looks(_shared(), names, 2))
    assert [one.verdict.gateway for one in looked] == names
    for one in looked:
        process, made_in = one.verdict.checks
        assert process == made_in
        assert (process != str(os.getpid())) is apart


def test_one_process_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no other is wanted."""
    monkeypatch.setattr(fleet, "_look_at", _told)
    looked = list(fleet._looks(_shared(), [f"gw-{number}" for number in range(40)], 1))
    assert {one.verdict.checks for one in looked} == {(f"{os.getpid()}", f"{os.getpid()}")}
