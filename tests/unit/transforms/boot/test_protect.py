"""The boot delay in the image's environment file."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.boot import uboot_env
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Bootloader
from pipeline.transforms.boot import bootloader
from tests.support.release import a_release
from tests.support.uboot import an_environment
from tests.support.vanilla import a_vanilla

PATH = "/boot/uboot.env"
ENVIRONMENT = an_environment({"bootcmd": "boot", "bootdelay": "2"})


@pytest.mark.parametrize("delay", [0, -2])
def test_only_the_delay_changes(delay: int) -> None:
    layer = bootloader.protect(a_vanilla({PATH: ENVIRONMENT}), a_release(bootloader=Bootloader(bootdelay=delay)))
    (entry,) = layer.entries
    assert isinstance(entry, FileEntry)
    assert entry.content == an_environment({"bootcmd": "boot", "bootdelay": str(delay)})


def test_both_files_of_a_redundant_environment_are_written() -> None:
    files = {
        PATH: an_environment({"bootdelay": "2"}, flags=1),
        "/boot/uboot-redund.env": an_environment({"bootdelay": "3"}, flags=2),
    }
    layer = bootloader.protect(a_vanilla(files), a_release())
    assert [uboot_env.parse(entry.content).get("bootdelay") for entry in layer.files()] == ["0", "0"]


def test_the_file_is_found_behind_a_link() -> None:
    layer = bootloader.protect(a_vanilla({"/boot/firmware/env": ENVIRONMENT}, {PATH: "firmware/env"}), a_release())
    assert [entry.path for entry in layer.entries] == [GuestPath("/boot/firmware/env")]


def test_an_environment_outside_the_image_is_left_alone() -> None:
    assert bootloader.protect(a_vanilla(), a_release(bootloader=Bootloader(environment=""))) == Layer()


@pytest.mark.parametrize(
    ("files", "complaint"),
    [({}, "is missing"), ({PATH: ENVIRONMENT[:-4]}, "no CRC fits"), ({PATH: b""}, "no CRC fits")],
)
def test_an_environment_that_cannot_be_changed_is_refused(files: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        bootloader.protect(a_vanilla(files), a_release())
