"""Who writes a layer, and that two writers' trees are held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.appliance import mount_options
from pipeline.image.appliance.session import Session
from pipeline.image.write import repeatable, write
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin, Removal
from pipeline.model.observation import Observation
from pipeline.model.tree import Kind, Node, Tree
from tests.support.vanilla import a_vanilla

WHY = (Origin("test", "test"),)
ROOT = Partition(1, 0, 1 << 20, "ext4", mountpoint=GuestPath("/"))
DISK = Disk(1 << 20, "none", (ROOT,))
TREE = Tree({GuestPath(path): Node(Kind.DIRECTORY, 0o755) for path in ("/", "/etc", "/etc/d")})
FILE = FileEntry(GuestPath("/etc/file"), b"content", WHY)


@pytest.mark.parametrize("kind", ["btrfs", "f2fs", "xfs"])
def test_other_file_systems_are_the_kernels(kind: str) -> None:
    disk = replace(DISK, partitions=(replace(ROOT, filesystem=kind),))
    assert repeatable.reason_against(disk, TREE, Layer.of(FILE)) == f"{kind} on partition 1"


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_names_with_quotation_marks_and_of_other_scripts_are_no_reason(kind: str) -> None:
    disk = replace(DISK, partitions=(replace(ROOT, filesystem=kind),))
    odd = {GuestPath('/etc/d/"näme"'): Node(Kind.FILE, 0o644)}
    layer = Layer.of(FILE, Removal(GuestPath("/etc/d"), WHY))
    assert repeatable.reason_against(disk, Tree({**TREE.nodes, **odd}), layer) == ""


def test_names_debugfs_cannot_be_told_are_a_reason() -> None:
    odd = Tree({**TREE.nodes, GuestPath("/etc/d/two\nlines"): Node(Kind.FILE, 0o644)})
    assert repeatable.reason_against(DISK, odd, Layer.of(FILE)) == "", "what is not touched does not matter"
    reason = repeatable.reason_against(DISK, odd, Layer.of(Removal(GuestPath("/etc/d"), WHY)))
    assert reason == "debugfs cannot take the name '/etc/d/two\\nlines'"


def test_attributes_debugfs_cuts_off_are_a_reason() -> None:
    large = replace(FILE, xattrs=(("user.large", b"v" * 1025),))
    assert repeatable.reason_against(DISK, TREE, Layer.of(large)) == "debugfs cuts off an attribute of /etc/file"
    fits = replace(FILE, xattrs=(("user.large", b"v" * 1024),))
    assert repeatable.reason_against(DISK, TREE, Layer.of(fits)) == ""


def observed(content: str) -> Observation:
    nodes = {**TREE.nodes, GuestPath("/etc/file"): Node(Kind.FILE, 0o644, size=7, sha256=content * 64)}
    return Observation(DISK, Tree(nodes), {}, clean=True)


@pytest.mark.parametrize(("twin", "message"), [("b", ""), ("c", "/etc/file: other content")])
def test_the_other_writers_image_must_hold_what_was_injected(
    twin: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {"/dev/sda": observed("b"), "/dev/sdb": observed(twin)}

    class Quiet:
        devices = ("/dev/sda", "/dev/sdb")
        mounted_with: Mapping[GuestPath, str] = {}

        def umount_all(self) -> None:
            """Nothing is mounted."""

    @contextmanager
    def launch(*_args: object, **_more: object) -> Iterator[Quiet]:
        yield Quiet()

    monkeypatch.setattr(write, "launch", launch)
    monkeypatch.setattr(write.mounts, "mount_all", lambda *_args, **_more: None)
    monkeypatch.setattr(write, "_require_same_partitions", lambda *_args: None)
    monkeypatch.setattr(write, "_write", lambda *_args: None)
    monkeypatch.setattr(write, "_read_back", lambda _session, device, *_args: seen[device])
    monkeypatch.setattr(write, "require_equal", _without_planned(write.require_equal))
    (tmp_path / "raw").write_bytes(bytes(4096))
    vanilla = replace(a_vanilla({}), disk=DISK, tree=TREE)

    def inject() -> Observation:
        done = write.inject(
            tmp_path / "raw", vanilla, Layer.of(FILE), epoch=1, state_dir=tmp_path, say=str, twin=tmp_path / "twin"
        )
        return done.observation

    if message:
        with pytest.raises(PipelineError, match=message) as caught:
            inject()
        assert 'writer = "guestfs"' in caught.value.problems[0].remedy
    else:
        assert inject() == seen["/dev/sdb"]


def _without_planned(real: object) -> object:
    """Leave out the comparison with the plan, whose digest is that of real content."""

    def compare(expected: Tree, seen: Tree, *remedy: str) -> None:
        if expected.nodes[GuestPath("/etc/file")].sha256 in ("b" * 64, "c" * 64):
            real(expected, seen, *remedy)  # type: ignore[operator]

    return compare


@dataclass
class Kernel:
    """Knows some mount options, as older and newer kernels do."""

    unknown: tuple[str, ...]
    tried: list[str] = field(default_factory=list)

    def call(self, operation: str, options: str, kind: str, *_place: str) -> None:
        """Mount, or say what a kernel says."""
        assert (operation, kind) == ("mount_vfs", "ext4")
        self.tried.append(options)
        if any(word in options for word in self.unknown):
            raise PipelineError("mount_vfs failed: wrong fs type, bad option, bad superblock", "")


@pytest.mark.parametrize(
    ("unknown", "kept"),
    [
        ((), ("no_prefetch_block_bitmaps", "mb_optimize_scan=0")),
        (("mb_optimize_scan",), ("no_prefetch_block_bitmaps",)),
        (("no_prefetch_block_bitmaps",), ("mb_optimize_scan=0",)),
        (("mb_optimize_scan", "no_prefetch_block_bitmaps"), ()),
        (("commit=3600",), ("no_prefetch_block_bitmaps", "mb_optimize_scan=0")),  # as for ext2
    ],
)
def test_options_a_kernel_does_not_know_are_found_out(unknown: tuple[str, ...], kept: tuple[str, ...]) -> None:
    kernel = Kernel(unknown)
    session = _session(kernel)
    session.mount("/dev/sda1", "ext3", GuestPath("/"), writable=True)
    known = ("no_prefetch_block_bitmaps", "mb_optimize_scan=0")
    assert tuple(word for word in known if word in session.mounted_with[GuestPath("/")].split(",")) == kept
    assert "nodelalloc" in session.mounted_with[GuestPath("/")]


def test_a_damaged_file_system_fails_with_what_the_kernel_says_last() -> None:
    kernel = Kernel(("noatime",))
    with pytest.raises(PipelineError, match="bad superblock"):
        _session(kernel).mount("/dev/sda1", "ext4", GuestPath("/"), writable=True)
    assert tuple(kernel.tried) == mount_options.writable("ext4")


def _session(kernel: Kernel) -> Session:
    class Appliance:
        call = kernel.call
        is_dead = False

    return Session(Appliance(), None, ())  # type: ignore[arg-type]


def test_where_the_kernel_decides_it_is_said_before_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {GuestPath("/boot"): "noatime", GuestPath("/"): "noatime,commit=3600"}
    monkeypatch.setattr(write, "inject", lambda *_args, **_more: write.Injected(observed("b"), options))
    monkeypatch.setattr(repeatable.seal, "seal", lambda *_args, **_more: None)
    vanilla = replace(a_vanilla({}), disk=DISK, tree=TREE)
    said: list[str] = []
    done = repeatable.write_through_kernel(
        tmp_path / "raw", vanilla, Layer.of(FILE), "xfs on partition 1", epoch=1, state_dir=tmp_path, say=said.append
    )
    assert said == [
        "the kernel decides where data lies, so bytes may differ from build to build: xfs on partition 1"
    ]  # fmt: skip
    assert done.by == (
        "the appliance's kernel, bytes may not repeat: xfs on partition 1; mounted / noatime,commit=3600; /boot noatime"
    )


def test_a_root_the_kernel_decides_about_goes_through_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = repeatable.Written(observed("b"), "the kernel")
    asked: list[object] = []
    monkeypatch.setattr(repeatable, "write_through_kernel", lambda *given, **_more: asked.append(given[3]) or written)
    disk = replace(DISK, partitions=(replace(ROOT, filesystem="xfs"),))
    vanilla = replace(a_vanilla({}), disk=disk, tree=TREE)
    done = repeatable.write_layer(tmp_path, vanilla, Layer.of(FILE), epoch=1, state_dir=tmp_path, say=str)
    assert done is written
    assert asked == ["xfs on partition 1"]
