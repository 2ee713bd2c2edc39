"""Which files are read, links followed inside the image; and facts that survive being written down."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.read import facts, facts_file, never_booted
from pipeline.image.read.inspect import init_of
from pipeline.inputs.layout_files import choose_layouts, load_layouts
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.vanilla import Vanilla

LAYOUT = choose_layouts("esf-5")[0]
ESF = "/opt/eurotech/esf_5.0.0"
DELIVERED: Mapping[str, bytes | str] = {
    "/opt/eurotech/esf": ESF,
    f"{ESF}/kura/kura.properties": b"kura.version=ESF_5.0.0\n",
    f"{ESF}/data/snapshots/snapshot_0.xml": b"\xef\xbb\xbf<esf:configurations/>",
    "/etc/machine-id": b"uninitialized\n",
}


def vanilla(files: Mapping[str, bytes | str], kinds: Mapping[str, Kind] | None = None) -> Vanilla:
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    contents: dict[GuestPath, bytes] = {}
    for name, content in files.items():
        path = GuestPath(name)
        for above in path.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        if isinstance(content, str):
            nodes[path] = Node(Kind.LINK, 0o777, target=content)
        else:
            nodes[path] = Node(Kind.FILE, 0o644, size=len(content), sha256=hashlib.sha256(content).hexdigest())
            contents[path] = content
    for name, kind in (kinds or {}).items():
        nodes[GuestPath(name)] = Node(kind, 0o644)
    root = Partition(2, 1 << 20, 1 << 30, "ext4", "r\udcffot", "uuid", GuestPath("/"))
    disk = Disk(2 << 30, "mbr", (Partition(1, 0, 512, "unknown"), root))
    return Vanilla("0" * 64, disk, {"ID": "debian"}, LAYOUT, "5.0.0", "sysv", Tree(nodes), contents)


def test_patterns_follow_links_and_take_regular_files_only() -> None:
    image = vanilla(
        {
            "/lib": "usr/lib",
            "/usr/lib/systemd/system/ssh.service": b"",
            "/usr/lib/systemd/system/other.service": b"",
            "/usr/lib/os-release": b"",
            "/etc/os-release": "../usr/lib/os-release",
            "/etc/ssh/sshd_config": b"",
            "/etc/ssh/sshd_config.d/10.conf": b"",
            "/etc/sudoers.d/a": b"",
            "/etc/sudoers.d/deep/b": b"",
            "/etc/hostname": "/proc/nothing",
            "/etc/monit": "/etc/monit",
            **DELIVERED,
        },
        {"/etc/passwd": Kind.FIFO, "/etc/ssh/device": Kind.CHARACTER},
    )
    chosen = facts.select(image.tree, facts.wanted(LAYOUT))
    assert chosen == tuple(
        sorted(
            map(
                GuestPath,
                (
                    "/usr/lib/systemd/system/ssh.service",
                    "/usr/lib/os-release",
                    "/etc/ssh/sshd_config",
                    "/etc/ssh/sshd_config.d/10.conf",
                    "/etc/sudoers.d/a",
                    "/etc/machine-id",
                    f"{ESF}/kura/kura.properties",
                    f"{ESF}/data/snapshots/snapshot_0.xml",
                ),
            )
        )
    )


def test_facts_survive_and_are_private(tmp_path: Path) -> None:
    image = vanilla({**DELIVERED, "/etc/ümlaut \udcff\\": b"\0\xff", "/etc/shadow": b"root:secret"})
    path = tmp_path / "facts"
    old = os.umask(0)
    try:
        facts_file.save(image, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert facts_file.load(path, load_layouts()) == image
    first = path.read_bytes()
    facts_file.save(facts_file.load(path, load_layouts()), path)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"vanilla facts 1", b"vanilla facts 0"),
        lambda text: text.replace(b'"/etc/machine-id": "', b'"/etc/machine-id": "AAAA'),
        lambda text: text.replace(b'"disk"', b'"disc"'),
        lambda text: b"[]\n",
        lambda text: b"",
    ],
)
def test_damaged_facts_are_refused(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "facts"
    facts_file.save(vanilla(DELIVERED), path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(PipelineError, match="damaged or of another version"):
        facts_file.load(path, load_layouts())


def test_missing_facts_and_layouts(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="cannot be read"):
        facts_file.load(tmp_path / "facts", load_layouts())
    facts_file.save(vanilla(DELIVERED), tmp_path / "facts")
    with pytest.raises(PipelineError, match="layout esf-5 is not known"):
        facts_file.load(tmp_path / "facts", [replace(LAYOUT, name="other")])


def test_a_vanilla_image_shows_no_signs() -> None:
    assert never_booted.signs(vanilla(DELIVERED)) == ()


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("/etc/machine-id", b"0123456789abcdef0123456789abcdef\n", "holds an identity"),
        (f"{ESF}/data/store.save", b"", "keystore passwords"),
        (f"{ESF}/data/snapshots/snapshot_1490000000000.xml", b"<x/>", "was taken while the framework ran"),
        (f"{ESF}/data/snapshots/snapshot_0.xml", b"bG9uZw==", "is encrypted"),
        (f"{ESF}/data/paho-persistence/message", b"", "is not empty"),
        ("/var/log/kura.log", b"started", "/var/log/kura.log is not empty"),
        ("/var/log/wtmp", b"x", "wtmp is not empty"),
        ("/var/log/journal/0123/system.journal", b"x", "journal is not empty"),
        ("/etc/gateway-image.json", b"{}", "built by this product already"),
    ],
)
def test_signs_of_an_image_that_is_not_vanilla(path: str, content: bytes, message: str) -> None:
    problems = never_booted.signs(vanilla({**DELIVERED, path: content}))
    assert len(problems) == 1
    assert message in problems[0].what


def test_all_signs_are_reported_at_once() -> None:
    image = vanilla({**DELIVERED, "/var/log/esf.log": b"x", f"{ESF}/data/store.save": b"x"})
    assert len(never_booted.signs(image)) == 2


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/sbin/init": b"", "/etc/inittab": b""}, "sysv"),
        ({"/sbin": "usr/sbin", "/usr/sbin/init": "../lib/systemd/systemd", "/usr/lib/systemd/systemd": b""}, "systemd"),
        ({"/sbin/init": "/bin/busybox", "/bin/busybox": b""}, "busybox"),
        ({"/sbin/init": "/nowhere"}, "unknown"),
        ({"/sbin/init": "init"}, "unknown"),
        ({"/sbin/init": b""}, "unknown"),
    ],
)
def test_kinds_of_init(files: Mapping[str, bytes | str], expected: str) -> None:
    assert init_of(vanilla(files).tree) == expected


def test_layouts_are_read_strictly(tmp_path: Path) -> None:
    good = (Path(facts.__file__).parents[2] / "layouts" / "esf-5.toml").read_text()
    (tmp_path / "esf-5.toml").write_text(good)
    assert load_layouts(tmp_path) == (LAYOUT,)
    bad = good.replace('generation = "A"', 'generation = "Z"\ncolour = "red"').replace("[80]", '["http"]')
    bad = bad.replace('root = "/opt', 'root = "opt').replace('name = "esf-5"', 'name = "esf-6"')
    (tmp_path / "esf-5.toml").write_text(bad)
    with pytest.raises(PipelineError) as caught:
        load_layouts(tmp_path)
    text = json.dumps([problem.what for problem in caught.value.problems])
    for words in ("generation", "colour: unknown key", "console_ports", "root: is not an absolute path", "name of the"):
        assert words in text
    with pytest.raises(PipelineError, match="no layouts here"):
        load_layouts(tmp_path / "empty")
    with pytest.raises(PipelineError, match="choose one of: auto, esf-5"):
        choose_layouts("esf-99")
    assert choose_layouts("auto") == load_layouts()
