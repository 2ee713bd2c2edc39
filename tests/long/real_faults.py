"""Faults done to the real thing: a real build with its real appliance is killed, has no room, is copied and mounted.

    ./ci/bootstrap python -m tests.long.real_faults PLACE full              # as root: mounts; no appliance is started
    ./ci/bootstrap python -m tests.long.real_faults PLACE killed --kills 4  # one gateway; about three builds' time
    ./ci/bootstrap python -m tests.long.real_faults PLACE moved             # as root: mounts; of what `killed` built

killed: the demonstration with one gateway is built once in peace. In another directory a build is ended with SIGKILL
at random moments: doit alone, everything it started with it, or the appliance's qemu; after each, nothing of it may go
on running, and the last run's ``out/`` must be that of the peaceful one, byte for byte, with no name left in
``.build/`` that is not there too.
full: the workspace, or ``out/``, on a small file system. A build must end with a problem that says so in one line.
moved: the workspace copied, moved, and bind-mounted, then another one's files at its place: each is judged by its own.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support import disks
from tests.support.crash.pauses import virtual_machines
from tests.support.workspaces import CHECKOUT, a_workspace, doit

GATEWAY = "gw-north-01"
_ENDS = 60  # seconds in which what a killed build started must be gone


def one_gateway(place: Path) -> Path:
    """The demonstration's workspace with its first gateway only."""
    workspace = a_workspace(place, CHECKOUT / ".demo")
    devices = workspace / "devices.toml"
    devices.write_text("[[gateway]]\n".join(devices.read_text().split("[[gateway]]\n")[:2]))
    return workspace


def content_of(place: Path) -> dict[str, str]:
    """Names below a directory with mode and digest."""
    return {
        str(path.relative_to(place)): f"{path.lstat().st_mode:o} "
        + ("" if path.is_symlink() or not path.is_file() else disks.run("sha256sum", path).decode().split()[0])
        for path in sorted(place.rglob("*"))
    }


def names_in(state: Path) -> set[str]:
    """What there is in ``.build/``, but for what the appliance's start leaves by its own names."""
    return {
        str(path.relative_to(state)) for path in state.rglob("*") if path.relative_to(state).parts[0] != "appliance"
    }


