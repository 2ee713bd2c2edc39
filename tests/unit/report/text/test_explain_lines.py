"""Every line of a file that several rules made has its own reason, every setting its own, and no secret is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Network

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.network.iptables.text import parse, render
from pipeline.manifest import from_bytes, to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LineOrigin, Origin
from pipeline.model.line_origins import compared, kept, of_line, stretches, with_lines
from pipeline.model.manifest import Action, Change, Manifest
from pipeline.model.tree import Kind, Node, Tree
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.report.text.line_explanation import line_text, property_text, snapshot_path
from pipeline.transforms.firewall.lines import line_origins
from pipeline.transforms.firewall.network_facts import NetworkFacts
from pipeline.transforms.firewall.rewrite import Wanted, rewrite, without_counters
from tests.support import esf_view
from tests.support.golden import a_golden
from tests.support.manifest import a_manifest
from tests.support.network import NORTH
from tests.support.trust import a_signer, a_trust

SNAPSHOT = GuestPath(f"{esf_view.REAL}/data/snapshots/snapshot_0.xml")
PROPERTIES = GuestPath(f"{esf_view.REAL}/kura/kura.properties")
CONSOLE = "org.eclipse.kura.web.Console"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"


@cache
def files() -> dict[GuestPath, FileEntry]:
    """What the plan writes into one gateway's image."""
    vanilla, golden = esf_view.the_vanilla(), a_golden()
    inputs = Inputs(vanilla, golden, esf_view.the_release(), a_trust(golden, a_signer()), ())
    product = plan_product(inputs)
    device = plan_device(inputs, product, NORTH, esf_view.own_secrets(NORTH.name))
    layer = with_lines(
        Layer(tuple(entry for _, entry in sorted({**product.layer.by_path, **device.layer.by_path}.items()))),
        vanilla.files,
    )
    return {entry.path: entry for entry in layer.files()}


@cache
def manifest() -> Manifest:
    """A manifest with these files as changes, written and read again."""
    small = a_manifest()
    nodes, changes = dict(small.tree.nodes), dict(small.changes)
    for path, entry in files().items():
        for above in path.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        secret = entry.secret
        node = Node(
            Kind.FILE, entry.mode, entry.uid, entry.gid, len(entry.content), sha256=None if secret else "0" * 64
        )
        nodes[path] = node
        changes[path] = Change(path, Action.REPLACED, node, tuple(sorted(entry.origins)), secret, entry.lines)
    told = replace(small, tree=Tree(nodes), changes=dict(sorted(changes.items())), keystores=())
    return from_bytes(to_bytes(told), name="manifest.json")


def owners(path: str, pattern: str) -> set[str]:
    """The rules that have the lines of a planned file that match."""
    entry = files()[GuestPath(path)]
    found = set()
    for number, line in enumerate(entry.content.decode().splitlines(), 1):
        if re.search(pattern, line):
            origin = of_line(entry.lines, number)
            found.add(f"{origin.rule} {origin.document}".strip() if origin is not None else "nobody")
    return found


@pytest.mark.parametrize(
    ("path", "pattern", "rules"),
    [
        ("/etc/ssh/sshd_config", "^Port 49153", {"ssh.port A:84"}),
        ("/etc/ssh/sshd_config", "^PermitRootLogin no", {"ssh.no_root A:34"}),
        ("/etc/ssh/sshd_config", "^PasswordAuthentication no", {"ssh.no_passwords A:70-72"}),
        ("/etc/ssh/sshd_config", "^PubkeyAuthentication", {"ssh.public_key A:58"}),
        ("/etc/ssh/sshd_config", "^Subsystem", {"kept"}),
        ("/etc/passwd", "^technician:", {"accounts.users A:17"}),
        ("/etc/passwd", "^daemon:", {"kept"}),
        ("/etc/shadow", "^root:", {"accounts.root_password A:11"}),
        ("/etc/sysconfig/iptables", "^:INPUT", {"firewall.policy A:113", "kept"}),
        ("/etc/sysconfig/iptables", "--dport 49153", {"ssh.port A:84"}),
        ("/etc/sysconfig/iptables", "--dport 502 ", {"network.interface A:187"}),
        ("/etc/sysconfig/iptables", "-i lo -j ACCEPT", {"kept"}),
        ("/etc/hostapd-wlan0.conf", "^wpa_passphrase=", {"network.wifi A:119"}),
        ("/etc/hostapd-wlan0.conf", "^auth_algs=", {"network.wifi A:192"}),
        ("/etc/hostapd-wlan0.conf", "^ssid=", {"network.interface A:192"}),
        ("/etc/hostapd-wlan0.conf", "^driver=", {"kept"}),
        ("/etc/network/interfaces", "address 192.168.11.1", {"network.interface A:186"}),
        ("/etc/network/interfaces", "auto lo", {"kept"}),
        (PROPERTIES, "^#", {"kept"}),
    ],
)  # fmt: skip
def test_each_line_belongs_to_who_wrote_it(path: str, pattern: str, rules: set[str]) -> None:
    found = owners(path, pattern)
    assert found
    assert found <= rules


