"""Publishing: across file systems, without a moment in which a name shows nothing, and people's things left alone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.build import placement, publishing
from pipeline.errors import PipelineError
from pipeline.host import durable
from pipeline.host.records import write_record
from pipeline.host.workspace import Workspace
from tests.support.release import a_gateway, a_release
from tests.support.workspaces import CHECKOUT


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system than tmp_path."""
    shared = Path("/dev/shm")  # noqa: S108 - another file system is what is wanted
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system on this machine")
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name)


def _gateway(place: Path, text: str) -> Path:
    place.mkdir(mode=0o700, parents=True)
    (place / "image.img").write_text(text)
    (place / "image.img").chmod(0o600)
    (place / "manifest.json").write_text(text)
    return place


def _content(place: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in place.iterdir()}


def _names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_a_new_and_a_replaced_gateway_across_file_systems(tmp_path: Path, elsewhere: Path) -> None:
    results = elsewhere / "out" / "r"
    results.mkdir(parents=True)
    stages = (tmp_path / "staging", elsewhere / "out" / ".publishing", results / ".publishing")
    for text in ("old", "new"):
        placement.put_directory(_gateway(tmp_path / "gw", text), results / "gw", stages)
        assert _content(results / "gw") == {"image.img": text, "manifest.json": text}
        assert (results / "gw").stat().st_mode & 0o777 == 0o755
        assert (results / "gw" / "image.img").stat().st_mode & 0o777 == 0o600
    placement.put_file(results / "SHA256SUMS", b"sums", 0o644, stages)
    assert _names(results) == ["SHA256SUMS", "gw"]
    assert _names(elsewhere / "out") == ["r"]
    assert not (tmp_path / "gw").exists()


def test_the_release_itself_on_a_third_file_system(tmp_path: Path, elsewhere: Path) -> None:
    """``out/r`` is a link to another disk: neither the build's nor the parent's staging will do."""
    (elsewhere / "r").mkdir()
    (tmp_path / "out").mkdir()
    results = tmp_path / "out" / "r"
    results.symlink_to(elsewhere / "r")
    stages = (tmp_path / "staging", tmp_path / "out" / ".publishing", results / ".publishing")
    placement.put_directory(_gateway(tmp_path / "gw", "new"), results / "gw", stages)
    placement.put_file(results / "SHA256SUMS", b"sums", 0o644, stages)
    assert _names(elsewhere / "r") == ["SHA256SUMS", "gw"]


