"""The notes of a release say what is left for people, once for all it is of, and what is waived."""

from __future__ import annotations

from dataclasses import replace

from pipeline.model.manifest import Manifest, Step
from pipeline.report.text.release_notes import release_notes
from tests.support.manifest import a_manifest


def notes(*manifests: Manifest) -> str:
    return release_notes(manifests, ()).decode()


def test_what_is_left_is_told_once_and_whose_it_is() -> None:
    one, two = a_manifest("gw-1"), a_manifest("gw-2")
    two = replace(two, steps=(*two.steps, Step("Write uboot-env.bin to /dev/mtd1", "A:98")))
    text = notes(two, one)
    assert text == notes(one, two)
    assert "1. Boot once and let the keystores be encrypted [B:543]\n" in text
    assert "2. Write uboot-env.bin to /dev/mtd1 [A:98] (gw-2 only)\n" in text
    assert text.count("Boot once") == 1
    assert "Release demo-1\n==============\n\n2 gateways, as of 2023-11-14, not for production\n" in text


def test_waivers_stand_with_reason_name_and_end() -> None:
    assert "- bootloader.delay: laboratory (release engineer, until 2030-01-01)\n" in notes(a_manifest())
    assert "waived\n--------------------------------\nNone.\n" in notes(replace(a_manifest(), rules=()))


def test_the_system_s_release_is_recorded() -> None:
    manifest = replace(a_manifest(), facts={"os_release": {"ID": "debian", "VERSION_ID": "12"}})
    assert "System: debian 12; framework 5.0.0\n" in notes(manifest)
    assert "System: unknown; framework 5.0.0\n" in notes(a_manifest())


def test_nothing_of_a_manifest_can_forge_a_line() -> None:
    text = notes(replace(a_manifest(), steps=(Step("all done\n2. nothing else\x1b[2J"),)))
    assert "\x1b" not in text
    assert "\n2. nothing" not in text


def test_nothing_left_is_said() -> None:
    assert "---------------\nNothing.\n" in notes(replace(a_manifest(), steps=()))
