"""Images that the boot tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.demo.vanilla import build_vanilla
from pipeline.demo.vendor import vendor_identity
from tests.support.once import one_at_a_time

WORKSPACE = Path(__file__).resolve().parents[2]
EPOCH = 1_700_000_000


@pytest.fixture(scope="session")
def demo_vanilla() -> Path:
    """The demo's vanilla image: the one `doit demo` has built, else one of the tests' own beside it.

    The own one is kept between runs (Debian's packages take half a minute) but never under the task's name, whose
    content the task must be able to trust.
    """
    built = WORKSPACE / ".demo" / "vanilla.img"
    if built.exists():
        return built
    directory = WORKSPACE / ".demo" / "boot-tests"
    image = directory / "vanilla.img"
    with one_at_a_time(directory):
        build_vanilla(
            image,
            directory,
            epoch=EPOCH,
            progress=lambda _: None,
            vendor=vendor_identity(directory / "keys"),
            plugins={},
        )
    return image
