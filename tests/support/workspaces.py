"""Workspaces for tests that run the product as a user does: its own processes, its own directories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.once import one_at_a_time

CHECKOUT = Path(__file__).resolve().parents[2]

# What a workspace of the demonstration is made of; the pipeline itself is imported from the checkout.
_PARTS = ("dodo.py", "gateway.toml", "golden.lock", "devices.toml", "overlays", "keys", "golden")


@dataclass(frozen=True)
class Ran:
    """A finished run of doit."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that was said."""
        return self.stdout + self.stderr


def doit(
    workspace: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    timeout: float = 1800,
    prefix: tuple[str, ...] = (),
) -> Ran:
    """Run doit in a workspace, as a person would type it; `prefix` is what starts it, such as unshare."""
    inherited = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    environment = {**inherited, "PYTHONPATH": str(CHECKOUT), **(env or {})}
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "doit", *arguments],
        cwd=workspace,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def a_workspace(place: Path, demo_inputs: Path) -> Path:
    """A copy of the demonstration's workspace that shares the inputs that take minutes to make."""
    place.mkdir(parents=True)
    for part in _PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, place / part, symlinks=True)
        else:
            shutil.copy2(source, place / part)
    (place / ".demo").symlink_to(demo_inputs)
    return place


def an_example(place: Path, name: str) -> Path:
    """A copy of a workspace below ``examples/``; its inputs are made in the checkout once, and shared."""
    source = CHECKOUT / "examples" / name
    with one_at_a_time(source / ".demo"):
        ran = doit(source, "demo")
    assert ran.status == 0, ran.text
    shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns(".demo", ".build", "out", ".doit*"))
    (place / ".demo").symlink_to(source / ".demo")
    return place


def edit(file: Path, old: str, new: str) -> None:
    """Change a text that must be there."""
    text = file.read_text("utf-8")
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new), "utf-8")
