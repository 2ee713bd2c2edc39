"""What is read before a signature or digest is bounded: no file, however made, costs the verifier its machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.delivered import Key, deliver
from tests.support.media.bombs import BOMBS
from tests.support.workspaces import CHECKOUT

KEY = Key.new()
_MIB = 1024  # KiB


def _verify(release: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.media.bombs", release, release.parent / "trusted"],
        cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    release = tmp_path_factory.mktemp("quiet") / "demo-1"
    deliver(release, KEY, "gw-1")
    (release.parent / "trusted").write_text(KEY.line())
    return _verify(release)


@pytest.mark.parametrize(("place", "make"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_at_no_cost(tmp_path: Path, quiet: dict[str, object], place: str, make: object) -> None:
    release = tmp_path / "demo-1"
    deliver(release, KEY, "gw-1")
    (tmp_path / "trusted").write_text(KEY.line())
    (release / "gw-1" / place).write_bytes(make())  # type: ignore[operator]
    seen = _verify(release)
    assert seen["found"]
    assert quiet["found"] == []
    assert int(str(seen["kib"])) - int(str(quiet["kib"])) < 100 * _MIB
    # Ten times what it may take on a quiet machine: a quadratic reader takes hundreds of seconds.
    assert float(str(seen["seconds"])) < 20
