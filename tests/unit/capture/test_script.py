"""The script that runs on the gateway, in the shells gateways have; what it writes is judged as any export is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.capture import script
from pipeline.capture.paths import PATTERNS, TREES
from pipeline.capture.taken import judged, parse, release_in
from pipeline.classification.documents import DOCUMENTS, wanted
from pipeline.errors import PipelineError
from tests.support.golden_gateway import SHADOW, a_gateway_root, expected_files

SHELLS = ("dash", "bash", "busybox")


def run(shell: str, root: Path, place: Path) -> subprocess.CompletedProcess[bytes]:
    """The script in a shell; with BusyBox, every program is BusyBox's."""
    command, environment = [shell, "-s"], {"PATH": os.environ["PATH"]}
    if shell == "busybox":
        place.mkdir()
        subprocess.run(["busybox", "--install", "-s", str(place)], check=True)
        command, environment = [str(place / "sh"), "-s"], {"PATH": str(place)}
    return subprocess.run(command, input=script.render(str(root)), capture_output=True, check=False, env=environment)


@pytest.mark.tools
@pytest.mark.parametrize("shell", SHELLS)
def test_it_brings_what_is_listed_and_nothing_else(shell: str, tmp_path: Path) -> None:
    done = run(shell, a_gateway_root(tmp_path / "root"), tmp_path / "bin")
    assert (done.returncode, done.stderr) == (0, b"")
    found = parse(done.stdout, "gateway")
    taken = judged(found, None)
    assert dict(taken.files) == expected_files()
    assert found.links == {"etc/ppp/peers/ppp0": "/etc/ppp/peers/LE910_2-1"}
    assert found.release == "5.0.0"
    assert (found.odd, found.unreadable) == ((), ())
    # A forbidden file in the one directory that is listed as a whole is found, and left.
    assert [path for path, _ in taken.left] == ["etc/ppp/peers/LE910_2-1.store"]
    assert taken.missing == ("snapshot_<id>.xml (A:137)",)
    assert SHADOW[8:40] not in done.stdout


@pytest.mark.tools
@pytest.mark.parametrize("shell", SHELLS)
def test_an_absolute_link_to_the_installation_is_followed_inside_the_root(shell: str, tmp_path: Path) -> None:
    """As ESF's installer makes it; a disk that is mounted somewhere else must not be read past."""
    root = a_gateway_root(tmp_path / "root")
    link = root / "opt/eurotech/esf"
    installed = link.readlink()
    link.unlink()
    link.symlink_to(f"/opt/eurotech/{installed}")
    done = run(shell, root, tmp_path / "bin")
    assert (done.returncode, done.stderr) == (0, b"")
    found = parse(done.stdout, "gateway")
    assert dict(judged(found, None).files) == expected_files()
    assert found.release == "5.0.0"


@pytest.mark.tools
@pytest.mark.parametrize("shell", SHELLS)
def test_odd_names_links_and_what_is_not_there(shell: str, tmp_path: Path) -> None:
    root = tmp_path / "with a blank 'and' quotes"
    (root / "etc/ppp").mkdir(parents=True)
    (root / "etc/dhcpd-a b.conf").write_text("x")
    (root / "etc/ppp/new\nline").write_text("x")
    (root / "etc/dhcpd-$(id).conf").write_text("x")
    (root / "etc/wpa_supplicant-dir.conf").mkdir()
    (root / "etc/hostapd-nowhere.conf").symlink_to("nothing")
    (root / "etc/hostapd-wlan0.conf").symlink_to("real.conf")
    (root / "etc/real.conf").write_text("interface=wlan0\n")
    os.link(root / "etc/real.conf", root / "etc/ppp/a")
    os.link(root / "etc/real.conf", root / "etc/ppp/b")
    (root / "etc/-rf").write_text("x")
    found = parse(run(shell, root, tmp_path / "bin").stdout, "gateway")
    assert found.files == dict.fromkeys(("etc/hostapd-wlan0.conf", "etc/ppp/a", "etc/ppp/b"), b"interface=wlan0\n")
    assert "etc/dhcpd-a?b.conf" in found.odd
    assert "etc/dhcpd-??id?.conf" in found.odd
    assert {"etc/wpa_supplicant-dir.conf", "etc/hostapd-nowhere.conf", "etc/ppp/new", "line"} <= set(found.odd)
    assert found.release == ""


@pytest.mark.tools
def test_an_empty_gateway_and_no_directory(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert parse(run("dash", tmp_path / "root", tmp_path).stdout, "gateway").files == {}
    assert run("dash", tmp_path / "nothing", tmp_path).returncode == 3


def test_every_line_of_the_documents_has_a_path_and_every_path_a_line() -> None:
    samples = [pattern.replace("*", "x") for pattern in PATTERNS] + [f"{tree}/x" for tree in TREES]
    assert not [sample for sample in samples if wanted(sample) is None]
    listed = [line for line in DOCUMENTS if "snapshot" not in line.label]
    assert not [line.label for line in listed if not any(line.pattern.fullmatch(sample) for sample in samples)]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b"", "something else than files"),
        (b"Welcome!\n", "something else"),
        (script.START, "something else"),
        (script.START + b"X y\n\n", "not understood"),
        (script.START + b"N 1\n\n" + b"garbage" * 100, "cut off or damaged"),
        (script.START + b"N 1\n\n", "cut off or damaged"),
        (script.START + b"V x\n\n", "cut off or damaged"),
        (script.START + b"L etc/ppp/peers/ppp0 ../../../etc/shadow\nN 0\n\n", "symbolic link"),
        (script.START + b"L ../../x /etc/ppp/peers/a\nN 0\n\n", "doubled slashes"),
    ],
)
def test_answers_that_are_none(output: bytes, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        parse(output, "gateway")


@pytest.mark.tools
def test_an_answer_that_is_cut_off_anywhere(tmp_path: Path) -> None:
    whole = run("dash", a_gateway_root(tmp_path / "root"), tmp_path / "bin").stdout
    content_ends = len(whole.rstrip(b"\0"))
    for length in range(0, content_ends, 7001):
        with pytest.raises(PipelineError, match=r"cut off|something else"):
            parse(whole[:length], "gateway")


def test_what_a_login_script_prints_is_passed_over() -> None:
    assert parse(b"Last login: yesterday\n" + script.START + b"V esf_6.2.1\nN 0\n\n", "gateway").release == "6.2.1"


@pytest.mark.parametrize(
    ("name", "release"),
    [("esf_5.0.0_reliagate-20-25", "5.0.0"), ("kura_5.5.0_generic", "5.5.0"), ("esf", ""), ("", "")],
)
def test_release_in_the_name_of_a_directory(name: str, release: str) -> None:
    assert release_in(name) == release
