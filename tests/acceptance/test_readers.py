"""The finished image's own programs judge what is planted in it, and nothing of that reaches the image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.host.digests import sha256_of
from pipeline.image.appliance.session import Drive, launch
from pipeline.image.read.look import look_at
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.asking import Case, ask_all, ask_image
from tests.acceptance.conftest import Built
from tests.support.readers.breakages import PLANTS

pytestmark = pytest.mark.appliance

# One of each reader; tests/long/ask_planted.py asks about all of them.
CHOSEN = tuple({plant.reader: plant for plant in reversed(PLANTS)}.values())


def test_planted_files_are_refused_in_the_programs_own_words(built: Built, tmp_path: Path) -> None:
    image = built.image("gw-south-02")
    before = sha256_of(image)
    with launch([Drive(image, writable=False)], state_dir=tmp_path, say=lambda _: None) as session:
        device = session.devices[0]
        view = look_at(session, device, image, load_layouts(), say=lambda _: None)
        assert view.disk is not None
        as_it_is = ask_image(session, device, view, state_dir=tmp_path, say=lambda _: None)
        cases = []
        for number, plant in enumerate(CHOSEN):
            layer, after, asked = plant.question(view)
            cases.append(Case(f"p{number}", after, layer, (asked,)))
        told = ask_all(session, device, view.disk, cases, state_dir=tmp_path, say=lambda _: None)
    assert [answer for answer in as_it_is if answer.verdict is ReaderVerdict.NO] == []
    assert [f"{plant.name}: {answer.message}" for plant, (answer,) in zip(CHOSEN, told, strict=True)
            if not plant.is_told(answer)] == []  # fmt: skip
    assert sha256_of(image) == before


def test_the_manifest_has_every_answer(built: Built) -> None:
    manifest = json.loads((built.release / "gw-south-02" / "manifest.json").read_bytes())
    answers = {(one["reader"], one["subject"]): one for one in manifest["readers"]}
    sshd = answers["sshd", "/etc/ssh/sshd_config"]
    assert (sshd["verdict"], sshd["source"], sshd["program"]) == ("yes", "image", "/usr/sbin/sshd")
    assert sshd["version"].startswith("OpenSSH_")
    assert manifest["rules"]["outcomes"]["readers.iptables"]["outcome"] == "pass"
    assert {one["verdict"] for one in manifest["readers"]} <= {"yes", "could not ask"}
