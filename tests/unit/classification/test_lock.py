"""golden.lock: stable, without secrets, and a gate that lets nothing pass that nobody has decided about."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classification import Class, Decision, Item, Key, Kind
from pipeline.classification.assemble import judge
from pipeline.classification.item import ANY, STAYS, TRAVELS
from pipeline.classification.lock import Entry, Lock, parse, render
from pipeline.classification.review import What, accepted, changes, decided, problems, require_decided
from pipeline.demo.golden import plant
from pipeline.errors import PipelineError
from pipeline.inputs.golden_export import read_export
from pipeline.report.text.golden_text import change_lines, golden_lines
from tests.support.golden import EXPORT

ROOT = Path(__file__).resolve().parents[3]
EPOCH = 1_735_689_600


def an_item(
    name: str, sort: Class = Class.PORTABLE, proposal: Decision = Decision.TRAVELS,
    allowed: frozenset[Decision] = ANY, digest: str = "d1", reason: str = "A:1",
) -> Item:  # fmt: skip
    return Item(Key(Kind.FILE, "", name), sort, reason, proposal, allowed, digest)


PORTABLE = an_item("etc/a")
FORBIDDEN = an_item("etc/key", Class.FORBIDDEN, Decision.UNDECIDED, STAYS, "")
UNKNOWN = an_item("etc/x", Class.UNKNOWN, Decision.UNDECIDED, STAYS, "")
SECRET = an_item("etc/pw", Class.SECRET, Decision.UNDECIDED, ANY, "")
DERIVED = an_item("etc/fw", Class.DERIVED, Decision.TRAVELS, TRAVELS)
ALL = [PORTABLE, FORBIDDEN, UNKNOWN, SECRET, DERIVED]


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_FILES = st.sampled_from([Kind.FILE, Kind.LINK])
_KEYS = st.builds(Key, _FILES, st.just(""), _NAMES) | st.builds(Key, st.just(Kind.PROPERTY), _NAMES, _NAMES)
_ENTRIES = st.builds(
    Entry,
    st.sampled_from(Class),
    st.sampled_from(Decision),
    _NAMES.filter(lambda text: bool(text.strip())),
    st.sampled_from(["", "0123456789abcdef"]),
)


@given(st.dictionaries(_KEYS, _ENTRIES, max_size=6))
def test_what_is_written_is_read(entries: dict[Key, Entry]) -> None:
    text = render(Lock(entries))
    assert parse(text, "golden.lock") == Lock(entries)
    assert render(parse(text, "golden.lock")) == text
    tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its version is not 1"),
        ("version = 2\n", "its version"),
        ("version = 1\n[files]\n'a' =\n", "golden.lock: "),
        ("version = 1\n[things]\n", "'things' is not a table"),
        ("version = 1\nfiles = 1\n", "'files' is not a table"),
        ("version = 1\n[files]\n'a' = 1\n", "a: is not a table of texts"),
        ("version = 1\n[files]\n'a' = { class = 1 }\n", "a: is not a table of texts"),
        ("version = 1\n[properties]\n'a' = 1\n", "properties of 'a'"),
        ("version = 1\n[files]\n'a' = { class = 'x', decision = 'stays', reason = 'r' }\n", "class is none of"),
        ("version = 1\n[files]\n'a' = { class = 'secret', decision = 'goes', reason = 'r' }\n", "decision is none of"),
        ("version = 1\n[files]\n'a' = { class = 'secret', decision = 'stays', reason = ' ' }\n", "no reason"),
        ("version = 1\n[files]\n'a' = { class = 'secret', decision = 'stays', reason = 'r', x = '' }\n", "unknown key"),
    ],
)
def test_locks_that_are_none(text: str, said: str) -> None:
    with pytest.raises(PipelineError, match=r"golden\.lock") as caught:
        parse(text, "golden.lock")
    assert said in str(caught.value)


def test_all_problems_of_a_lock_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        parse("version = 1\n[files]\n'a' = { class = 'x' }\n'b' = {}\n", "golden.lock")
    assert len(caught.value.problems) == 6


def test_without_a_lock_forbidden_unknown_and_secret_stop_the_build() -> None:
    with pytest.raises(PipelineError) as caught:
        require_decided(ALL, Lock(), "golden.lock")
    assert [problem.what.split(": ")[1] for problem in caught.value.problems] == ["etc/key", "etc/x", "etc/pw"]
    assert all("--decide stays" in problem.remedy for problem in caught.value.problems)
    assert '"stays" or "travels"' in caught.value.problems[2].remedy


def test_accepting_decides_nothing_that_a_person_has_to() -> None:
    lock = accepted(ALL, Lock())
    assert lock.decision(PORTABLE.key) is Decision.TRAVELS
    assert [problem.what.split(": ")[1] for problem in problems(ALL, lock, "x")] == ["etc/key", "etc/x", "etc/pw"]
    lock = decided(lock, ALL, ["etc/key", "etc/x"], Decision.STAYS, "no")
    with pytest.raises(PipelineError, match="etc/pw: a secret that is to reach every gateway, and nobody says why"):
        decided(lock, ALL, ["etc/pw"], Decision.TRAVELS, "")
    lock = decided(lock, ALL, ["etc/pw"], Decision.TRAVELS, "the vendor's public password")
    require_decided(ALL, lock, "golden.lock")
    assert lock.entries[FORBIDDEN.key].reason == "no"
    assert lock.entries[SECRET.key].reason == "the vendor's public password"
    assert accepted(ALL, lock) == lock
    assert changes(ALL, lock) == ()


def test_a_component_is_decided_by_its_name() -> None:
    """Eleven settings of one connection are one decision; what is decided already is not decided anew."""

    def setting(name: str, proposal: Decision, allowed: frozenset[Decision] = ANY) -> Item:
        return Item(Key(Kind.PROPERTY, "org.example.Cloud", name), Class.SECRET, "password", proposal, allowed)

    waiting = [setting(f"password.{number}", Decision.UNDECIDED) for number in range(11)]
    plain = setting("port", Decision.TRAVELS)
    items = [*waiting, plain, PORTABLE]
    lock = decided(accepted(items, Lock()), items, ["org.example.Cloud"], Decision.STAYS, "each its own")
    assert {lock.decision(item.key) for item in waiting} == {Decision.STAYS}
    assert lock.decision(plain.key) is Decision.TRAVELS
    # With nothing waiting, all of it that can have the decision.
    lock = decided(lock, items, ["org.example.Cloud"], Decision.TRAVELS, "of the whole fleet")
    assert {lock.decision(item.key) for item in items[:-1]} == {Decision.TRAVELS}
    with pytest.raises(PipelineError, match=r"org\.example\.Clou: is not in the export"):
        decided(lock, items, ["org.example.Clou"], Decision.STAYS, "x")


@pytest.mark.parametrize(
    ("name", "decision", "said"),
    [
        ("etc/key", Decision.TRAVELS, "take it out of the export"),
        ("etc/x", Decision.TRAVELS, "overlay"),
        ("etc/fw", Decision.STAYS, "leaves no other way"),
        ("etc/nothing", Decision.STAYS, "is not in the export"),
    ],
)
def test_decisions_that_cannot_be_taken(name: str, decision: Decision, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        decided(Lock(), ALL, [name], decision, "r")
    assert said in str(caught.value)
    if name != "etc/nothing":
        item = next(item for item in ALL if item.key.name == name)
        forced = Lock({item.key: Entry(item.sort, decision, "edited by hand")})
        (problem,) = problems([item], forced, "golden.lock")
        assert f"golden.lock says {decision}" in problem.what


def test_the_next_export_shows_only_what_changed() -> None:
    lock = accepted(ALL, Lock())
    other_class = an_item("etc/x", Class.SECRET, Decision.UNDECIDED)
    now = [an_item("etc/a", digest="d2"), FORBIDDEN, other_class, SECRET, an_item("etc/new")]
    found = {(change.key.name, change.what) for change in changes(now, lock)}
    assert found == {
        ("etc/a", What.CHANGED), ("etc/x", What.RECLASSIFIED), ("etc/new", What.NEW), ("etc/fw", What.GONE),
    }  # fmt: skip
    lines = list(change_lines(changes(now, lock), "golden.lock"))
    assert lines[0] == "changed since golden.lock was accepted: 4"
    assert "  changed: etc/a: portable, travels; was d1, is d2" in lines
    assert list(change_lines((), "golden.lock")) == ["golden.lock: nothing has changed since it was accepted"]


def test_the_next_downloads_number_is_no_news() -> None:
    def download(number: int) -> Item:
        return an_item(f"snapshot_{number}.xml", Class.DERIVED, Decision.TRAVELS, TRAVELS, "")

    lock = accepted([download(1), PORTABLE], Lock())
    (change,) = changes([download(2), PORTABLE], lock)
    assert str(change) == "renamed: snapshot_1.xml: is snapshot_2.xml now, and compared setting by setting"
    both = [an_item("snapshot_1.xml", Class.FORBIDDEN, Decision.UNDECIDED, STAYS, ""), download(2), PORTABLE]
    assert [change.what for change in changes(both, lock)] == [What.RECLASSIFIED, What.NEW]


def test_a_thing_of_another_class_must_be_looked_at_again() -> None:
    lock = decided(accepted([PORTABLE], Lock()), [PORTABLE], ["etc/a"], Decision.TRAVELS, "reviewed")
    now = an_item("etc/a", Class.SECRET, Decision.UNDECIDED, ANY, "", "password (by the name x)")
    (problem,) = problems([now], lock, "golden.lock")
    assert "was portable when it was decided, is secret now" in problem.what
    assert accepted([now], lock).decision(now.key) is Decision.UNDECIDED


def test_a_new_portable_thing_does_not_stop_the_build() -> None:
    require_decided([PORTABLE, an_item("etc/new")], accepted([PORTABLE], Lock()), "golden.lock")


@pytest.mark.parametrize("variant", ["esf-5", "kura-5"])
def test_the_demos_lock_decides_everything_in_it_and_holds_no_secret(variant: str, tmp_path: Path) -> None:
    home = ROOT if variant == "esf-5" else ROOT / "examples" / variant
    plant(home / "golden", tmp_path / "golden", epoch=EPOCH, variant=variant)
    items = judge(read_export(tmp_path / "golden"))
    text = (home / "golden.lock").read_text()
    lock = parse(text, "golden.lock")
    require_decided(items, lock, "golden.lock")
    assert changes(items, lock) == ()
    assert render(lock) == text
    assert "Golden-" not in text
    for item in items:
        if item.sort in (Class.SECRET, Class.FORBIDDEN, Class.UNKNOWN):
            assert not lock.entries[item.key].digest


def test_what_people_see_names_everything_and_says_no_value(tmp_path: Path) -> None:
    plant(EXPORT, tmp_path / "golden", epoch=EPOCH)
    items = judge(read_export(tmp_path / "golden"))
    lines = list(golden_lines(items, Lock(), ["/etc/x (A:1)"], every=True))
    text = "\n".join(lines)
    for item in items:
        assert item.key.name in text
    assert "Golden-" not in text
    assert lines[0].startswith("to be decided, and until then nothing is built: 13 files, 1 setting")
    assert lines[-2:] == ["not in the export, though the documents list it", "  /etc/x (A:1)"]
    assert len(list(golden_lines(items, Lock(), []))) < 100
