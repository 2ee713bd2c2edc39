"""An appliance that hangs, crashes or is interrupted leaves nothing running and nothing lying about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.appliance import session_dir
from pipeline.image.appliance.session import Drive, launch
from pipeline.model.guest_path import GuestPath
from tests.appliance.conftest import Bench

pytestmark = pytest.mark.appliance


def processes_about(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def stub(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "qemu"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "deadline", "message"),
    [
        ("exec sleep 4711.125", 3.0, "did not end within 3 s"),
        ('case "$*" in *"-display none"*guestfsd*) exec sleep 4711.125;; *) exec qemu-system-x86_64 "$@";; esac', 20.0,
         "did not end within 20 s"),
        ("exit 1", 60.0, "launch failed"),
    ],
)  # fmt: skip
def test_a_qemu_that_hangs_or_crashes(
    text: str, deadline: float, message: str, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    monkeypatch.setenv("LIBGUESTFS_HV", str(stub(tmp_path, text)))
    monkeypatch.setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg")
    started = time.monotonic()
    with (
        pytest.raises(PipelineError, match=message),
        launch([Drive(raw, writable=False)], state_dir=tmp_path / "state", say=bench.say, deadline=deadline),
    ):
        pytest.fail("it started")
    assert time.monotonic() - started < deadline + 20
    assert processes_about("4711.125") == []
    assert [path.name for path in (tmp_path / "state" / "sessions").iterdir()] == ["lock"]


def test_interrupting_and_killing(raw: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, time; from pathlib import Path\n"
        # whoever runs the tests in the background has it ignored, and children inherit that
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pipeline.image.appliance.session import Drive, launch\n"
        "drive = Drive(Path(sys.argv[1]), writable=False)\n"
        "with launch([drive], state_dir=Path(sys.argv[2]), say=lambda text: None) as session:\n"
        "    print('up', flush=True)\n"
        "    session._call('debug', 'sh', ['sleep 300'])\n"
    )
    root = Path(__file__).resolve().parents[2]
    for number, kill in enumerate((signal.SIGINT, signal.SIGKILL)):
        state = tmp_path / f"state{number}"
        environment = {**os.environ, "PYTHONPATH": str(root), "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
        environment["FLEET_SECRET"] = "planted-4711"
        with subprocess.Popen(
            [sys.executable, "-c", program, raw, state],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            (noted,) = state.glob("sessions/*/sockets")
            sockets = Path(os.fsdecode(noted.read_bytes()))
            assert sockets.is_dir()
            # a secret in a variable of ours is none of qemu's business; a fork of ours shows what we were started with
            qemu = [pid for pid in processes_about(str(state)) if "qemu" in Path(f"/proc/{pid}/exe").readlink().name]
            assert qemu
            assert not [pid for pid in qemu if b"planted" in Path(f"/proc/{pid}/environ").read_bytes()]
            process.send_signal(kill)
            started = time.monotonic()
            process.wait(20)
            assert time.monotonic() - started < 10
        mine = str(state)
        deadline = time.monotonic() + 10  # after SIGKILL libguestfs' own watchdog ends qemu within seconds
        while processes_about(mine) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert processes_about(mine) == []
        if kill is signal.SIGKILL:
            assert sockets.is_dir(), "nobody was left to remove it"
            session_dir.sweep(state)
        assert [path.name for path in (state / "sessions").iterdir()] == ["lock"]
        assert not sockets.exists()


def test_what_happens_inside_never_reaches_a_read_only_drive(raw: Path, bench: Bench) -> None:
    before = raw.read_bytes()
    raw.chmod(0o444)
    with launch([Drive(raw, writable=False)], state_dir=bench.state, say=bench.say) as session:
        session.mount(f"{session.devices[0]}2", "ext4", GuestPath("/"), writable=True)
        session.remove(GuestPath("/etc"))
        session.umount_all()
        with pytest.raises(PipelineError, match="checksum /etc/passwd failed"):
            session.digest(GuestPath("/etc/passwd"))
    assert raw.read_bytes() == before
    assert "LIBGUESTFS_TRACE" not in os.environ
