"""How far a build of a fleet is: the lines for people and for programs, by a clock of our own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.errors import PipelineError, Problem
from pipeline.fleet import build
from pipeline.fleet.pace import TOLD, Pace, Pacing
from pipeline.fleet.work import Done
from tests.support.workspaces import Ran, doit


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Told:
    """Both forms of what a build of some gateways says."""

    def __init__(self, total: int) -> None:
        self.people: list[str] = []
        self.stream = io.StringIO()
        self.clock = Clock()
        self.pacing = Pacing(total, self.people.append, self.stream, self.clock)

    def after(self, seconds: float, *, failed: bool = False) -> None:
        self.clock.now += seconds
        self.pacing.ended(failed=failed)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_both_forms_tell_the_same_and_repeat_to_the_byte() -> None:
    for _ in range(2):
        told = Told(1000)
        told.after(2.0)
        told.after(3.0, failed=True)
        assert told.people == ["2/1000 gateways, 0.4 a second, 2495 s left, 1 failed"]
        assert told.lines == [
            '{"done": 0, "failures": 0, "rate": 0.0, "seconds_left": null, "total": 1000}',
            '{"done": 2, "failures": 1, "rate": 0.4, "seconds_left": 2495, "total": 1000}',
        ]


def test_a_line_every_few_seconds_and_one_at_the_end() -> None:
    told = Told(4)
    told.after(TOLD - 0.001)
    assert len(told.lines) == 1
    told.after(0.001)  # exactly the time
    assert len(told.lines) == 2
    told.after(TOLD - 0.5)
    assert len(told.lines) == 2
    told.after(0.0)  # the last one does not wait
    assert [json.loads(line)["done"] for line in told.lines] == [0, 2, 4]
    assert told.lines[-1] == '{"done": 4, "failures": 0, "rate": 0.42, "seconds_left": 0, "total": 4}'
    assert told.people[-1] == "4/4 gateways, 0.4 a second, 0 s left"


def test_a_clock_that_has_not_moved() -> None:
    told = Told(1)
    told.after(0.0, failed=True)
    assert told.lines[-1] == '{"done": 1, "failures": 1, "rate": 1000.0, "seconds_left": 0, "total": 1}'
    assert Pace(1, 10_000_000, 0, 0.0).for_programs().count("\n") == 0


def test_nothing_to_make_is_told_to_programs() -> None:
    told = Told(0)
    assert told.lines == ['{"done": 0, "failures": 0, "rate": 0.0, "seconds_left": 0, "total": 0}']
    assert told.people == []


def test_without_being_asked_programs_are_told_nothing() -> None:
    people: list[str] = []
    Pacing(1, people.append, None, Clock()).ended(failed=False)
    assert len(people) == 1


def test_a_build_counts_gateways_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, however much is wrong with it."""

    def results(*_: object) -> Iterator[Done]:
        yield Done("gw-1", (Problem("gw-1: one", "mend"), Problem("gw-1: two", "mend")))
        yield Done("gw-2")

    monkeypatch.setattr(build, "_results", results)
    told = Told(2)
    with pytest.raises(PipelineError) as caught:
        build._make_all(cast(Any, None), ["gw-1", "gw-2"], 1, told.pacing)
    assert len(caught.value.problems) == 2
    assert json.loads(told.lines[-1]) == {"done": 2, "failures": 1, "rate": 2000.0, "seconds_left": 0, "total": 2}


_DODO = """
from pipeline.commands.doit_adapter import action, with_progress_lines
from pipeline.fleet.pace import Pacing
from pipeline.tasks import DOIT_CONFIG, task_build

def step(names, say, lines=None):
    pacing = Pacing(len(names), say, lines)
    for name in names:
        pacing.ended(failed=False)

def task_release():
    return {"actions": None, "task_dep": ["fleet"]}
"""
_FLEET = """
def task_fleet():
    return {"actions": [with_progress_lines(step, ["gw-1", "gw-2"])]}
"""
_IMAGES = """
def task_fleet():
    yield {"basename": "stamp", "name": "gw-1", "actions": [action(step, ["gw-1"])]}

def task_release():
    return {"actions": None, "task_dep": ["stamp:gw-1"]}
"""


def _build(place: Path, graph: str, *options: str) -> Ran:
    (place / "dodo.py").write_text(_DODO + graph)
    return doit(place, "build", *options)


@pytest.mark.parametrize("options", [["--progress", "json"], ["--progress=json"], ["-n", "2", "--progress", "json"]])
def test_the_option_of_build_reaches_the_task_before_it(options: list[str], tmp_path: Path) -> None:
    ran = _build(tmp_path, _FLEET, *options)
    assert ran.status == 0, ran.text
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert [line["done"] for line in lines] == [0, 2]
    assert "2/2 gateways" in ran.stderr
    assert "{" not in ran.stderr


def test_without_it_there_are_no_json_lines_and_others_are_refused(tmp_path: Path) -> None:
    for options in ([], ["--progress", "text"]):
        ran = _build(tmp_path, _FLEET, *options)
        assert ran.status == 0, ran.text
        assert "{" not in ran.stdout
        assert "2/2 gateways" in ran.stderr
    ran = _build(tmp_path, _FLEET, "--progress", "xml")
    assert ran.status != 0
    assert "available choices are: 'text', 'json'" in ran.text
    assert "Traceback" not in ran.text


def test_a_release_of_images_says_that_it_has_none(tmp_path: Path) -> None:
    ran = _build(tmp_path, _IMAGES, "--progress", "json")
    assert ran.status == 0, ran.text
    assert "--progress json: a release of whole images tells people only" in ran.stderr
    assert "{" not in ran.stdout
