"""Private directories of killed processes are swept by the next, whoever that is; those in use stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.host.scratch import scratch_directory, sweep_strays, temporary_directory
from pipeline.signing.keys.private_file import make_once
from tests.support.workspaces import CHECKOUT

_HOLD = """
import sys, time
from pathlib import Path
from pipeline.host.scratch import scratch_directory, sweep_strays, temporary_directory
from pipeline.signing.keys.private_file import make_once
with scratch_directory("stamp-", Path(sys.argv[1])) as place:
    (place / "content-0").write_bytes(b"host key")
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, cwd=CHECKOUT, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        sweep_strays(tmp_path)
        assert len(list(tmp_path.glob("stamp-*/content-0"))) == 1
        holder.send_signal(how)
        holder.wait()
    assert len(list(tmp_path.glob("stamp-*/content-0"))) == 1
    with scratch_directory("verify-", tmp_path) as place:
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [place.name]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_strays_of_former_versions_go_too(tmp_path: Path) -> None:
    for name in ("verify-abc/0.img", "stamp-x/content-1"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"secret")
    (tmp_path / "mine").mkdir()
    sweep_strays(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["mine"]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(PipelineError, match="cannot hold temporary files"),
        scratch_directory("stamp-", tmp_path / "file"),
    ):
        pass


def test_it_is_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with scratch_directory("stamp-", tmp_path) as place:
            assert place.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(old)


def test_temporary_files_lie_in_a_place_of_this_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_directory("boottest-") as place:
        assert place.parent == tmp_path / f"gateway-image-pipeline-{os.getuid()}"
        assert place.parent.stat().st_mode & 0o777 == 0o700
    place.parent.chmod(0o777)  # somebody else could have made it so
    with temporary_directory("boottest-") as place:
        assert place.parent == tmp_path
    assert not place.exists()


def test_a_key_that_a_killed_process_left_half_made_goes(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    stray = tmp_path / f".signer.pem.{done.stdout.strip()}"
    stray.write_bytes(b"-----BEGIN PRIVATE KEY-----")
    own = tmp_path / f".signer.pem.{os.getpid()}x"
    own.write_bytes(b"not one of ours")
    assert make_once(tmp_path / "signer.pem", b"key")
    assert sorted(path.name for path in tmp_path.iterdir()) == [own.name, "signer.pem"]
