"""Writing a layer, sealing, observing: the bytes repeat, nothing remains, and both writers give the same tree."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.appliance import session
from pipeline.image.containers import prepare
from pipeline.image.read import observe
from pipeline.image.write import repeatable, write
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.observation import Observation
from pipeline.model.vanilla import Vanilla
from tests.appliance.conftest import Bench
from tests.support import disks
from tests.support.crash import pauses
from tests.support.media import gateway_disk
from tests.unit.image.write.test_stamp import LAYER

pytestmark = pytest.mark.appliance

EPOCH = gateway_disk.EPOCH
RESIDUE = (b"OLD-CONTENT", b"REMOVED-CONTENT", b"OLD-ENV")


def written(name: str, raw: Path, vanilla: Vanilla, bench: Bench) -> tuple[Path, Observation]:
    image = bench.directory / f"{name}.raw"
    prepare.copy_sparse(raw, image)
    done = repeatable.write_layer(image, vanilla, LAYER, epoch=EPOCH, state_dir=bench.state, say=bench.say)
    assert done.by == repeatable.REPEATS
    assert not image.with_name(f"injected-{image.name}").exists()
    return image, done.observation


def through_kernel(raw: Path, vanilla: Vanilla, bench: Bench) -> tuple[Path, str]:
    image = bench.directory / "kernel.raw"
    prepare.copy_sparse(raw, image)
    done = repeatable.write_through_kernel(
        image, vanilla, LAYER, "a test", epoch=EPOCH, state_dir=bench.state, say=bench.say
    )
    return image, done.by


@pytest.fixture(scope="module")
def base(raw: Path, vanilla: Vanilla, bench: Bench) -> tuple[Path, Observation]:
    return written("base", raw, vanilla, bench)


def test_what_was_written_was_read_back(base: tuple[Path, Observation], vanilla: Vanilla) -> None:
    image, observed = base
    expected = vanilla.tree.apply(LAYER)
    assert observed.tree.without_content() == expected.without_content()
    files = list(LAYER.files())
    assert files
    for entry in files:
        assert observed.tree.nodes[entry.path].sha256 == hashlib.sha256(entry.content).hexdigest()
    assert observed.clean
    disks.run("e2fsck", "-fn", f"{image}?offset={gateway_disk.ROOT}")


def test_neither_pauses_nor_memory_of_the_appliance_change_a_byte(
    base: tuple[Path, Observation], raw: Path, vanilla: Vanilla, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_MEMORY", 1536)
    with pauses.paused_at_random(bench.state, 20261130, longest=3, between=5) as made:
        again, _ = written("again", raw, vanilla, bench)
    assert made, "the virtual machine was found and stopped"
    assert hashlib.sha256(again.read_bytes()).hexdigest() == hashlib.sha256(base[0].read_bytes()).hexdigest()


def test_nothing_removed_remains_and_space_is_given_back(base: tuple[Path, Observation], raw: Path) -> None:
    before, after = raw.read_bytes(), base[0].read_bytes()
    assert all(mark in before for mark in RESIDUE)
    assert not any(mark in after for mark in RESIDUE)
    assert base[0].stat().st_blocks * 512 < len(after) / 2


def test_both_writers_give_the_same_tree(
    base: tuple[Path, Observation], raw: Path, vanilla: Vanilla, bench: Bench, tmp_path: Path
) -> None:
    kernel, by = through_kernel(raw, vanilla, bench)
    assert "bytes may not repeat: a test; mounted / noatime,nodelalloc" in by
    disks.run("e2fsck", "-fn", f"{kernel}?offset={gateway_disk.ROOT}")
    kernel.chmod(0o400)
    missing, booted = tmp_path / "missing.raw", tmp_path / "booted.raw"
    prepare.copy_sparse(kernel, booted)
    disks.debugfs_write(booted, "feature needs_recovery", offset=gateway_disk.ROOT)
    chosen = [GuestPath("/etc/old.conf"), GuestPath("/etc/removed"), GuestPath("/dev"), GuestPath("/opt/new/link")]
    results = list(
        observe.observe(
            [base[0], missing, kernel, booted],
            digest=lambda index: chosen if index == 3 else None,
            read=[GuestPath("/opt/eurotech/esf/kura/kura.properties"), GuestPath("/not/there")],
            state_dir=bench.state,
            say=bench.say,
        )
    )
    one, nothing, other, dirty = results
    assert isinstance(nothing, PipelineError)
    assert isinstance(one, Observation)
    assert isinstance(other, Observation)
    assert isinstance(dirty, Observation)
    write.require_equal(one.tree, other.tree)
    assert one == other
    assert one.tree == base[1].tree
    assert one.clean
    assert not dirty.clean, "a journal that needs replay is noticed"
    assert one.files == {GuestPath("/opt/eurotech/esf_5.0.0/kura/kura.properties"): vanilla.read(
        "/opt/eurotech/esf/kura/kura.properties"
    )}  # fmt: skip
    digested = [path for path, node in dirty.tree.nodes.items() if node.sha256 is not None]
    assert digested == [GuestPath("/etc/old.conf")]


def test_a_full_file_system_in_the_image_is_said(raw: Path, vanilla: Vanilla, bench: Bench, tmp_path: Path) -> None:
    image = tmp_path / "full.raw"
    prepare.copy_sparse(raw, image)
    large = FileEntry(GuestPath("/etc/large"), bytes(range(256)) * (200 << 10), LAYER.entries[0].origins)
    with pytest.raises(PipelineError, match=r"tar_in .* failed") as caught:
        write.inject(image, vanilla, Layer.of(large), epoch=EPOCH, state_dir=bench.state, say=bench.say)
    assert "full" in caught.value.problems[0].remedy
