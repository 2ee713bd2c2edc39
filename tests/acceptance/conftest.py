"""The demonstration, built once for all tests that look at what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.once import one_at_a_time
from tests.support.workspaces import CHECKOUT, Ran, a_workspace, doit

GATEWAYS = ("gw-north-01", "gw-south-02", "gw-lab-03")


@dataclass(frozen=True)
class Built:
    """A workspace after ``doit build``."""

    workspace: Path
    run: Ran

    @property
    def release(self) -> Path:
        """The release directory."""
        return self.workspace / "out" / "demo-1.0"

    def image(self, gateway: str) -> Path:
        """One gateway's image."""
        return self.release / gateway / "image.img"


@pytest.fixture(scope="session")
def demo_inputs() -> Path:
    """Keys, vanilla image and golden sample, made in the checkout once."""
    with one_at_a_time(CHECKOUT / ".demo"):
        ran = doit(CHECKOUT, "demo")
    assert ran.status == 0, ran.text
    return CHECKOUT / ".demo"


@pytest.fixture(scope="session")
def built(demo_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The demonstration, built in a workspace of its own."""
    workspace = a_workspace(tmp_path_factory.mktemp("acceptance") / "workspace", demo_inputs)
    ran = doit(workspace, "build")
    assert ran.status == 0, ran.text
    return Built(workspace, ran)
