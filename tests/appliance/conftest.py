"""One prepared gateway disk and what inspection says of it, shared by all tests that need the appliance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.image.containers import prepare
from pipeline.image.read import inspect
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.vanilla import Vanilla
from tests.support.media import gateway_disk


@dataclass
class Bench:
    """A directory, the state of the appliance in it, and everything that was said."""

    directory: Path
    said: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.directory / "state"

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("appliance"))
    yield made
    # a test that was asked for alone may have had a place of its own
    left = [path.name for path in (made.state / "sessions").glob("*") if path.name != "lock"]
    assert left == [], "no session leaves anything behind"


@pytest.fixture(scope="session")
def raw(bench: Bench) -> Path:
    source = gateway_disk.gateway_disk(bench.directory / "vanilla.img")
    target = bench.directory / "vanilla.raw"
    (bench.directory / "sha256").write_text(prepare.prepare_raw(source, target, bench.say))
    return target


@pytest.fixture(scope="session")
def vanilla(bench: Bench, raw: Path) -> Vanilla:
    """What inspection learns; the image is read-only for its owner meanwhile, and not changed."""
    before = raw.read_bytes()
    raw.chmod(0o444)
    digest = (bench.directory / "sha256").read_text()
    found = inspect.inspect(raw, load_layouts(), sha256=digest, state_dir=bench.state, say=bench.say)
    assert raw.read_bytes() == before
    return found
