"""UMASK in login.defs: stricter by the strict profile, and nothing else changed."""

from __future__ import annotations

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.release import Rules
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry
from pipeline.transforms.accounts import login_defaults
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

STRICT = a_release(rules=Rules(profile="strict"))
UMASK = next(rule for rule in registry.LINUX if rule.id == "accounts.umask")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# UMASK 022\nMAIL_DIR /var/mail\nUMASK\t\t022\n", "# UMASK 022\nMAIL_DIR /var/mail\nUMASK\t\t027\n"),
        ("UMASK 022 # wide\nUMASK 002", "UMASK 027 # wide\nUMASK 027"),
        ("HOME_MODE 0700", "HOME_MODE 0700\nUMASK\t\t027\n"),
        ("", "UMASK\t\t027\n"),
    ],
)
def test_umask(before: str, after: str) -> None:
    vanilla = a_vanilla({"/etc/login.defs": before})
    layer = login_defaults.tighten(vanilla, STRICT)
    (entry,) = layer.files()
    assert entry.content.decode() == after
    view = ImageView.of(vanilla).after(layer)
    assert UMASK.check(view, Expected()).outcome is RuleOutcome.PASS


def test_a_single_rule_is_enough() -> None:
    vanilla = a_vanilla({"/etc/login.defs": "UMASK 022\n"})
    assert len(login_defaults.tighten(vanilla, a_release(rules=Rules(also=("accounts.umask",))))) == 1


def test_nothing_to_do() -> None:
    assert login_defaults.tighten(a_vanilla({"/etc/login.defs": "UMASK 022\n"}), a_release()) == login_defaults.Layer()
    assert login_defaults.tighten(a_vanilla(), STRICT) == login_defaults.Layer()
    assert login_defaults.tighten(a_vanilla({"/etc/login.defs": "UMASK 027\n"}), STRICT) == login_defaults.Layer()
