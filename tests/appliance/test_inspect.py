"""Inspection of a real image through libguestfs: what it learns, and what it refuses."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.image.read import facts_file, inspect, mounts
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from pipeline.model.vanilla import Vanilla
from tests.appliance.conftest import Bench
from tests.support import disks
from tests.support.media import gateway_disk

pytestmark = pytest.mark.appliance


def test_what_is_learnt(vanilla: Vanilla, bench: Bench) -> None:
    assert vanilla.disk.table == "mbr"
    assert [(part.number, part.filesystem, part.label, part.mountpoint) for part in vanilla.disk.partitions] == [
        (1, "vfat", "BOOT", "/boot"),
        (2, "ext4", "", "/"),
    ]
    assert vanilla.esf_version == "5.0.0"
    assert vanilla.layout.name == "esf-5"
    assert vanilla.init == "sysv"
    assert vanilla.os_release["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert vanilla.read("/opt/eurotech/esf/kura/kura.properties").startswith(b"kura.name")
    assert vanilla.read("/boot/uboot.env").startswith(b"bootdelay=2")
    assert vanilla.read("/etc/os-release").startswith(b"ID=debian")
    tree = vanilla.tree
    link = tree.nodes[GuestPath("/opt/eurotech/esf")]
    assert (link.kind, link.target) == (Kind.LINK, "/opt/eurotech/esf_5.0.0")
    shadow = tree.nodes[GuestPath("/etc/shadow")]
    assert (shadow.mode, shadow.uid, shadow.xattrs) == (0o640, 0, (("user.note", b"kept".hex()),))
    assert tree.nodes[GuestPath("/boot/boot.scr")].mode == 0o755
    assert len(tree.below(GuestPath("/etc"))) > 300
    facts_file.save(vanilla, bench.directory / "facts")
    assert facts_file.load(bench.directory / "facts", load_layouts()) == vanilla


def test_images_that_are_refused(bench: Bench, raw: Path) -> None:
    """Many broken images, one appliance."""
    root, good = gateway_disk.ROOT, raw.read_bytes()

    def variant(name: str, *commands: str, content: bytes | None = None) -> Path:
        path = bench.directory / f"{name}.raw"
        path.write_bytes(content if content is not None else good)
        if commands:
            disks.debugfs_write(path, *commands, offset=root)
        return path

    no_superblock = bytearray(good)
    no_superblock[root + 1024 : root + 2048] = bytes(1024)
    luks = bytearray(good)
    luks[root : root + 4096] = b"LUKS\xba\xbe\0\1".ljust(4096, b"\0")
    struct.pack_into(">I", luks, root + 104, 4096)
    empty = disks.ext_image(bench.directory / "empty.raw", None)
    two = disks.mbr_disk(bench.directory / "two.raw", [(0x83, _root_only(bench)), (0x83, _root_only(bench))])
    content = bench.directory / "content"
    content.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    cases = {
        "no superblock": (variant("nosb", content=bytes(no_superblock)), "no Linux root file system"),
        "encrypted": (variant("luks", content=bytes(luks)), "no Linux root file system"),
        "empty ext4": (empty, "no Linux root file system"),
        "two systems": (two, "each hold a root file system"),
        "no ESF": (variant("noesf", "rm /opt/eurotech/esf_5.0.0/kura/kura.properties"), "no ESF installation"),
        "needs recovery": (variant("dirty", "feature needs_recovery"), "journal holds unfinished changes"),
        "errors": (variant("errors", "ssv state 2"), "marked"),
        "booted": (
            variant("booted", "cd /etc", "rm machine-id", f"write {content} machine-id"),
            "/etc/machine-id holds an identity",
        ),
        "other release": (
            variant("release", "cd /opt/eurotech/esf_5.0.0/kura", "rm kura.properties", _version(bench, "ESF_9.1.0")),
            "the image has ESF 9.1.0",
        ),
        "built by us": (
            variant("built", "cd /etc", f"write {content} gateway-image.json"),
            "built by this product already",
        ),
    }
    drives = [Drive(path, writable=False) for path, _ in cases.values()]
    with launch(drives, state_dir=bench.state, say=bench.say) as session:
        for (name, (path, message)), device in zip(cases.items(), session.devices, strict=True):
            with pytest.raises(PipelineError, match=message) as caught:
                _inspected(bench, session, device, path)
            assert caught.value.problems[0].remedy, name


def test_gpt_and_bare_file_systems(bench: Bench) -> None:
    bare = _root_only(bench)
    gpt = bench.directory / "gpt.raw"
    with gpt.open("wb") as stream:
        stream.truncate(64 * disks.MIB)
    disks.run("sfdisk", "-q", gpt, stdin=f"label: gpt\nstart=2048,size={bare.stat().st_size // 512}\n".encode())
    with gpt.open("r+b") as stream:
        stream.seek(2048 * 512)
        stream.write(bare.read_bytes())
    slots = _two_slots(bench, bare)
    drives = [Drive(path, writable=False) for path in (bare, gpt, slots)]
    with launch(drives, state_dir=bench.state, say=bench.say) as session:
        *devices, slotted = session.devices
        found = [mounts.locate(session, device, drive.path) for device, drive in zip(devices, drives[:2], strict=True)]
        assert [(disk.table, disk.root.number) for disk in found] == [("none", 0), ("gpt", 1)]

        def root_of(root: str = "", prefer: int = -1) -> int:
            return mounts.locate(session, slotted, slots, name="slots.img", root=root, prefer=prefer).root.number

        assert [root_of("1"), root_of("2"), root_of("PARTLABEL=slot_b"), root_of(prefer=2)] == [1, 2, 2, 2]
        with pytest.raises(PipelineError, match=r"slots\.img: partitions 1 and 2 each hold") as refused:
            root_of()
        assert '[vanilla] root = "1"' in refused.value.problems[0].remedy
        for wrong in ("3", "LABEL=nothing", "7"):
            with pytest.raises(PipelineError, match=f"{wrong} names no partition with a root file system"):
                root_of(wrong)


def _inspected(bench: Bench, session: Session, device: str, path: Path) -> None:
    disk = mounts.locate(session, device, path)
    inspect.inspect_drive(session, device, disk, load_layouts(), sha256="", say=bench.say)


def _two_slots(bench: Bench, bare: Path) -> Path:
    """A disk as A/B updates have it: both slots filled, and a data partition."""
    path, megabytes = bench.directory / "slots.raw", bare.stat().st_size >> 20
    with path.open("wb") as stream:
        stream.truncate((3 * megabytes + 8) * disks.MIB)
    script = "".join(f"size={megabytes}M,name={name}\n" for name in ("slot_a", "slot_b", "data"))
    disks.run("sfdisk", "-q", path, stdin=f"label: gpt\n{script}".encode())
    with path.open("r+b") as stream:
        for number in range(2):
            stream.seek((1 + number * megabytes) * disks.MIB)
            stream.write(bare.read_bytes())
    return path


def _root_only(bench: Bench) -> Path:
    path = bench.directory / "bare.raw"
    if not path.exists():
        tree = disks.tree_on_host(bench.directory / "bare", {"/etc/passwd": b"root:x:0:0::/:/bin/sh\n"})
        disks.ext_image(path, tree, size=16 * disks.MIB)
    return path


def _version(bench: Bench, version: str) -> str:
    path = bench.directory / "kura.properties"
    path.write_text(f"kura.version={version}\n")
    return f"write {path} kura.properties"


def test_a_drive_that_is_not_raw_never_reaches_the_appliance(bench: Bench, tmp_path: Path) -> None:
    trap = tmp_path / "vanilla.raw"
    disks.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", trap)
    with (
        pytest.raises(PipelineError, match="is qcow2, not a raw disk"),
        launch([Drive(trap, writable=False)], state_dir=bench.state, say=bench.say),
    ):
        pytest.fail("it was opened")
    shutil.rmtree(tmp_path)
