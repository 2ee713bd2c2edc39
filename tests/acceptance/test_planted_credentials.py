"""Credentials of more than forty kinds in a golden sample: none reaches an image, a manifest, a log or a database.

The image is searched as bytes, by a search that knows nothing of the pipeline; that it finds what is there is shown by
the one credential that travels by design, and by plants of its own.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import shlex
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.media.raw_search import forms, search, search_text
from tests.support.spoilt_images.planted import BY_DESIGN, Plant, plant
from tests.support.workspaces import Ran, a_workspace, doit, edit

# Undecided by rule: what the documents let travel, and this release does not want.
_ALSO_STAYS = (
    "etc/wpa_supplicant-wlan0.conf",
    "org.eclipse.kura.net.admin.NetworkConfigurationService net.interface.wlan0.config.wifi.infra.passphrase",
)
_LEAST_KINDS = 20


@dataclass(frozen=True)
class Planted:
    """A workspace with a planted export, built."""

    workspace: Path
    plants: tuple[Plant, ...]
    runs: tuple[Ran, ...]

    @property
    def needles(self) -> dict[str, bytes]:
        """What must be found nowhere."""
        return {planted.kind: planted.telling for planted in self.plants}

    @property
    def image(self) -> Path:
        """The one image."""
        return self.workspace / "out/demo-1.0/gw-north-01/image.img"


@pytest.fixture(scope="module")
def planted(demo_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    workspace = a_workspace(tmp_path_factory.mktemp("planted") / "workspace", demo_inputs)
    plants = plant(workspace / "export")
    edit(workspace / "gateway.toml", 'export = ".demo/golden"', 'export = "export"')
    (workspace / "golden.lock").unlink()
    # One gateway is enough: it has an access point and no cellular connection.
    comment, first, *_ = (workspace / "devices.toml").read_text().split("\n[[gateway]]")
    (workspace / "devices.toml").write_text(f"{comment}\n[[gateway]]{first}")
    refused = doit(workspace, "build")
    accepted = doit(workspace, "golden", "--accept")
    undecided = re.findall(r"--decide stays --reason \S+ (.*?)(?:, or .*)?$", accepted.stdout, re.MULTILINE)
    things = [shlex.split(thing)[0] for thing in undecided]
    decided = doit(workspace, "golden", "--decide", "stays", "--reason", "planted", *things, *_ALSO_STAYS)
    assert decided.status == 0, decided.text
    built = doit(workspace, "build")
    assert built.status == 0, built.text
    shown = doit(workspace, "golden", "--all")
    plan = doit(workspace, "plan", "gw-north-01")
    return Planted(workspace, plants, (refused, accepted, decided, built, shown, plan))


pytestmark = pytest.mark.appliance


def test_nothing_is_built_until_everything_is_decided(planted: Planted) -> None:
    refused, accepted, *_ = planted.runs
    assert refused.status != 0
    assert refused.text.count("nobody has decided about it") >= _LEAST_KINDS
    assert "etc/wireguard/wg0.conf: unknown" in refused.text
    assert "heater_1.0.0.dp: secret" in refused.text
    assert "doit golden --decide" in refused.text
    assert accepted.status == 1


def test_no_planted_credential_is_in_the_image(planted: Planted) -> None:
    assert len(planted.needles) >= 2 * _LEAST_KINDS
    assert search(planted.image, planted.needles) == []


def test_the_search_finds_the_one_that_travels_by_design(planted: Planted) -> None:
    assert search(planted.image, {"provisioning": BY_DESIGN.encode()})


def test_no_planted_credential_is_in_anything_else_that_was_written(planted: Planted) -> None:
    written = [
        path
        for path in planted.workspace.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".img" and "export" not in path.parts
    ]
    names = {path.name for path in written}
    assert {"manifest.json", ".doit.json", "golden.lock"} <= names
    for path in written:
        assert search(path, planted.needles) == [], path


def test_no_planted_credential_was_said(planted: Planted) -> None:
    for ran in planted.runs:
        assert search_text(ran.text.encode(), planted.needles) == []
        assert search_text(ran.text.encode(), {"provisioning": BY_DESIGN.encode()}) == []


def test_what_stays_is_named_with_its_reason(planted: Planted) -> None:
    built = planted.runs[3]
    assert "left behind: etc/shadow: planted" in built.text
    assert "left behind: org.example.heater.Heater historian.url: planted" in built.text
    lock = (planted.workspace / "golden.lock").read_text()
    assert '"etc/shadow" = { class = "unknown", decision = "stays", reason = "planted" }' in lock


def _zip_in_zip(content: bytes) -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", content)
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("y", inner.getvalue())
    return outer.getvalue()


@pytest.mark.parametrize("before", range(3))
def test_the_search_finds_every_form_at_every_place(before: int, tmp_path: Path) -> None:
    needle = b"Needle-in-a-haystack-0123456789"
    text = b"x" * before + needle + b"tail"
    hidden = {
        "plain": text, "Base64": base64.b64encode(text), "hex": text.hex().encode(), "HEX": text.hex().upper().encode(),
        "UTF-16LE": text.decode().encode("utf-16-le"), "UTF-16BE": text.decode().encode("utf-16-be"),
        "gzip": gzip.compress(text), "zip": _zip_in_zip(text), "gzip of Base64": gzip.compress(base64.b64encode(text)),
    }  # fmt: skip
    for name, content in hidden.items():
        for place in (0, (8 << 20) - 5, 20 << 20):
            file = tmp_path / "image"
            with file.open("wb") as stream:
                stream.seek(place)
                stream.write(content)
                stream.truncate(64 << 20)
            assert search(file, {"needle": needle}), (name, place)
    assert len(forms(needle)) == 8
