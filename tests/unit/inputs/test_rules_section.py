"""[rules]: the profile, and waivers that name a rule, a reason, a person and a day."""

from __future__ import annotations

import pytest

from pipeline.errors import Problem
from pipeline.inputs.rules_section import read_rules
from pipeline.inputs.toml_table import Table
from pipeline.model.release import Rules
from pipeline.model.rule import Waiver

WAIVER = {"rule": "ssh.use_pam", "reason": "tools need sessions", "by": "Jane Doe", "until": "2027-06-30"}


def read(values: dict[str, object]) -> tuple[Rules, list[str]]:
    problems: list[Problem] = []
    rules = read_rules(Table("gateway.toml [rules]", values, problems))
    return rules, [problem.what for problem in problems]


def test_nothing_said_means_what_the_documents_ask() -> None:
    assert read({}) == (Rules(), [])


def test_everything_said() -> None:
    rules, problems = read(
        {
            "profile": "strict",
            "also": ["kernel.kptr_restrict"],
            "approved_os": ["debian 12", "12.5"],
            "root_by_people": False,
            "waiver": [WAIVER],
        }
    )
    assert not problems
    assert rules == Rules("strict", ("kernel.kptr_restrict",), ("debian 12", "12.5"), False, (Waiver(**WAIVER),))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"profile": "lax"}, "profile: is not one of the values known"),
        ({"profil": "strict"}, "profil: unknown key"),
        ({"also": ["KERNEL"]}, "also[1]: is not the id of a rule"),
        ({"approved_os": [""]}, "approved_os[1]: is not a release"),
        ({"root_by_people": "no"}, "root_by_people: must be true or false"),
        ({"waiver": [{**WAIVER, "until": "2027-02-30"}]}, "waiver[1] until: is not a day of the calendar"),
        ({"waiver": [{**WAIVER, "until": "soon"}]}, "waiver[1] until: is not a day"),
        ({"waiver": [{**WAIVER, "reason": " "}]}, "waiver[1] reason: is not a reason"),
        ({"waiver": [{**WAIVER, "by": ""}]}, "waiver[1] by: is not who decided it"),
        ({"waiver": [{key: WAIVER[key] for key in ("rule", "reason", "by")}]}, "waiver[1] until: is missing"),
        ({"waiver": [{**WAIVER, "forever": True}]}, "waiver[1] forever: unknown key"),
        ({"waiver": [WAIVER, WAIVER]}, "waiver[2] rule: ssh.use_pam is waived twice"),
        ({"waiver": WAIVER}, "waiver: must be an array"),
    ],
)
def test_everything_wrong_is_named(values: dict[str, object], complaint: str) -> None:
    _, problems = read(values)
    assert any(problem.removeprefix("gateway.toml [rules] ").startswith(complaint) for problem in problems), problems
