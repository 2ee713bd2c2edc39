"""What is looked for in deltas: found in those that must not have it, allowed to its owners, and cheap to know."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.errors import PipelineError
from pipeline.fleet.leaks import BLOCK, NOBODY, Wanted, require_clean_base, require_no_leaks
from pipeline.verification.secret_forms import Secret

ONE, TWO, SHARED, BUILD = b"of-gateway-one-1", b"of-gateway-two-2", b"shared-by-the-two", b"key-of-the-build"


@pytest.fixture
def wanted() -> Wanted:
    """Secrets of two gateways, one that both have, and one of the build."""
    found = Wanted()
    found.add("gw-1", [Secret("password of gw-1", ONE), Secret("shared, says gw-1", SHARED)])
    found.add("gw-2", [Secret("password of gw-2", TWO), Secret("shared, says gw-2", SHARED)])
    found.add(NOBODY, [Secret("key of the build", BUILD)], counted=False)
    return found


@pytest.fixture
def context(tmp_path: Path) -> Any:
    """A base of three blocks with nothing in it."""
    (tmp_path / "base.img").write_bytes(bytes(3 * BLOCK))
    return cast(Any, SimpleNamespace(workspace=SimpleNamespace(base=tmp_path / "base.img")))


def _deltas(**contents: bytes) -> Iterator[tuple[str, Mapping[int, bytes]]]:
    for name, content in contents.items():
        yield name.replace("_", "-"), {1: content.ljust(BLOCK, b"\0")}


def test_owners_may_have_their_own(context: Any, wanted: Wanted) -> None:
    told = require_no_leaks(context, wanted, _deltas(gw_1=ONE + SHARED, gw_2=SHARED + TWO, gw_3=b"nothing"))
    assert "none of 4 secrets" in told


def test_everybody_else_is_named_without_the_value(context: Any, wanted: Wanted) -> None:
    with pytest.raises(PipelineError) as caught:
        require_no_leaks(context, wanted, _deltas(gw_1=TWO, gw_2=BUILD, gw_3=SHARED.hex().encode()))
    assert sorted(problem.what for problem in caught.value.problems) == [
        "gw-1: password of gw-2 (plain or UTF-16)",
        "gw-2: key of the build (plain or UTF-16)",
        "gw-3: shared, says gw-1 (hex)",
    ]
    assert not any(value.decode() in str(caught.value) for value in (ONE, TWO, SHARED, BUILD))


def test_owner_or_not_the_base_has_none(context: Any, wanted: Wanted) -> None:
    require_clean_base(context, wanted)
    context.workspace.base.write_bytes(ONE.ljust(3 * BLOCK, b"\0"))
    with pytest.raises(PipelineError, match=r"base image: password of gw-1 \(plain or UTF-16\)"):
        require_clean_base(context, wanted)


def test_a_third_owner_and_a_first_once_more(wanted: Wanted) -> None:
    wanted.add("gw-3", [Secret("x", SHARED)])
    wanted.add("gw-1", [Secret("x", SHARED), Secret("x", ONE)])
    assert [wanted.is_allowed(SHARED, name) for name in ("gw-1", "gw-2", "gw-3", "gw-4")] == [True, True, True, False]
    assert [wanted.is_allowed(ONE, name) for name in ("gw-1", "gw-2", "gw-3")] == [True, False, False]
    assert [wanted.is_allowed(BUILD, name) for name in ("gw-1", "gw-2")] == [False, False]
    assert wanted.name(SHARED) == "shared, says gw-1 (plain or UTF-16)"


def test_patterns_of_a_gateway_share_what_is_said_of_them() -> None:
    """A set and a text for each of a fleet's patterns took most of the memory."""
    wanted = Wanted()
    wanted.add("gw-1", [Secret("password of gw-1", ONE), Secret("password of gw-1", TWO)])
    about = list(wanted.patterns.values())
    assert len(about) > 10
    assert len({id(owners) for _, _, owners in about}) == 1
    assert sum(sys.getsizeof(one) for one in about) < 100 * len(about)
