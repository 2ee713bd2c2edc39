"""Completion records and digests: every way an input or an output can change is noticed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.host.digests import DigestCache, digest_of_tree, write_atomically
from pipeline.host.records import is_current, read_record, write_record


@pytest.fixture
def output(tmp_path: Path) -> Path:
    file = tmp_path / "image.img"
    file.write_bytes(b"content of an image")
    write_record(tmp_path / "record.json", "key", [file], notes={"a": "b"})
    return file


def test_an_untouched_output_is_current(output: Path) -> None:
    assert is_current(output.parent / "record.json", "key")
    record = read_record(output.parent / "record.json")
    assert record is not None
    assert record.notes == {"a": "b"}


def test_other_inputs_are_not_current(output: Path) -> None:
    assert not is_current(output.parent / "record.json", "other key")


def _truncate(file: Path) -> None:
    os.truncate(file, 5)


def _alter_keeping_time_and_size(file: Path) -> None:
    about = file.stat()
    with file.open("r+b") as stream:
        stream.write(b"C")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def _replace_by_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _replace_by_link(file: Path) -> None:
    file.rename(file.with_suffix(".moved"))
    file.symlink_to(file.with_suffix(".moved"))


@pytest.mark.parametrize(
    "harm", [_truncate, _alter_keeping_time_and_size, _replace_by_directory, _replace_by_link, Path.unlink]
)
def test_harm_to_an_output_is_noticed(output: Path, harm: Callable[[Path], None]) -> None:
    harm(output)
    assert not is_current(output.parent / "record.json", "key")


def test_a_copied_output_need_not_be_rebuilt(output: Path) -> None:
    content = output.read_bytes()
    output.unlink()
    output.write_bytes(content)
    assert is_current(output.parent / "record.json", "key")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"key": 1}', b'{"key": "key", "notes": {}, "outputs": []}', b"\xff"]
)
def test_an_unreadable_record_means_do_it_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "record.json").write_bytes(content)
    assert not is_current(tmp_path / "record.json", "key")


def test_a_changed_input_with_its_old_mtime_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "vanilla.img"
    file.write_bytes(b"one")
    past = time.time_ns() - 60_000_000_000
    os.utime(file, ns=(past, past))
    first = DigestCache(tmp_path / "digests.json").sha256(file)
    file.write_bytes(b"two")
    os.utime(file, ns=(past, past))
    assert DigestCache(tmp_path / "digests.json").sha256(file) != first


def test_a_broken_digest_cache_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "vanilla.img"
    file.write_bytes(b"one")
    for content in (b"", b"[1]", b'{"x": 5}'):
        (tmp_path / "digests.json").write_bytes(content)
        assert len(DigestCache(tmp_path / "digests.json").sha256(file)) == 64


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"nothing\.img"):
        DigestCache(tmp_path / "digests.json").sha256(tmp_path / "nothing.img")


def test_trees_that_read_alike_have_different_digests(tmp_path: Path) -> None:
    trees = {
        "one": {"ab": "c"}, "two": {"a": "bc"}, "three": {"ab/c": ""},
        # without lengths in front of each part these two would read alike: name, kind, content, name, kind, content
        "four": {"a": "xbfy"}, "five": {"a": "x", "b": "y"},
    }  # fmt: skip
    for name, files in trees.items():
        for file, content in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(content)
    assert len({digest_of_tree(tmp_path / name) for name in trees}) == len(trees)


def test_a_tree_has_a_digest_without_its_secrets(tmp_path: Path) -> None:
    def tree(name: str, secret: str, public: str) -> str:
        (tmp_path / name / "rootfs").mkdir(parents=True)
        (tmp_path / name / "rootfs" / "psk").write_text(secret)
        (tmp_path / name / "rootfs" / "motd").write_text(public)
        return digest_of_tree(tmp_path / name, secret={"rootfs/psk"})

    first = tree("one", "tulips42", "hello")
    assert first == tree("two", "roses4242", "hello")
    assert first != tree("three", "tulips42", "hello!")
    assert first != digest_of_tree(tmp_path / "one")


def test_files_are_written_whole_and_private_from_the_start(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_atomically(tmp_path / "secret", b"x", 0o600)
    finally:
        os.umask(old)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def _workspace(root: Path) -> Path:
    """A record as a build lays it down: outputs in other directories of the same workspace."""
    for name in ("out/r/gw", ".build/records"):
        (root / name).mkdir(parents=True)
    (root / "out/r/gw/image.img").write_bytes(b"content of an image")
    write_record(root / ".build/records/publish-gw.json", "key", [root / "out/r/gw/image.img"])
    return root


def test_a_copied_workspace_is_judged_by_its_own_files(tmp_path: Path) -> None:
    original = _workspace(tmp_path / "original")
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", original, copy], check=True)
    record = copy / ".build/records/publish-gw.json"
    assert is_current(record, "key")
    with (copy / "out/r/gw/image.img").open("r+b") as stream:
        stream.write(b"\x00")
    assert not is_current(record, "key")
    (copy / "out/r/gw/image.img").unlink()
    assert not is_current(record, "key")
    assert is_current(original / ".build/records/publish-gw.json", "key")


def test_a_moved_workspace_and_a_linked_state_are_judged_alike(tmp_path: Path) -> None:
    moved = _workspace(tmp_path / "original").rename(tmp_path / "moved")
    record = moved / ".build/records/publish-gw.json"
    assert is_current(record, "key")
    found = read_record(record)
    assert found is not None
    assert list(found.outputs) == [str(moved / "out/r/gw/image.img")]
    # the state on another disk: names count from where the workspace names the record, not from where a link leads
    (moved / ".build").rename(tmp_path / "disk")
    (moved / ".build").symlink_to(tmp_path / "disk")
    assert is_current(record, "key")


def test_a_record_of_a_former_version_is_none(tmp_path: Path) -> None:
    record = _workspace(tmp_path) / ".build/records/publish-gw.json"
    record.write_text(record.read_text().replace("../../out", f"{tmp_path}/out"))
    assert not is_current(record, "key")
