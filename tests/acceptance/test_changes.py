"""What a second build does: nothing, or exactly what has to be done again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.workspaces import doit, edit

pytestmark = pytest.mark.appliance


def identities(built: Built) -> dict[str, int]:
    return {gateway: built.image(gateway).stat().st_ino for gateway in GATEWAYS}


def tasks(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


def test_a_build_with_nothing_to_do_does_nothing(built: Built) -> None:
    before = identities(built)
    ran = doit(built.workspace, "build")
    assert (ran.status, tasks(ran.text)) == (0, [])
    assert identities(built) == before


def test_changing_one_gateway_rebuilds_that_gateway_only(built: Built) -> None:
    before = identities(built)
    inventory = built.workspace / "devices.toml"
    edit(inventory, "192.168.11.110", "192.168.11.111")
    try:
        ran = doit(built.workspace, "build")
        assert ran.status == 0, ran.text
        after = identities(built)
        assert after[GATEWAYS[0]] != before[GATEWAYS[0]]
        assert {name: after[name] for name in GATEWAYS[1:]} == {name: before[name] for name in GATEWAYS[1:]}
    finally:
        edit(inventory, "192.168.11.111", "192.168.11.110")
        assert doit(built.workspace, "build").status == 0


def test_a_changed_input_that_kept_its_mtime_is_noticed(built: Built) -> None:
    overlay = next(path for path in sorted((built.workspace / "overlays").rglob("*.j2")))
    about, text = overlay.stat(), overlay.read_text()
    try:
        overlay.write_text(text + "\n")
        os.utime(overlay, ns=(about.st_atime_ns, about.st_mtime_ns))
        ran = doit(built.workspace, "base")
        assert ran.status == 0, ran.text
        assert any(line.startswith("base") for line in tasks(ran.text))
    finally:
        overlay.write_text(text)
        assert doit(built.workspace, "build").status == 0


@pytest.mark.parametrize("harm", ["truncate", "alter"])
def test_a_harmed_result_is_built_again(built: Built, harm: str) -> None:
    image = built.image(GATEWAYS[1])
    about = image.stat()
    if harm == "truncate":
        os.truncate(image, 1 << 20)
    else:
        with image.open("r+b") as stream:
            stream.seek(about.st_size // 2)
            byte = stream.read(1)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(bytes([byte[0] ^ 1]))
        os.utime(image, ns=(about.st_atime_ns, about.st_mtime_ns))
    ran = doit(built.workspace, f"image:{GATEWAYS[1]}")
    assert ran.status == 0, ran.text
    assert doit(built.workspace, "verify", str(image.parent)).status == 0


def test_clean_takes_away_what_the_task_made_and_no_more(built: Built, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(built.release / GATEWAYS[2], kept)
    ran = doit(built.workspace, "clean", f"verify:{GATEWAYS[2]}")
    assert ran.status == 0, ran.text
    assert not (built.release / GATEWAYS[2]).exists()
    assert (built.release / GATEWAYS[0]).exists()
    ran = doit(built.workspace, "build")
    assert ran.status == 0, ran.text
    assert (kept / "manifest.json").read_bytes() == (built.release / GATEWAYS[2] / "manifest.json").read_bytes()


def test_nothing_of_ours_is_in_doits_database(built: Built, demo_inputs: Path) -> None:
    database = b"".join(path.read_bytes() for path in built.workspace.glob(".doit*"))
    secret = (demo_inputs / "secrets" / "fleet.key").read_bytes()
    assert secret not in database
    assert secret.hex().encode() not in database
    assert b"_values_" not in database.replace(b'"_values_:": {}', b"")
