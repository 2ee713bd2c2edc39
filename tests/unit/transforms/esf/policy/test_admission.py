"""Which bundle may run under a policy, and because of which row: order, denials, and rows that never decide."""

from __future__ import annotations

import pytest

from pipeline.formats.esf.esf_policy import LOCATION, SIGNER, Condition, Permission, Row, SecurityPolicy
from pipeline.transforms.esf.policy.admission import Admission, Decision, admission, unreachable

ALL = (Permission("java.security.AllPermission", ("*", "*")),)
SOME = (Permission("java.net.SocketPermission", ("*", "connect")),)
THERE = Row("there", "ALLOW", Condition(LOCATION, "file:/opt/*.jar"), ALL)
OURS, VENDOR, CA = "CN=Ours,O=Example", "CN=Vendor,O=V", "CN=CA,O=V"


def row(name: str, pattern: str | None, *permissions: Permission, access: str = "ALLOW", negated: bool = False) -> Row:
    condition = None if pattern is None else Condition(SIGNER, pattern, negated)
    return Row(name, access, condition, permissions or ALL)


def under(*rows: Row, chain: tuple[str, ...] = (OURS,), location: str = "") -> Admission:
    return admission(SecurityPolicy(permit_debug=False, rows=rows), chain, location)


def decided(*rows: Row, chain: tuple[str, ...] = (OURS,), location: str = "") -> tuple[Decision, list[int]]:
    found = under(*rows, chain=chain, location=location)
    return found.decision, [number for number, _ in found.rows]


def test_the_first_row_that_decides_wins() -> None:
    rows = (row("vendor", f"{VENDOR};{CA}"), row("ours", OURS), row("again", "-"))
    assert decided(*rows) == (Decision.EVERYTHING, [2])
    assert decided(*rows, chain=(VENDOR, CA)) == (Decision.EVERYTHING, [1])
    assert decided(*rows[:2], chain=("CN=Stranger",)) == (Decision.NOTHING, [])
    assert decided(*rows[:2], chain=()) == (Decision.NOTHING, [])


def test_an_unsigned_bundle_matches_no_pattern_not_even_the_widest() -> None:
    assert decided(row("anybody", "-"), row("one", "*"), chain=()) == (Decision.NOTHING, [])


def test_a_reversed_condition_holds_for_unsigned_bundles() -> None:
    assert decided(row("others", OURS, negated=True), chain=()) == (Decision.EVERYTHING, [1])
    assert decided(row("others", OURS, negated=True)) == (Decision.NOTHING, [])


def test_denials_count_only_before_the_row_that_allows_everything() -> None:
    deny, allow = row("no", OURS, *SOME, access="DENY"), row("yes", OURS)
    assert decided(deny, allow) == (Decision.SOMETHING, [1, 2])
    assert decided(allow, deny) == (Decision.EVERYTHING, [1])
    assert decided(row("never", OURS, access="DENY"), allow) == (Decision.NOTHING, [1])
    assert decided(deny) == (Decision.NOTHING, [1])


def test_limited_permissions() -> None:
    limited = row("partner", OURS, *SOME)
    assert decided(limited) == (Decision.SOMETHING, [1])
    assert decided(limited, row("all", OURS)) == (Decision.EVERYTHING, [1, 2])


def test_locations_count_where_they_are_known() -> None:
    assert decided(THERE, location="file:/opt/a.jar") == (Decision.EVERYTHING, [1])
    assert decided(THERE, location="file:/tmp/a.jar") == (Decision.NOTHING, [])
    assert decided(THERE) == (Decision.NOTHING, [])
    assert under(THERE).passed_over[0][2] == "nobody knows where it will lie"
    elsewhere = Row("elsewhere", "ALLOW", Condition(LOCATION, "file:/opt/*", negated=True), ALL)
    assert decided(elsewhere, location="file:/tmp/a.jar") == (Decision.EVERYTHING, [1])


def test_every_other_row_says_why_it_does_not_concern_the_bundle() -> None:
    others = row("others", OURS, negated=True)
    found = under(row("vendor", VENDOR), others, row("bad", "CN"), row("ours", OURS), row("x", "-"))
    assert [why for _, _, why in found.passed_over] == [
        "CN=Vendor,O=V is somebody else",
        "it is for everybody but this signer",
        "its pattern or the signer cannot be compared: not of the form TYPE=value: 'CN'",
        "an earlier row has decided everything",
    ]
    assert under(row("ours", OURS), chain=()).passed_over[0][2] == "it is for signed bundles"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((row("a", OURS), row("b", "cn=ours, o=EXAMPLE")), [(2, 1)]),
        ((row("a", None), row("b", OURS), row("c", VENDOR)), [(2, 1), (3, 1)]),
        ((row("a", OURS, *SOME), row("b", OURS)), []),
        ((row("a", OURS), row("b", OURS, negated=True)), []),
        ((row("a", OURS, access="DENY"), row("b", OURS)), [(2, 1)]),
        ((row("a", OURS), row("b", None)), []),
        ((THERE, THERE), [(2, 1)]),
        ((row("a", "CN"), row("b", "CN=x")), []),
    ],
    ids=range(8),
)
def test_rows_that_never_decide(rows: tuple[Row, ...], found: list[tuple[int, int]]) -> None:
    policy = SecurityPolicy(permit_debug=False, rows=rows)
    assert [(number, earlier) for number, _, earlier in unreachable(policy)] == found
