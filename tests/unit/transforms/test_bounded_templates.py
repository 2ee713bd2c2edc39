"""A template may ask for anything: what does not end, or grows without limit, ends as one line of its own."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.host import bounded
from pipeline.host.bounded import in_child
from pipeline.model.guest_path import GuestPath
from pipeline.model.overlay import Overlay, OverlayFile
from pipeline.transforms.overlays import is_straight, render
from tests.support.release import a_gateway, a_release


def rendered(text: str) -> bytes:
    file = OverlayFile(GuestPath("/etc/x"), text.encode(), 0o644, 0, 0, True, False, "o/rootfs/etc/x.j2")
    layer = render([Overlay("o", (file,), (), ())], a_gateway(), a_release(), in_child)
    (entry,) = layer.files()
    return entry.content


def test_what_ends_is_rendered() -> None:
    assert rendered("{{ gateway.name }}\n") == b"gw-north-01\n"


@pytest.mark.parametrize(
    "text",
    [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3,
        "{{ 'x' * 10000000000 }}",
        "{{ 'x'.center(10000000000) }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ ('x' * 50000000) }}{{ ('x' * 50000000) }}",
        "{{ range(99999) | join('x' * 1000000) }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set x = namespace(s='xx') %}{% for a in range(99) %}{% set x.s = x.s ~ x.s %}{% endfor %}{{ x.s }}",
        "{{ [[0] * 1000000] * 1000000 | list | string }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ gateway.nothing }}",
        "{% include '/etc/passwd' %}",
        "{{ undefined_function() }}",
        "{" * 5000 + "{ x",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500 + "{{ 'x' * 10000000000 }}",
    ],
)  # fmt: skip
def test_what_does_not_end_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_SECONDS", 1)
    with pytest.raises(PipelineError) as caught:
        rendered(text)
    (problem,) = caught.value.problems
    assert "o/rootfs/etc/x.j2" in problem.what
    assert "\n" not in problem.what
    assert problem.remedy


def test_a_bug_in_bounded_work_keeps_its_traceback() -> None:
    def broken() -> list[bytes]:
        raise KeyError("a bug")

    with pytest.raises(RuntimeError, match="in broken"):
        in_child("x", broken)


def test_a_child_that_dies_is_told() -> None:
    def dies() -> list[bytes]:
        import os  # noqa: PLC0415

        os._exit(3)

    with pytest.raises(PipelineError, match="x: needs more than"):
        in_child("x", dies)


@pytest.mark.parametrize(
    ("text", "straight"),
    [
        ("{{ gateway.name }} of {{ release.name }}\n", True),
        (
            "{% if gateway.variables.site == 'x' and not release.epoch %}a{% else %}{{ gateway['serial'] }}{% endif %}",
            True,
        ),
        ("{% for one in gateway.interfaces %}{{ one }}{% endfor %}", False),
        ("{{ 'x' * 99999999999 }}", False),
        ("{{ 'x' ~ 'y' }}", False),
        ("{{ range(9) }}", False),
        ("{{ gateway.name | center(99999999) }}", False),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", False),
        ("{% set x = 9 ** 9 ** 9 %}", False),
        ("{{ 9 in gateway.interfaces }}", True),
        ("{% include 'x' %}", False),
        ("{{ gateway.name", False),
        ("x" * 70000, False),
    ],
)
def test_which_templates_need_no_limits(text: str, straight: bool) -> None:
    """Values and conditions take no longer than they are; everything else goes to a child."""
    assert is_straight(text.encode()) is straight
