"""What is left when a piece of work dies at one of its calls, and whether the next run makes good."""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.build import reading
from pipeline.host.workspace import Workspace
from pipeline.verification import verify_paths
from tests.support.crash import interrupting
from tests.support.crash.workspace import MARKER, RELEASE, quiet
from tests.support.delivered import Looker

NEAR, FAR = "near", "far"


@dataclass(frozen=True)
class Place:
    """Two directories of one state: the workspace, and one on another file system."""

    near: Path
    far: Path

    @property
    def release(self) -> Path:
        """What people see."""
        return self.near / "out" / RELEASE

    def forget(self) -> None:
        """Take both away."""
        for path in (self.near, self.far):
            shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Scenario:
    """A piece of work.

    Attributes:
        prepare: makes what is there before, in a new place.
        work: what is interrupted.
        afterwards: what a person runs next; the same again by default.
        unseen: for a moment neither the old nor the new is there; it must be kept aside then.
        deltas: gateways are not whole images.
        damaged: a gateway does not verify before; it may stay so until it is replaced.
        results: what is compared byte for byte, below the workspace.
    """

    name: str
    prepare: Callable[[Place], None]
    work: Callable[[Place], None]
    afterwards: Callable[[Place], None] | None = None
    unseen: bool = False
    deltas: bool = False
    damaged: bool = False
    results: str = f"out/{RELEASE}"


Picture = Mapping[str, tuple[int, str]]
"""What lies in a directory: mode and digest (or target) by name."""


@dataclass
class Figures:
    """What a scenario came to.

    Attributes:
        calls: that change the disk in one untouched run.
        interrupted: processes killed, each at another call or at half of it.
        pictures: different states of the disk among them; for each the work was ended and compared.
        aside: moments in which a gateway was kept aside and not shown.
    """

    name: str
    calls: int = 0
    interrupted: int = 0
    pictures: int = 0
    aside: int = 0
    failures: list[str] = field(default_factory=list)


class Trials:
    """All interruptions of a scenario."""

    def __init__(self, scenario: Scenario, near: Path, far: Path) -> None:
        """Prepare, and do the work once untouched.

        Args:
            near, far: directories on two file systems.
        """
        self.scenario = scenario
        self.figures = Figures(scenario.name)
        self._roots = (near, far)
        self._template = Place(near / f"{scenario.name}.template", far / f"{scenario.name}.template")
        self._place = Place(near / f"{scenario.name}.state", far / f"{scenario.name}.state")
        self._template.forget()
        for path in (self._template.near, self._template.far):
            path.mkdir(parents=True)
        status = interrupting.plainly(lambda: scenario.prepare(self._template))
        assert status == 0, scenario.name
        self._before = picture(self._fresh().release)
        self.ran = interrupting.run(lambda: scenario.work(self._place), self._watched())
        assert self.ran.status == 0, (scenario.name, self.ran)
        self.figures.calls = len(self.ran.calls)
        self._after = picture(self._place.release)
        if scenario.afterwards is not None:
            assert interrupting.plainly(lambda: scenario.afterwards and scenario.afterwards(self._place)) == 0
        self._names, self._result, self._marked = self._everything(), self._results(), self._secrets()
        self._seen: set[str] = set()

    def points(self) -> list[tuple[int, bool]]:
        """Every call, and half of every one that writes."""
        return [
            (at, half) for at, large in enumerate(self.ran.pieces) for half in ((False, True) if large else (False,))
        ]

    def interrupt(self, at: int, *, half: bool) -> None:
        """Kill the work at one point, look, run the next, look again."""
        place = self._fresh()
        self.figures.interrupted += 1
        died = interrupting.run(lambda: self.scenario.work(place), self._watched(), at=at, half=half)
        call = _shown(died.calls[-1] if died.calls else "?", place)
        what = f"{self.scenario.name}: {'half of ' if half else ''}call {at}: {call}"
        if died.status is not None:
            self._fail(what, f"ended with {died.status} before it was killed")
            return
        left = _digest(self._pictured())
        if left in self._seen:
            return
        self._seen.add(left)
        self.figures.pictures += 1
        for problem in self._visible(place):
            self._fail(what, f"when it was killed: {problem}")
        for problem in self._readable():
            self._fail(what, f"when it was killed: {problem}")
        following = self.scenario.afterwards or self.scenario.work
        if interrupting.plainly(lambda: following(place)):
            self._fail(what, "the next run fails")
            return
        for problem in self._differences():
            self._fail(what, f"after the next run: {problem}")

    def close(self) -> None:
        """Take everything away."""
        self._template.forget()
        self._place.forget()

    def _watched(self) -> tuple[Path, ...]:
        return (self._place.near, self._place.far)

    def _fresh(self) -> Place:
        self._place.forget()
        for source, target in ((self._template.near, self._place.near), (self._template.far, self._place.far)):
            shutil.copytree(source, target, symlinks=True)
            for link in (path for path in target.rglob("*") if path.is_symlink()):
                to = str(link.readlink())
                if ".template" in to:
                    link.unlink()
                    link.symlink_to(to.replace(".template", ".state"))
        return self._place

    def _fail(self, what: str, problem: str) -> None:
        self.figures.failures.append(f"{what}: {problem}")

    def _visible(self, place: Place) -> Iterator[str]:
        """Each gateway in ``out/`` is the complete old or the complete new one, and verifies."""
        now = _by_directory(picture(place.release))
        before, after, result = (_by_directory(one) for one in (self._before, self._after, self._result))
        if not (self._before or self._after):
            return  # no release is made
        for name in sorted({*before, *after, *now}):
            have, old = now.get(name), before.get(name)
            if have is None:
                if old is not None and name in after:
                    if self.scenario.unseen and any(place.near.rglob(f"{name}.leaving")):
                        self.figures.aside += 1
                    else:
                        yield f"{name} is gone"
            elif have not in (old, after.get(name), result.get(name)):
                yield f"{name} is neither the old nor the new: {sorted(have)}"
            elif not self.scenario.deltas and not (self.scenario.damaged and have == old):
                yield from _verified(place, name, have)

    def _readable(self) -> Iterator[str]:
        """Nothing secret that others could read."""
        for root in self._watched():
            for path, content in _files(root):
                if MARKER in content and not _is_private(path, root):
                    yield f"{path.relative_to(root)}: secret, and others can read it"

    def _differences(self) -> Iterator[str]:
        have = self._results()
        for name in sorted({*have, *self._result}):
            if have.get(name) != self._result.get(name):
                yield f"{name}: {have.get(name)}, untouched: {self._result.get(name)}"
        for name in sorted(self._everything() ^ self._names):
            yield f"{name}: {'missing' if name in self._names else 'left over'}"
        for name in sorted(self._secrets() - self._marked):
            yield f"{name}: holds a secret"

    def _results(self) -> Picture:
        return picture(self._place.near / self.scenario.results)

    def _everything(self) -> set[str]:
        return {f"{root.name}/{path.relative_to(root)}" for root in self._watched() for path in root.rglob("*")}

    def _secrets(self) -> set[str]:
        found = ((root, path) for root in self._watched() for path, content in _files(root) if MARKER in content)
        return {f"{root.name}/{path.relative_to(root)}" for root, path in found}

    def _pictured(self) -> Picture:
        """All of a state, without what differs from process to process: numbers, random names, times."""
        found = {}
        for kind, root in zip((NEAR, FAR), self._watched(), strict=True):
            for name, (mode, digest) in picture(root).items():
                general = re.sub(r"\.\d+(?=\.new$|$)|(?<=stamp-|erify-)\w+", "*", name)
                changing = "records/" in name or "fleet/gateways/" in name or name.endswith(("lock", "fingerprint.key"))
                empty = changing and stat.S_ISREG(mode) and not (root / name).lstat().st_size
                found[f"{kind}/{general}"] = (mode, str(not empty) if changing else digest)
        return found


