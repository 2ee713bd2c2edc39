"""The verifier on a machine that has nothing of the build: the installed package, three files, a key, another user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import Built
from tests.support.workspaces import CHECKOUT

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

GATEWAY = "gw-south-02"
FILES = ("image.img", "manifest.json", "manifest.json.sig")
USER = 12346


@dataclass(frozen=True)
class Machine:
    """A directory with what QA received, and a package that lies nowhere near the checkout."""

    place: Path
    site: Path

    @property
    def desk(self) -> Path:
        """What QA received, and nothing else."""
        return self.place / "desk"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The verifier as an ordinary user calls it; as root only where nobody else can be."""
        other = os.getuid() == 0
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if other else []
        keep = {name: value for name, value in os.environ.items() if name.startswith("LIBGUESTFS") or name == "PATH"}
        environment = {
            **keep, "HOME": str(self.place / "home"), "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.place / "tmp"), "LIBGUESTFS_CACHEDIR": str(self.place / "tmp"),
        }  # fmt: skip
        return subprocess.run(
            [*prefix, sys.executable, "-m", "doit", "verify", "--allowed-signers", "trusted", *arguments],
            cwd=self.desk, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=1800,
        )  # fmt: skip


@pytest.fixture(scope="module")
def machine(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    # Below the system's own directory for such things: a test's directory is closed to other users.
    with tempfile.TemporaryDirectory(prefix="clean-machine-") as name:
        made = Machine(Path(name), Path(name) / "site")
        source = tmp_path_factory.mktemp("source")
        for part in ("pipeline", "pyproject.toml", "README.md", "LICENSE"):
            if (CHECKOUT / part).is_dir():
                shutil.copytree(CHECKOUT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(CHECKOUT / part, source / part)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*command, "--target", str(made.site), str(source)], check=True, capture_output=True)
        for directory in (made.desk, made.place / "home", made.place / "tmp"):
            directory.mkdir()
        for file in FILES:
            shutil.copyfile(built.release / GATEWAY / file, made.desk / file)
        shutil.copyfile(built.release / "allowed_signers", made.desk / "trusted")
        if os.getuid() == 0:
            for path in (made.place, *made.place.rglob("*")):
                os.chown(path, USER, USER, follow_symlinks=False)
        yield made


def test_three_files_and_a_key_are_verified(machine: Machine) -> None:
    done = machine.run("--json", "image.img")
    assert done.returncode == 0, done.stdout + done.stderr
    (verdict,) = json.loads(done.stdout)["verdicts"]
    assert (verdict["gateway"], verdict["passed"], verdict["findings"]) == (GATEWAY, True, [])
    assert any("rules" in check for check in verdict["checks"])
    assert sorted(path.name for path in machine.desk.iterdir()) == sorted((*FILES, "trusted"))  # nothing left behind


def test_one_bit_and_a_key_nobody_trusts_are_told(machine: Machine) -> None:
    image = machine.desk / "image.img"
    with image.open("r+b") as stream:
        stream.seek(446)
        before = stream.read(1)
        stream.seek(446)
        stream.write(bytes([before[0] ^ 0x80]))
    try:
        done = machine.run("image.img")
    finally:
        with image.open("r+b") as stream:
            stream.seek(446)
            stream.write(before)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "outside all partitions: sha256" in done.stdout
    (machine.desk / "empty").write_text("")
    done = machine.run("--allowed-signers", "empty", "image.img")
    assert done.returncode in (1, 2)
    assert "verified" not in done.stdout
    done = machine.run("manifest.json.sig", "nowhere")
    assert done.returncode == 2
    assert "nowhere: not there" in done.stderr
