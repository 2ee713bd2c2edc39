"""Nothing of a session outlives it: not its directory, not its sockets, not its processes; even when it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.image.appliance import accelerator, session_dir


def test_a_session_cleans_up_after_itself_and_after_failure(tmp_path: Path) -> None:
    with session_dir.claim(tmp_path) as place:
        (place.directory / "overlay").write_bytes(b"x")
        with place.scratch() as file:
            file.write_bytes(b"secret")
        assert not file.exists()
        session_dir.sweep(tmp_path)
        assert place.directory.exists(), "one that is in use is not swept"
    with pytest.raises(KeyboardInterrupt), session_dir.claim(tmp_path) as place:
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["lock"]


def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    sockets = Path(tempfile.mkdtemp(prefix="libguestfs", dir=tmp_path))
    foreign = tmp_path / "precious"
    foreign.mkdir()
    program = (
        "import os, signal, sys; from pathlib import Path; from pipeline.image.appliance import session_dir\n"
        "with session_dir.claim(Path(sys.argv[1])) as place:\n"
        "    (place.directory / 'sockets').write_bytes(os.fsencode(sys.argv[2]))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[4])}
    for directory in (sockets, foreign):
        subprocess.run([sys.executable, "-c", program, tmp_path, directory], env=environment, check=False)
    assert len(list((tmp_path / "sessions").iterdir())) == 3
    session_dir.sweep(tmp_path)
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["lock"]
    assert not sockets.exists()
    assert foreign.exists(), "only what libguestfs calls its own is removed"


def test_processes_are_found_by_their_mark_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session_dir.claim(tmp_path) as place:
        monkeypatch.setenv("PLANTED", "secret")
        before = dict(os.environ)
        with place.marked():
            marked = subprocess.Popen(["sleep", "600"])
        assert dict(os.environ) == before
        other = subprocess.Popen(["sleep", "600"])
        try:
            assert b"PLANTED" not in Path(f"/proc/{marked.pid}/environ").read_bytes()
            place.kill_children()
            assert marked.wait(5) == -9
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()


def probe_program(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(accelerator, "_PROBE", text)


def test_kvm_is_believed_only_after_it_worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.delenv("LIBGUESTFS_BACKEND_SETTINGS", raising=False)
    monkeypatch.setattr(accelerator, "_DEVICE", tmp_path)  # something that can be opened
    probe_program(monkeypatch, "import sys; sys.exit(1)")
    assert accelerator.settings(tmp_path, said.append) == ("force_tcg",)
    assert [line for line in said if "without KVM" in line] == [said[-1]]
    probe_program(monkeypatch, "")
    said.clear()
    assert accelerator.settings(tmp_path, said.append) == ("force_tcg",), "the outcome is remembered"
    assert said == []
    (tmp_path / "accelerator.json").write_text("{damaged")
    assert accelerator.settings(tmp_path, said.append) == ()
    probe_program(monkeypatch, "import sys; sys.exit(1)")
    assert accelerator.settings(tmp_path, said.append) == (), "that it works is remembered too"
    monkeypatch.setattr(accelerator, "_machine", lambda: "after a reboot")
    assert accelerator.settings(tmp_path, said.append) == ("force_tcg",)


def test_without_a_device_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.delenv("LIBGUESTFS_BACKEND_SETTINGS", raising=False)
    monkeypatch.setattr(accelerator, "_DEVICE", tmp_path / "missing")
    assert accelerator.settings(tmp_path, said.append) == ("force_tcg",)
    assert len(said) == 1
    monkeypatch.setenv("LIBGUESTFS_BACKEND_SETTINGS", "other:force_tcg")
    assert accelerator.settings(tmp_path / "new", said.append) == ("force_tcg",)
    assert len(said) == 1


def test_a_probe_that_hangs_is_killed_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    probe_program(
        monkeypatch,
        "import os, subprocess, time\n"
        f"child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)\n",
    )
    assert not accelerator.probe(tmp_path, patience=1.5)
    for pid in pids.read_text().split():
        status = Path(f"/proc/{pid}/stat")
        # Gone, or dead and waiting for whoever adopted it.
        assert not status.exists() or status.read_text().split()[2] in "ZX"
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["lock"]
