"""Overlays become layers: plain files once, templates for each gateway."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, LinkEntry
from pipeline.model.overlay import Overlay, OverlayFile, OverlayLink
from pipeline.transforms import overlays
from tests.support.release import a_gateway, a_release


def a_file(text: str | bytes, path: str = "/etc/x", *, template: bool = True, secret: bool = False) -> OverlayFile:
    content = text.encode() if isinstance(text, str) else text
    return OverlayFile(GuestPath(path), content, 0o640, 1, 2, template, secret, f"mine/rootfs{path}.j2")


def rendered(text: str | bytes) -> str:
    (entry,) = overlays.render(
        [Overlay("mine", (a_file(text),))], a_gateway(variables={"site": "North"}), a_release()
    ).entries
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def test_plain_parts_go_into_the_base_and_templates_do_not() -> None:
    overlay = Overlay(
        "mine",
        (a_file("{{ raw }}", "/etc/a", template=False, secret=True), a_file("t", "/etc/b")),
        (OverlayLink(GuestPath("/etc/l"), "a", "mine/rootfs/etc/l"),),
        ((GuestPath("/srv/d"), 0o750, 3, 4),),
    )
    file, link, directory = overlays.copy([overlay]).entries
    assert isinstance(file, FileEntry)
    assert (file.content, file.mode, file.uid, file.gid, file.secret) == (b"{{ raw }}", 0o640, 1, 2, True)
    assert isinstance(link, LinkEntry)
    assert isinstance(directory, DirEntry)
    assert (directory.mode, directory.uid, directory.gid) == (0o750, 3, 4)
    assert [entry.path for entry in overlays.render([overlay], a_gateway(), a_release()).entries] == ["/etc/b"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ gateway.name }}\n", "gw-north-01\n"),
        ("{{ gateway.serial }}", "SN-0001"),
        ("{{ gateway.interfaces.eth0.address }}", "192.168.11.1/24"),
        ("{{ gateway.variables.site }}\n\n", "North\n\n"),
        ("{{ release.name }} {{ release.ssh_port }}", "demo-1.0 49153"),
        ("{% for name in gateway.interfaces %}{{ name }} {% endfor %}", "eth0 ppp0 wlan0 "),
        ("a < b & 'c'", "a < b & 'c'"),
        ("no newline", "no newline"),
        ("{{ gateway.variables.other | default('none') }}", "none"),
        ("CRLF\r\n".replace("\r\n", "\n"), "CRLF\n"),
    ],
)
def test_templates_know_the_gateway_and_the_release(text: str, result: str) -> None:
    assert rendered(text) == result


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\n{{ gateway.nme }}", r"gw-north-01: mine/rootfs/etc/x.j2 line 2: .*nme"),
        ("{{ gateway.variables.missing }}", "line 1: .*missing"),
        ("{{ secrets }}", "line 1: 'secrets' is undefined"),
        ("a\n{% if %}", "line 2: "),
        ("{{ lipsum() }}", "lipsum"),
        ("{{ [1, 2] | random }}", "random"),
        ("{{ ''.__class__.__mro__ }}", "line 1: "),
        ("{{ gateway.update({'name': 'x'}) }}", "line 1: "),
        ("{% include '/etc/passwd' %}", "line 1: "),
        ("{{ 1 / 0 }}", "line 1: division"),
        ("{{ 'a' + 1 }}", "line 1: "),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_template_that_goes_wrong_is_named_with_its_line(text: str | bytes, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        rendered(text)


def test_all_templates_that_go_wrong_are_named_at_once() -> None:
    overlay = Overlay("mine", (a_file("{{ a }}", "/etc/a"), a_file("{{ b }}", "/etc/b")))
    with pytest.raises(PipelineError) as caught:
        overlays.render([overlay], a_gateway(), a_release())
    assert len(caught.value.problems) == 2


def test_two_overlays_that_differ_are_both_named() -> None:
    one, two = (Overlay(name, (a_file(name, template=False),)) for name in ("one", "two"))
    with pytest.raises(PipelineError, match="/etc/x: wanted differently"):
        overlays.copy([one, two])