def test_every_setting_that_was_wanted_owns_its_lines_and_the_others_are_the_golden_sample_s() -> None:
    entry = files()[SNAPSHOT]
    snapshot = esf_snapshot.load(entry.content, "A").snapshot
    assert snapshot is not None
    lines = entry.content.decode().splitlines()
    rules = {}
    for (pid, name), (first, last) in esf_snapshot.places(snapshot).items():
        assert f'name="{name}"' in lines[first - 1]
        assert lines[last - 1].strip() == "</esf:property>"
        origin = of_line(entry.lines, first)
        assert origin is not None
        assert of_line(entry.lines, last) == origin
        rules[pid, name] = origin.rule
    assert rules[CONSOLE, "console.password.value"] == "snapshot.console_password"
    assert rules[NETWORK, "net.interface.eth0.config.ip4.address"] == "network.interface"
    assert rules[NETWORK, "net.interface.wlan0.config.wifi.master.passphrase"] == "network.wifi"
    assert "kept" in rules.values()
    assert of_line(entry.lines, 1) is None


def test_the_keys_that_were_wanted_own_their_lines() -> None:
    content = files()[PROPERTIES].content.decode().splitlines()
    wanted = {line.partition("=")[0] for number, line in enumerate(content, 1) if _rule(PROPERTIES, number) != "kept"}
    assert "kura.ssl.keyStorePassword" in wanted
    assert all(key.startswith(("kura.", "file.command.zip.")) for key in wanted)
    assert len(wanted) < len(content)


def _rule(path: GuestPath, number: int) -> str:
    origin = of_line(files()[path].lines, number)
    return origin.rule if origin is not None else ""


def test_rules_that_were_cut_or_made_are_the_firewall_s() -> None:
    given = parse(
        "*filter\n:INPUT ACCEPT [7:9]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 79:81 -j ACCEPT\nCOMMIT\n",
        "golden",
    )
    network_facts, wanted = (
        NetworkFacts(("eth0",), (), {}),
        Wanted((79,), (80,), (IPv4Network("10.234.0.0/16"),), 49153),
    )
    finished = without_counters(rewrite(given, wanted, network_facts))
    lines = line_origins(given, finished, wanted, network_facts, "golden: rules", "gw-1")
    told = {}
    for number, line in enumerate(render(finished).splitlines(), 1):
        origin = of_line(lines, number)
        assert origin is not None
        told[line] = origin.rule
    assert told[":INPUT DROP [0:0]"] == "firewall.policy"
    assert told["-A INPUT -i lo -j ACCEPT"] == "kept"
    assert told["-A INPUT -p tcp -m tcp --dport 49153 -j ACCEPT"] == "ssh.port"
    assert told["-A INPUT -s 10.234.0.0/16 -p tcp -m tcp --dport 80 -j ACCEPT"] == "firewall.console_from_vpn"
    assert told["-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT"] == "firewall.restrict"


def numbers(path: GuestPath, pattern: str) -> Iterator[int]:
    for number, line in enumerate(files()[path].content.decode().splitlines(), 1):
        if re.search(pattern, line):
            yield number


def test_a_line_is_told_with_its_rule_its_input_and_the_document() -> None:
    path = GuestPath("/etc/ssh/sshd_config")
    (number,) = numbers(path, "^Port")
    told = line_text(manifest(), path, number, files()[path].content)
    assert told == f"{path}:{number}\n  Port 49153\n  by ssh.port, from gateway.toml [ssh], A:84\n"
    assert "Port" not in line_text(manifest(), path, number, None).partition("by")[0]
    with pytest.raises(PipelineError, match="the file has"):
        line_text(manifest(), path, 10**6, files()[path].content)


