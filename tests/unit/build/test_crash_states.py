"""A build, a publication and what else writes die at calls that change the disk; the next run makes good.

A sample: `tests/long/crash_states.py` does it at every call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crash import interrupting
from tests.support.crash.fleet import fleet_stand_ins
from tests.support.crash.scenarios import SCENARIOS, WITHOUT_EXCHANGE
from tests.support.crash.states import Scenario, Trials
from tests.support.crash.workspace import stand_ins

_MEMORY = Path("/dev/shm")  # noqa: S108 - another file system than that of temporary files, mostly
SMALL = ("secrets handed over", "a key made", "a signing request made", "signatures taken back")
LARGE = (
    "one gateway replaced", "replaced across file systems", "a gateway retired", "clean, then build",
    "fleet: one replaced",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not interrupting.is_possible(), reason="no process can be stopped at its calls here")


@pytest.fixture
def far() -> Iterator[Path]:
    """A directory on another file system, where there is one; no name that a killed run may have left behind."""
    with tempfile.TemporaryDirectory(prefix="crash-", dir=_MEMORY, ignore_cleanup_errors=True) as place:
        yield Path(place)


def _named(name: str) -> Scenario:
    return next(one for one in (*SCENARIOS, *WITHOUT_EXCHANGE) if one.name == name)


def _tried(scenario: Scenario, near: Path, far: Path, most: int) -> list[str]:
    """Failures over at most so many points, those that change a name people see before others."""
    with stand_ins(exchanges=scenario not in WITHOUT_EXCHANGE), fleet_stand_ins():
        trials = Trials(scenario, near, far)
        points = trials.points()
        shown = [point for point in points if _is_telling(trials, point[0])]
        chosen = {*shown[:: max(1, -(-2 * len(shown) // most))], *points[:: max(1, -(-2 * len(points) // most))]}
        for at, half in sorted(chosen):
            trials.interrupt(at, half=half)
        trials.close()
        assert trials.figures.interrupted >= min(most // 2, len(points))
        return trials.figures.failures


def _is_telling(trials: Trials, at: int) -> bool:
    call = trials.ran.calls[at]
    return "/out/" in call and call.split()[0] in ("rename", "renameat2", "unlinkat", "rmdir", "unlink")


@pytest.mark.parametrize("name", SMALL)
def test_at_every_call(name: str, tmp_path: Path, far: Path) -> None:
    assert _tried(_named(name), tmp_path, far, 1000) == []


@pytest.mark.parametrize("name", LARGE)
def test_at_some_calls(name: str, tmp_path: Path, far: Path) -> None:
    assert _tried(_named(name), tmp_path, far, 12) == []


def test_where_names_cannot_be_exchanged_the_old_one_is_kept(tmp_path: Path, far: Path) -> None:
    assert _tried(WITHOUT_EXCHANGE[0], tmp_path, far, 12) == []


def test_a_build_that_leaves_halves_would_be_noticed(tmp_path: Path, far: Path) -> None:
    """The harness itself: work that writes in place, and does not look at what is there."""

    def careless(place: object) -> None:
        (tmp_path / f"{scenario.name}.state" / "out").mkdir(exist_ok=True)
        target = tmp_path / f"{scenario.name}.state" / "out" / "notes"
        if not target.exists():
            target.write_bytes(b"complete" * 100)
        assert target.stat().st_size == 800

    scenario = Scenario("careless", lambda _: None, careless)
    failures = _tried(scenario, tmp_path, far, 1000)
    assert [line.rpartition(": ")[2] for line in failures] == ["the next run fails"] * 2