def picture(directory: Path) -> Picture:
    """What lies in a directory."""
    found: dict[str, tuple[int, str]] = {}
    for path in directory.rglob("*"):
        about, name = path.lstat(), path.relative_to(directory).as_posix()
        if stat.S_ISLNK(about.st_mode):
            found[name] = (about.st_mode, str(path.readlink()))
        elif stat.S_ISREG(about.st_mode):
            found[name] = (about.st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
        else:
            found[name] = (about.st_mode, "")
    return found


def _by_directory(seen: Picture) -> dict[str, Picture]:
    """Each gateway's directory; its own mode, which changes as it gets its name, is left out."""
    found: dict[str, dict[str, tuple[int, str]]] = {
        name: {} for name, (mode, _) in seen.items() if "/" not in name and stat.S_ISDIR(mode) and name[0] != "."
    }
    for name, about in seen.items():
        top, _, rest = name.partition("/")
        if rest and top in found:
            found[top][rest] = about
    return dict(found)


def _digest(seen: Picture) -> str:
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()


_JUDGED: dict[str, tuple[str, ...]] = {}


def _verified(place: Place, name: str, seen: Picture) -> tuple[str, ...]:
    """What the verifier finds; the same bytes, with the same sums and statement beside them, are looked at once."""
    beside = {name: about for name, about in picture(place.release).items() if "/" not in name and "SUMS" in name}
    digest = _digest({**seen, **beside})
    if digest not in _JUDGED:
        with tempfile.TemporaryDirectory() as state:
            signers = Path(state) / "trusted"
            signers.write_bytes(reading.allowed_signers_of(Workspace(place.near)))
            verdicts = verify_paths(
                [place.release / name], allowed_signers=signers, identity=None, deep=False, state_dir=Path(state),
                say=quiet, observe=Looker(), rules=(),
            )  # fmt: skip
        _JUDGED[digest] = tuple(f"{one.subject}: {one.check}: {one.seen}" for each in verdicts for one in each.findings)
    return _JUDGED[digest]


def _files(root: Path) -> Iterator[tuple[Path, bytes]]:
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def _is_private(path: Path, root: Path) -> bool:
    inside = [path, *(parent for parent in path.parents if parent.is_relative_to(root))]
    return any(not one.stat().st_mode & 0o077 for one in inside)


def _shown(call: str, place: Place) -> str:
    shown = call.replace(str(place.near.resolve()), "").replace(str(place.far.resolve()), FAR)
    return re.sub(r"\.\d+(?=\.new)", "", shown)


def judged() -> int:
    """How many different directories of gateways were verified."""
    return len(_JUDGED)
