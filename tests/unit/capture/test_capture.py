"""What capture writes and refuses, without a gateway: addresses, host keys, snapshots, directories, images as trees."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from pipeline.capture.console_snapshot import read_snapshot
from pipeline.capture.disk_image import found_in
from pipeline.capture.export_directory import write_export
from pipeline.capture.gateway_ssh import Target, command_line, parse_target, pinned
from pipeline.capture.taken import Found, judged
from pipeline.errors import PipelineError
from pipeline.inputs.golden_export import read_export
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree
from tests.support.golden import read_golden
from tests.support.golden_gateway import expected_files, snapshot_file

LINK = {"etc/ppp/peers/ppp0": "/etc/ppp/peers/LE910_2-1"}


def a_found() -> Found:
    return Found({**expected_files(), "etc/ppp/my.p12": b"?", "etc/shadow": b"root::"}, LINK, "5.0.0", ("etc/x y",))


def test_the_export_is_private_complete_and_read_again(tmp_path: Path) -> None:
    target = tmp_path / "golden"
    taken = judged(a_found(), read_snapshot(snapshot_file()))
    write_export(taken, target, release="5.0.0", source="a test")
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    golden = read_golden(target)
    assert (golden.warnings, golden.refused, golden.missing) == ((), (), ())
    assert golden.esf_version == "5.0.0"
    assert len(golden.packages) == 2
    about = (target / "export.toml").read_text()
    assert "etc/ppp/my.p12: a keystore is personal" in about
    assert "etc/shadow: not listed" in about
    assert "missing = []" in about
    assert "etc/x y" in about
    assert read_export(target).links == LINK
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_written_over_and_nothing_half(tmp_path: Path) -> None:
    taken = judged(a_found(), None)
    (tmp_path / "golden").mkdir()
    with pytest.raises(PipelineError, match="is there already"):
        write_export(taken, tmp_path / "golden", release="5.0.0", source="a test")
    with pytest.raises(PipelineError, match="no such directory"):
        write_export(taken, tmp_path / "none" / "golden", release="5.0.0", source="a test")
    broken = judged(Found({"etc/ppp/a": b"", "etc/ppp/a/b": b""}, {}), None)
    with pytest.raises(PipelineError, match="cannot be written"):
        write_export(broken, tmp_path / "other", release="5.0.0", source="a test")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["golden"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ssh://root@192.168.10.1", Target("root", "192.168.10.1")),
        ("ssh://root@gw.example:2222/", Target("root", "gw.example", 2222)),
        ("ssh://root@[fe80::1]:22", Target("root", "fe80::1")),
    ],
)
def test_addresses(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "ssh://192.168.10.1", "ssh://-oProxyCommand=id@host", "ssh://root@-host", "ssh://root@host/path", "ssh://root@",
        "ssh://root@host:99999", "ssh://root@ho st", "ssh:root@host", "ssh://ro;ot@host", "ssh://root@host?x",
    ],
)  # fmt: skip
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(PipelineError, match="not understood"):
        parse_target(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(PipelineError) as caught:
        parse_target("ssh://root:Hidden-1@host")
    assert "Hidden" not in str(caught.value)


def test_ssh_asks_nothing_and_forwards_nothing(tmp_path: Path) -> None:
    words = command_line(Target("root", "gw", 2222), tmp_path / "known", tmp_path / "key", ["Ciphers=+aes128-cbc"])
    assert words[-2:] == ["gw", "exec sh -s"]
    assert words[words.index("-p") + 1] == "2222"
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "PasswordAuthentication=no", "IdentityAgent=none"):
        assert option in words
    with pytest.raises(PipelineError, match="may be given"):
        command_line(Target("root", "gw"), tmp_path / "known", None, ["ProxyCommand=id"])


@pytest.mark.parametrize("fingerprint", ["", "SHA256:short", "MD5:00:11"])
def test_a_host_key_must_be_pinned(fingerprint: str) -> None:
    with pytest.raises(PipelineError, match="must be known"), pinned(Target("root", "gw"), None, fingerprint):
        pass


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("snapshot_1.xml", b"QUJD" * 40, "only that gateway can read it"),
        ("snapshot_1.xml", b"<x/>", "no-configurations"),
        ("download.xml", b"<x/>", "is not called"),
        ("snapshot_1.xml", None, "cannot be read"),
    ],
)
def test_snapshots_that_are_none(name: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=said):
        read_snapshot(tmp_path / name)


def test_an_image_is_read_through_its_own_links() -> None:
    home = "/opt/eurotech/esf_5.0.0_x"
    contents = {
        f"{home}/kura/dpa.properties": b"dpa", "/etc/ppp/peers/LE910_2-1": b"peer", "/etc/ppp/ip-up": b"#!/bin/sh",
        "/data/hostapd.conf": b"hostapd", "/etc/shadow": b"no", f"{home}/data/snapshots/snapshot_5.xml": b"no",
    }  # fmt: skip
    links = {
        "/opt/eurotech/esf": "esf_5.0.0_x", "/etc/ppp/peers/ppp0": "/etc/ppp/peers/LE910_2-1",
        "/etc/hostapd-wlan0.conf": "../data/hostapd.conf", "/etc/hostapd-wlan1.conf": "hostapd-wlan1.conf",
        "/etc/dhcpd-eth0.conf": "/nowhere",
    }  # fmt: skip
    nodes: dict[GuestPath, Node] = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    for name, node in [
        *((name, Node(Kind.FILE, 0o600, size=len(content))) for name, content in contents.items()),
        *((name, Node(Kind.LINK, 0o777, target=target)) for name, target in links.items()),
    ]:
        path = GuestPath(name)
        for above in path.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        nodes[path] = node
    found = found_in(Tree(nodes), lambda path, size: contents[path][:size])
    assert found.files == {
        "opt/eurotech/esf/kura/dpa.properties": b"dpa", "etc/ppp/peers/LE910_2-1": b"peer",
        "etc/ppp/ip-up": b"#!/bin/sh", "etc/hostapd-wlan0.conf": b"hostapd",
    }  # fmt: skip
    assert found.links == LINK
    assert found.release == "5.0.0"
    assert sorted(found.odd) == ["etc/dhcpd-eth0.conf", "etc/hostapd-wlan1.conf"]


@pytest.mark.tools
def test_the_options_are_ones_ssh_knows(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    words = command_line(Target("root", "gw", 2222), tmp_path / "known hosts", tmp_path / "key", [])
    done = subprocess.run(["ssh", "-G", *words[:-3], "gw"], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert "stricthostkeychecking true" in said
    assert f"userknownhostsfile {tmp_path}/known hosts" in said
    assert {"batchmode yes", "forwardagent no", "passwordauthentication no", "identityagent none"} <= set(said)


@pytest.mark.tools
def test_nobody_answers() -> None:
    with (
        pytest.raises(PipelineError, match=r"ssh://root@127\.0\.0\.1:1: nobody answers there"),
        pinned(Target("root", "127.0.0.1", 1), None, f"SHA256:{'A' * 43}"),
    ):
        pass