def of_ours(workspace: Path) -> list[int]:
    """Processes that work in a workspace, or were started by one that does, whoever their parent is now."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            number = int(entry.name)
            about = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
            inside = (entry / "cwd").readlink().is_relative_to(workspace)
            if number != os.getpid() and (inside or os.fsencode(workspace) in about) and _runs(entry):
                found.append(number)
    return found


def _runs(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")


def kill_once(workspace: Path, chance: random.Random, longest: float) -> list[str]:
    """Start a build and end it with SIGKILL; what was not as it must be."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with (workspace.parent / "killed.log").open("ab") as log:
        build = subprocess.Popen(
            [sys.executable, "-m", "doit", "build"], cwd=workspace, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        after = chance.uniform(3, longest)
        with suppress(subprocess.TimeoutExpired):
            build.wait(after)
        victim = chance.choice(("doit", "everything", "qemu"))
        machines = virtual_machines(workspace)
        if victim == "qemu" and not machines:
            victim = "everything"
        if build.poll() is not None:
            victim = f"nothing: it had ended with {build.returncode}"
        elif victim == "everything":
            os.killpg(build.pid, signal.SIGKILL)
        elif victim == "doit":
            build.kill()
        else:
            for machine in machines:
                os.kill(machine, signal.SIGKILL)
        build.wait(1800)
    strays = of_ours(workspace)
    until = time.monotonic() + _ENDS
    while strays and time.monotonic() < until:
        time.sleep(1)
        strays = of_ours(workspace)
    print(
        f"   after {after:.0f} s: {victim} killed, {len(machines)} appliances ran, status {build.returncode}",
        flush=True,
    )
    wrong = [f"still running: {Path(f'/proc/{number}/cmdline').read_bytes()[:200]!r}" for number in strays]
    return wrong + [f"others can read {name}" for name in open_to_others(workspace / ".build")]


def open_to_others(state: Path) -> Iterator[str]:
    """The state directory is nobody else's; what lies in it is then closed as well."""
    if state.exists() and state.stat().st_mode & 0o077:
        yield str(state)


def killed(place: Path, kills: int, seed: int, longest: float) -> list[str]:
    """Kill a build again and again, let the last one end, compare."""
    peaceful, disturbed = place / "peaceful", place / "disturbed"
    if not (peaceful / "out").exists():
        shutil.rmtree(peaceful, ignore_errors=True)
        ran = doit(one_gateway(peaceful), "build", timeout=7200)
        if ran.status:
            return [f"the build in peace: {ran.text}"]
    shutil.rmtree(disturbed, ignore_errors=True)
    made = shutil.ignore_patterns(".build", "out", ".doit*")
    workspace = Path(shutil.copytree(peaceful, disturbed, symlinks=True, ignore=made))
    chance, wrong = random.Random(seed), list[str]()
    for _ in range(kills):
        wrong += kill_once(workspace, chance, longest)
    ran = doit(workspace, "build", timeout=7200)
    if ran.status:
        return [*wrong, f"the build after all: {ran.text[-1500:]}"]
    one, other = content_of(peaceful / "out"), content_of(workspace / "out")
    wrong += [f"out/: {name} differs" for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    wrong += [
        f".build/: {name} is left" for name in sorted(names_in(workspace / ".build") - names_in(peaceful / ".build"))
    ]
    print(f"   {kills} times killed, then built: {len(other)} names in out/ compared with those of a build in peace")
    return wrong


@contextmanager
def small(place: Path, mib: int) -> Iterator[None]:
    """A small file system."""
    place.mkdir(parents=True, exist_ok=True)
    disks.run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", place)
    try:
        yield
    finally:
        disks.run("umount", place)


def full(place: Path) -> list[str]:
    """No room for a workspace, and none for what is published."""
    wrong = []
    shutil.rmtree(place / "full", ignore_errors=True)
    for name, where, mib in (("the workspace", "", 64), ("out/", "out", 96)):
        root = place / "full" / (where or "workspace")
        workspace = root / "w"
        if where:
            one_gateway(workspace)
        with small(workspace / where if where else root, mib):
            if not where:
                one_gateway(workspace)
            ran = doit(workspace, "build", timeout=1800)
        told = [line for line in ran.text.splitlines() if "full" in line or "MiB are free" in line or "space" in line]
        print(f"   {name} on {mib} MiB: status {ran.status}: {' / '.join(told)}", flush=True)
        if not ran.status or not told or "Traceback" in ran.text or "starting the appliance" in ran.text:
            wrong.append(f"{name}: {ran.status} {ran.text[-1500:]}")
    return wrong


def judged(workspace: Path) -> dict[str, str]:
    """What doit says of each task: U where it is up to date, R where it would run."""
    ran = doit(workspace, "list", "--all", "--status", timeout=1800)
    if ran.status:
        return {"doit list": ran.text}
    lines = [line.split() for line in ran.text.splitlines() if line[:2] in ("R ", "U ", "E ")]
    return {words[1]: words[0] for words in lines}


def moved(place: Path) -> list[str]:
    """Copies, new names and mounts of what was built."""
    built, copy, other, bound = place / "peaceful", place / "copy", place / "moved", place / "bound"
    for one in (copy, other, bound):
        shutil.rmtree(one, ignore_errors=True)
    expected, wrong = judged(built), list[str]()

    def compare(what: str, found: dict[str, str], wanted: dict[str, str]) -> None:
        differs = {name: state for name, state in found.items() if wanted.get(name) != state}
        print(
            f"   {what}: {sum(state == 'U' for state in found.values())} of {len(found)} tasks up to date", flush=True
        )
        if differs or not found:
            wrong.append(f"{what}: {differs or 'no tasks'}")

    disks.run("cp", "-a", "--sparse=always", built, copy)
    compare("as built", expected, expected)
    compare("copied (cp -a)", judged(copy), expected)
    ran = doit(copy, "build", timeout=7200)
    print(f"   built again in the copy: status {ran.status}", flush=True)
    if ran.status or "starting the appliance" in ran.text:
        wrong.append(f"the copy was built again: {ran.text[-800:]}")
    disks.run("mv", copy, other)
    compare("moved", judged(other), expected)
    image = other / "out" / "demo-1.0" / GATEWAY / "image.img"
    with image.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xee" * 16)
    damaged = judged(other)
    if damaged == expected:
        wrong.append("an image changed in the moved workspace went unnoticed")
    compare("as built, while the moved one has a changed image", judged(built), expected)
    bound.mkdir()
    for source, wanted in ((built, expected), (other, damaged)):
        disks.run("mount", "--bind", source, bound)
        try:
            compare(f"bind-mounted, {source.name}'s files", judged(bound), wanted)
        finally:
            disks.run("umount", bound)
    return wrong


def main() -> int:
    """Do one kind of fault; 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("kind", choices=("killed", "full", "moved"))
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=180, help="seconds from a start to the kill, at most")
    given = parser.parse_args()
    place = given.place.resolve()
    place.mkdir(parents=True, exist_ok=True)
    made = doit(CHECKOUT, "demo")
    if made.status:
        sys.exit(made.text)
    if given.kind == "killed":
        wrong = killed(place, given.kills, given.seed, given.longest)
    else:
        wrong = {"full": full, "moved": moved}[given.kind](place)
    for line in wrong:
        print(f"   WRONG: {line}")
    print(f"{given.kind}: {len(wrong)} things not as they must be")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
