"""``[rules]`` of ``gateway.toml``: by which rules images are judged, and what is waived, by whom and until when."""

from __future__ import annotations

import datetime

from pipeline.inputs.toml_table import Table
from pipeline.model.release import Rules
from pipeline.model.rule import Waiver

PROFILES = ("documents", "strict")
_ID = r"[a-z0-9_]+(\.[a-z0-9_]+)+"
_WORDS = r"[^\0-\x1f\x7f]*[^\0-\x20\x7f][^\0-\x1f\x7f]*"
_RELEASE = r"[A-Za-z0-9][A-Za-z0-9 ._+~-]{0,63}"


def read_rules(table: Table) -> Rules:
    """The section; whether there are rules of the names given is for those to say who know the rules."""
    rules = Rules(
        profile=table.choice("profile", "documents", PROFILES),
        also=table.texts("also", form=_ID, meaning="the id of a rule, see docs/reference/rules.md"),
        approved_os=table.texts("approved_os", form=_RELEASE, meaning='a release such as "debian 12"'),
        root_by_people=table.boolean("root_by_people", default=True),
        waivers=_waivers(table),
    )
    table.close()
    return rules


def _waivers(table: Table) -> tuple[Waiver, ...]:
    found: list[Waiver] = []
    for entry in table.tables("waiver"):
        waiver = Waiver(
            rule=entry.text("rule", form=_ID, meaning="the id of a rule, see docs/reference/rules.md"),
            reason=entry.text("reason", form=_WORDS, meaning="a reason"),
            by=entry.text("by", form=_WORDS, meaning="who decided it"),
            until=entry.text("until", form=r"\d{4}-\d{2}-\d{2}", meaning="a day, YYYY-MM-DD"),
        )
        if waiver.until and not _is_day(waiver.until):
            entry.wrong("until", "is not a day of the calendar", "write YYYY-MM-DD")
        if any(waiver.rule == known.rule for known in found):
            entry.wrong("rule", f"{waiver.rule} is waived twice", "keep one")
        entry.close()
        found.append(waiver)
    return tuple(found)


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