def test_no_line_of_a_file_with_secrets_tells_one() -> None:
    secrets = esf_view.own_secrets(NORTH.name)
    values = (secrets.root_hash, secrets.wifi_passphrase, secrets.console_password, secrets.certificates_password)
    for path, entry in files().items():
        if entry.secret and b"\0" not in entry.content and not entry.content.startswith(b"\xfe\xed"):
            count = len(entry.content.splitlines())
            told = "".join(line_text(manifest(), path, number, entry.content) for number in range(1, count + 1))
            assert [value for value in values if value in told] == []
            assert b"PRIVATE KEY" not in entry.content or "Key: " not in told
    (number,) = numbers(GuestPath("/etc/shadow"), "^root:")
    shadow = files()[GuestPath("/etc/shadow")].content
    assert "root (secret)\n  by accounts.root_password" in line_text(
        manifest(), GuestPath("/etc/shadow"), number, shadow
    )


@pytest.mark.parametrize(
    ("asked", "value", "why", "own"),
    [
        (f"{CONSOLE}.console.password.value", "(secret)", "by snapshot.console_password, from", True),
        (f"{CONSOLE}.console.username.value", '"admin"', "by snapshot.console_user", False),
        (f"{NETWORK}.net.interface.eth0.config.ip4.address", '"192.168.11.1"', f"devices.toml: {NORTH.name}", True),
        (f"{NETWORK}.net.interfaces", "eth0", "the golden sample's, kept (golden: snapshot)", False),
    ],
)
def test_a_setting_is_told_with_where_its_value_comes_from(asked: str, value: str, why: str, own: bool) -> None:
    assert snapshot_path(manifest()) == SNAPSHOT
    told = property_text(manifest(), SNAPSHOT, files()[SNAPSHOT].content, asked)
    assert value in told
    assert why in told
    assert ("this gateway's own" in told) is own
    assert f"{SNAPSHOT}:" in told


@pytest.mark.parametrize(
    ("asked", "match"), [("org.example.none.x", "no such component"), (f"{CONSOLE}.no.such", "has no such property")]
)
def test_a_setting_there_is_not_is_refused_with_what_there_is(asked: str, match: str) -> None:
    with pytest.raises(PipelineError, match=match) as caught:
        property_text(manifest(), SNAPSHOT, files()[SNAPSHOT].content, asked)
    assert caught.value.problems[0].remedy


def test_a_snapshot_the_build_did_not_write_has_no_lines_to_explain() -> None:
    content = files()[SNAPSHOT].content.replace(b"    <esf:configuration", b"\n    <esf:configuration", 1)
    assert "not as the build wrote it" in property_text(
        manifest(), SNAPSHOT, content, f"{CONSOLE}.console.username.value"
    )


def test_comparing_ignores_blanks_and_keeps_order() -> None:
    new = Origin("r", "s")
    found = compared(b"a\n  b\nc\n", b"x\na\nb \nnew\nc", kept("v"), lambda line: new if line == b"new" else None)
    assert found == (LineOrigin(2, 3, kept("v")), LineOrigin(4, 4, new), LineOrigin(5, 5, kept("v")))
    assert stretches([None, new, new, None]) == (LineOrigin(2, 3, new),)
    assert of_line(found, 1) is None


def test_what_several_rules_wrote_and_none_tells_apart_is_nobody_s_alone() -> None:
    path = GuestPath("/etc/x")
    two = (Origin("a", "s"), Origin("b", "s"))
    layer = with_lines(Layer.of(FileEntry(path, b"old\nnew\n", two)), {path: b"old\n"})
    (entry,) = layer.files()
    assert entry.lines == (LineOrigin(1, 1, kept("vanilla image: /etc/x")),)
    change = Change(path, Action.REPLACED, Node(Kind.FILE, 0o644, sha256="0" * 64), two, lines=entry.lines)
    told = replace(a_manifest(), changes={path: change})
    assert line_text(told, path, 2, entry.content).endswith("is made\n    by a, from s\n    by b, from s\n")
    assert "as in the vanilla image" in line_text(told, GuestPath("/etc/other"), 1, None)
