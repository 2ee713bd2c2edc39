"""doit audit: what it prints and how it ends, with a stand-in for the appliance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.commands import audit
from pipeline.commands.audit import AuditImages
from pipeline.errors import PipelineError
from pipeline.model.image_view import ImageView
from tests.support.hardened import a_hardened_view, a_neglected_vanilla

RELEASE = """
[release]
name = "r1"
epoch = 1767225600
[vanilla]
image = "vanilla.img"
[golden]
export = "golden"
[gateways]
file = "devices.toml"
[keys]
file = "keys.toml"
bundle = "b"
manifest = "m"
[secrets]
source = "file:fleet.key"
"""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image whose content a test chooses by `shows`."""
    monkeypatch.setattr(audit, "prepare_raw", lambda source, target, say: target.write_bytes(b""))
    path = tmp_path / "x.img"
    path.write_bytes(b"\0" * 512)
    return path


def shows(monkeypatch: pytest.MonkeyPatch, view: ImageView) -> None:
    monkeypatch.setattr(
        audit, "look_and_ask", lambda raws, layouts, ask, state_dir, say: iter([(view, None)] * len(raws))
    )


def run(*arguments: str | Path) -> int:
    return int(AuditImages().parse_execute([str(argument) for argument in arguments]))


def test_a_neglected_image_fails(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows(monkeypatch, replace(ImageView.of(a_neglected_vanilla()), layout=None))
    assert run(image) == 1
    assert "FAIL   ssh.no_root (high, A:26, A:34)" in capsys.readouterr().out


def test_a_hardened_image_passes(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows(monkeypatch, a_hardened_view())
    assert run("--format", "json", image) == 0
    assert json.loads(capsys.readouterr().out)["exit_status"] == 0


def test_the_strict_profile_asks_for_more(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shows(monkeypatch, a_hardened_view())
    assert run("--profile", "strict", image) == 1
    shows(monkeypatch, a_hardened_view("strict"))
    assert run("--profile", "strict", image) == 0


def test_decisions_and_waivers_of_a_release(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows(monkeypatch, a_hardened_view())
    config = image.with_name("gateway.toml")
    waiver = '[[rules.waiver]]\nrule = "ssh.use_pam"\nreason = "x"\nby = "y"\nuntil = "2026-12-31"\n'
    idle = waiver.replace("ssh.use_pam", "ssh.no_root")
    config.write_text(f"{RELEASE}[ssh]\nuse_pam = true\n")
    assert run("--config", config, image) == 1
    config.write_text(f"{RELEASE}[ssh]\nuse_pam = true\n{waiver}{idle}")
    assert run("--config", config, image) == 0
    shown = capsys.readouterr()
    assert "WAIVED ssh.use_pam" in shown.out
    assert "waiver of ssh.no_root: nothing there fails this rule" in shown.err
    config.write_text(f"{RELEASE}[ssh]\nuse_pam = true\n{waiver.replace('2026', '2025')}")
    assert run("--config", config, image) == 1


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif"])
def test_the_report_goes_to_a_file(
    form: str, image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows(monkeypatch, a_hardened_view())
    report = image.with_name("report")
    assert run("--format", form, "--output", report, image) == 0
    assert report.read_bytes()
    assert not capsys.readouterr().out


def test_a_gateways_directory_stands_for_its_image(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shows(monkeypatch, a_hardened_view())
    directory = image.with_name("gw-1")
    directory.mkdir()
    assert run(directory) == 2
    (directory / "image.img").write_bytes(b"\0")
    assert run(directory) == 0


def test_what_cannot_be_looked_at(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(raws: list[Path], layouts: object, ask: object, state_dir: Path, say: object) -> list[ImageView]:
        raise PipelineError("no root file system in it", "give a disk image")

    monkeypatch.setattr(audit, "look_and_ask", refuse)
    assert run(image) == 2
    assert "no root file system in it\n  fix: give a disk image" in capsys.readouterr().err
    assert run() == 2
    assert run(image.with_name("none.img")) == 2
