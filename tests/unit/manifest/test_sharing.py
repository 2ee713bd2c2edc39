"""What gateways have alike but for their name is told alike, and read back as it was."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.manifest.sharing import by_name, in_order, named, nameless
from pipeline.model.guest_path import GuestPath
from pipeline.model.reader_answer import digest_of_read
from pipeline.model.tree import Kind, Node, Tree


def _change(*sources: str) -> dict[str, object]:
    return {"/etc/x": {"lines": {"origins": [{"rule": "r", "source": one} for one in sources], "at": "1-1:0"}}}


@pytest.mark.parametrize(
    "sources",
    [
        ("devices.toml: gw-1",),
        ("devices.toml: gw-1.eth0", "golden: snapshot"),
        ("devices.toml: gw-10", "gw-1", "a: gw-1x", "a: b: gw-1"),
        (),
    ],
)
def test_there_and_back(sources: tuple[str, ...]) -> None:
    """Another gateway's name that begins alike stays what it is."""
    before = _change(*sources)
    assert named(nameless(before, "gw-1"), "gw-1") == before


def test_two_gateways_are_told_alike() -> None:
    """That is what it is for."""
    first, second = (nameless(_change(f"devices.toml: {name}.eth0"), name) for name in ("gw-1", "gw-20"))
    assert first == second


def test_a_source_that_says_so_itself() -> None:
    """Nobody could tell it from a name."""
    with pytest.raises(PipelineError, match="stands for a gateway's name"):
        nameless(_change("overlays: {gateway}"), "gw-1")


def test_answers_by_name() -> None:
    """Two answers of one reader about one file are both kept, and digests come from the tree."""
    tree = Tree({GuestPath("/etc/a"): Node(Kind.FILE, 0o644, size=1, sha256="a" * 64)})
    one = {"reader": "named", "subject": "/etc/a", "verdict": "yes", "read": ["/etc/a"], "sha256": "b" * 64}
    told = by_name([one, {**one, "verdict": "no"}])
    assert list(told) == ["named /etc/a", "named /etc/a #2"]
    assert [item["verdict"] for item in in_order(told, tree)] == ["yes", "no"]
    assert {item["sha256"] for item in in_order(told, tree)} == {digest_of_read(tree, ["/etc/a"])}
