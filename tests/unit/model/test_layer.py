"""Layers: one entry for a path, and every conflict named with both rules."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal, combine

SSH = (Origin("ssh.port", "gateway.toml [ssh]", "A:84"),)
MOTD = (Origin("overlay.common", "overlays/common"),)


def a_file(
    path: str = "/etc/motd", content: bytes = b"hello\n", origins: tuple[Origin, ...] = MOTD, mode: int = 0o644
) -> FileEntry:
    return FileEntry(GuestPath(path), content, origins, mode=mode)


def test_two_rules_that_want_the_same_share_the_entry() -> None:
    layer = combine([Layer.of(a_file()), Layer.of(a_file(origins=SSH))])
    assert len(layer) == 1
    assert layer.entries[0].origins == tuple(sorted((*MOTD, *SSH)))


@pytest.mark.parametrize(
    "other",
    [a_file(content=b"other\n", origins=SSH), a_file(mode=0o600, origins=SSH), Removal(GuestPath("/etc/motd"), SSH)],
)
def test_two_rules_that_want_different_things_are_both_named(other: FileEntry | Removal) -> None:
    with pytest.raises(PipelineError) as caught:
        combine([Layer.of(a_file()), Layer.of(other)])
    text = str(caught.value)
    assert "/etc/motd" in text
    assert "overlay.common" in text
    assert "ssh.port" in text


def test_every_conflict_is_reported_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        combine(
            [
                Layer.of(a_file("/a"), a_file("/b")),
                Layer.of(a_file("/a", b"x", SSH), a_file("/b", b"x", SSH)),
            ]
        )
    assert len(caught.value.problems) == 2


def test_nothing_may_lie_below_a_file_or_a_link() -> None:
    with pytest.raises(PipelineError, match="/etc/motd/x"):
        combine([Layer.of(a_file()), Layer.of(a_file("/etc/motd/x", origins=SSH))])
    with pytest.raises(PipelineError, match="/run/x"):
        combine([Layer.of(LinkEntry(GuestPath("/run"), "/tmp", MOTD)), Layer.of(a_file("/run/x", origins=SSH))])  # noqa: S108


def test_what_was_removed_may_be_filled_again_below() -> None:
    layer = combine([Layer.of(Removal(GuestPath("/var/log"), MOTD)), Layer.of(a_file("/var/log/keep", origins=SSH))])
    assert [entry.path for entry in layer.entries] == ["/var/log", "/var/log/keep"]


@pytest.mark.parametrize("path", ['/etc/a"b', "/etc/a\nb", "/etc/ä", "/"])
def test_paths_no_writer_can_write_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        a_file(path)


def test_entries_need_a_reason_and_a_sane_mode() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        a_file(origins=())
    with pytest.raises(ValueError, match="mode"):
        a_file(mode=0o10000)
    with pytest.raises(ValueError, match="target"):
        LinkEntry(GuestPath("/a"), "x\ny", MOTD)


def test_contents_stay_out_of_repr() -> None:
    assert "hunter2" not in repr(Layer.of(a_file(content=b"hunter2")))


def test_a_layer_is_sorted() -> None:
    assert [entry.path for entry in Layer.of(a_file("/b"), DirEntry(GuestPath("/a"), MOTD)).entries] == ["/a", "/b"]
    with pytest.raises(ValueError, match="sorted"):
        Layer((a_file("/b"), a_file("/a")))