def test_no_moment_without_the_gateway(tmp_path: Path) -> None:
    place, stages = tmp_path / "out" / "gw", (tmp_path / "staging",)
    _gateway(place, "0")
    missing, done = [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            try:
                (place / "manifest.json").read_bytes()
            except FileNotFoundError:
                # between the open of the directory and that of the file it may have been exchanged, not be gone
                if not place.exists():
                    missing.append(1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(200):
            placement.put_directory(_gateway(tmp_path / "gw", str(number)), place, stages)
    finally:
        done.set()
        watcher.join()
    assert not missing
    assert _content(place)["image.img"] == "199"


def test_a_file_system_that_cannot_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(one: Path, other: Path) -> None:
        raise OSError(errno.EINVAL, "cannot")

    monkeypatch.setattr(durable, "_exchange", cannot)
    _gateway(tmp_path / "out" / "gw", "old")
    placement.put_directory(_gateway(tmp_path / "gw", "new"), tmp_path / "out" / "gw", (tmp_path / "staging",))
    assert _content(tmp_path / "out" / "gw")["image.img"] == "new"
    assert _names(tmp_path) == ["out"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    _gateway(tmp_path / "big-disk", "people's")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gw").symlink_to(tmp_path / "big-disk")
    placement.put_directory(_gateway(tmp_path / "gw", "new"), tmp_path / "out" / "gw", (tmp_path / "staging",))
    assert not (tmp_path / "out" / "gw").is_symlink()
    assert _content(tmp_path / "big-disk")["image.img"] == "people's"


def _problems(results: Path, need: int = 0) -> str:
    with pytest.raises(PipelineError) as caught:
        placement.require_place(results, {"gw": {"image.img"}}, ("SHA256SUMS",), need)
    return str(caught.value)


def test_places_in_the_way_are_named_before_the_work(tmp_path: Path) -> None:
    results = tmp_path / "out" / "r"
    placement.require_place(results, {"gw": set()}, ("SHA256SUMS",), 0)
    (results / "gw").mkdir(parents=True)
    (results / "gw" / "image.img").write_text("ours")
    placement.require_place(results, {"gw": {"image.img"}}, ("SHA256SUMS",), 0)
    (results / "gw" / "notes.txt").write_text("people's")
    (results / "SHA256SUMS").mkdir()
    text = _problems(results)
    assert "gw/notes.txt: does not belong to this build" in text
    assert "SHA256SUMS: a directory is in the way" in text
    assert "MiB free" in _problems(results, 1 << 60)


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_a_release_directory_that_is_none(tmp_path: Path, kind: str) -> None:
    if kind == "file":
        (tmp_path / "out").write_text("")
    else:
        (tmp_path / "out").symlink_to(tmp_path / "gone")
    assert f"{tmp_path / 'out'}:" in _problems(tmp_path / "out" / "r")


@pytest.mark.tools
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o555)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == 0 and not directory.stat().st_mode & 0o001:
            directory.chmod(directory.stat().st_mode | 0o011)
    code = (
        "import os, sys; from pathlib import Path; from pipeline.build import placement; os.setuid(65534)\n"
        "placement.require_place(Path(sys.argv[1]), {}, (), 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out" / "r")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "out: cannot be written to" in done.stderr


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A release of one gateway, published; what signs and describes it is somebody else's test."""
    found = Workspace(tmp_path)
    found.make_state()
    results = found.results("demo-1.0")
    monkeypatch.setattr(publishing.reading, "release_of", lambda _: a_release())
    monkeypatch.setattr(publishing.reading, "gateways_of", lambda _: {"gw-1": a_gateway(name="gw-1")})
    monkeypatch.setattr(publishing.reading, "allowed_signers_of", lambda _: b"signers\n")
    monkeypatch.setattr(publishing, "is_published", lambda workspace, name: True)
    monkeypatch.setattr(publishing, "sign_release", lambda workspace: None)

    def reports(workspace: Workspace, say: object) -> None:
        for name in publishing.OF_RELEASE:
            (results / name).write_text(name)

    monkeypatch.setattr(publishing, "write_reports", reports)
    for name in ("gw-1", "gw-gone"):
        _gateway(results / name, name)
        write_record(found.record(f"publish-{name}"), "key", sorted((results / name).iterdir()))
    return found


def _finished(workspace: Workspace) -> str:
    told: list[str] = []
    publishing.finish_release(workspace, told.append)
    return "\n".join(told)


def test_what_people_put_into_a_release_is_left_alone_and_named(workspace: Workspace, tmp_path: Path) -> None:
    results = workspace.results("demo-1.0")
    (results / "notes").mkdir()
    (results / "notes" / "flashed.txt").write_text("gw-1 on Monday")
    (tmp_path / "disk").mkdir()
    (results / "linked").symlink_to(tmp_path / "disk")
    (results / "dangling").symlink_to(tmp_path / "nowhere")
    (results / "plan.txt").write_text("x")
    told = _finished(workspace)
    for name in ("notes", "linked", "dangling", "plan.txt"):
        assert f"out/demo-1.0/{name}: not part of this release, left alone; doit verify will name it" in told
        assert os.path.lexists(results / name)
    assert (results / "notes" / "flashed.txt").read_text() == "gw-1 on Monday"
    assert "gw-gone: no longer in devices.toml, removed from the release" in told
    assert not (results / "gw-gone").exists()
    assert publishing.is_released(workspace)


def test_a_retired_gateway_with_something_of_peoples_in_it_stays(workspace: Workspace) -> None:
    place = workspace.results("demo-1.0") / "gw-gone"
    (place / "notes.txt").write_text("kept")
    assert "gw-gone: not part of this release, left alone" in _finished(workspace)
    assert (place / "notes.txt").read_text() == "kept"


@pytest.mark.parametrize("stray", [".SHA256SUMS.123.new", "gw-1/.image.img.123.new", ".publishing/x"])
def test_a_release_with_a_stray_of_ours_repairs_itself(workspace: Workspace, stray: str) -> None:
    _finished(workspace)
    results = workspace.results("demo-1.0")
    assert publishing.is_released(workspace)
    (results / stray).parent.mkdir(exist_ok=True)
    (results / stray).write_text("half")
    assert not publishing.is_released(workspace)
    _finished(workspace)
    assert not (results / stray).exists()
    assert publishing.is_released(workspace)


def test_room_elsewhere_is_asked_for_before_there_is_a_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing.reading, "release_of", lambda _: a_release())
    monkeypatch.setattr(publishing.reading, "gateways_of", lambda _: {name: a_gateway(name=name) for name in "ab"})
    apart = [False]
    monkeypatch.setattr(publishing, "is_same_file_system", lambda *_: apart[0])
    asked: list[int] = []
    monkeypatch.setattr(publishing, "require_place", lambda *given: asked.append(given[-1]))
    workspace = Workspace(tmp_path)
    workspace.make_state()

    def need(*, elsewhere: bool) -> int:
        apart[0] = not elsewhere
        publishing.require_publishable(workspace)
        return asked[-1]

    assert need(elsewhere=True) == 0, "nothing is known yet"
    for image, size in ((workspace.raw, 3 << 20), (workspace.base, 5 << 20)):
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"x" * size)
        assert need(elsewhere=True) == 2 * image.stat().st_blocks * 512 >= 2 * size
        assert need(elsewhere=False) == 0
