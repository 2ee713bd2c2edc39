"""Runs documented command lines one after the other in a fresh clone, as a reader would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.support.documented_walk import HAVE, Step

CHECKOUT = Path(__file__).resolve().parents[2]


def fresh_clone(place: Path, *, of: Path = CHECKOUT) -> Path:
    """What git has, and nothing else; what is changed here and not committed yet comes along."""
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(of), str(place)], check=True)
    changed = subprocess.run(
        ["git", "-C", str(of), "ls-files", "-z", "--modified", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, changed.decode().split("\0")):
        source, target = of / name, place / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
        else:
            target.unlink()
    if changed:
        commit = ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--no-verify", "-am", "as is"]
        subprocess.run(["git", "-C", str(place), "add", "-A"], check=True)
        subprocess.run(["git", "-C", str(place), *commit], check=True)
    return place


def environment(clone: Path, home: Path) -> Mapping[str, str]:
    """The reader's: programs of the virtual environment first, the product from the clone."""
    kept = {name: value for name, value in os.environ.items() if name not in ("SOURCE_DATE_EPOCH", "PYTHONPATH")}
    path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONPATH": str(clone), "HOME": str(home), "TERM": "dumb"}


def have(clone: Path, home: Path) -> None:
    """Make what the reader has before he begins."""
    home.mkdir(exist_ok=True)
    _bash(clone, home, HAVE)


def walk(clone: Path, home: Path, steps: Iterable[Step]) -> Iterator[str]:
    """Run steps in order; yields one line for each that does not come out as documented."""
    for step in steps:
        done = _bash(clone, home, step.run.replace("{doc}", step.line), check=False)
        if done.returncode not in step.statuses or "Traceback" in done.stderr:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
            yield f"{step.line}: status {done.returncode}\n{tail}"


def left_in_git(clone: Path) -> list[str]:
    """What the steps left that git would take up, but for files that the documents tell people to commit."""
    done = subprocess.run(
        ["git", "-C", str(clone), "status", "--porcelain", "--untracked-files=all"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def _bash(clone: Path, home: Path, text: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=clone,
        env=environment(clone, home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=check,
        timeout=7200,
    )
