"""A factory reset must not un-harden a gateway: the copies it restores from are what is delivered, for every layout.

Copies (formats 3): snapshot, iptables, interfaces, ifcfg, hostapd, dhcpd, kuranet.conf, and the security policy's.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.inputs.layout_files import load_layouts
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Removal
from pipeline.model.layout import Layout
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import land
from pipeline.transforms import firewall, network
from pipeline.transforms.esf import policy, snapshot
from tests.support.golden import a_golden as the_golden
from tests.support.kura import a_kura_golden
from tests.support.network import NORTH, SOUTH, a_golden
from tests.support.release import a_release, some_secrets
from tests.support.trust import VENDOR, VENDOR_CA, a_trust
from tests.support.vanilla import LAYOUT, a_vanilla

LAYOUTS = {layout.name: layout for layout in load_layouts()}
RELEASE = a_release(policy=replace(a_release().policy, vendor_signers=(f"{VENDOR};{VENDOR_CA}",)))

# What the vendor delivers: the copies, each with the live file it is restored to.
NETWORK = {
    "iptables": "/etc/sysconfig/iptables",
    "interfaces": "/etc/network/interfaces",
    "hostapd-wlan0.conf": "/etc/hostapd-wlan0.conf",
    "dhcpd-eth0.conf": "/etc/dhcpd-eth0.conf",
}


def copies(layout: Layout) -> dict[str, str]:
    found = {f"{layout.restore}/{name}": live for name, live in NETWORK.items()}
    found[f"{layout.restore}/snapshot_0.xml"] = f"{layout.snapshots}/snapshot_0.xml"
    if layout.kuranet is not None:
        found[f"{layout.restore}/kuranet.conf"] = str(layout.kuranet)
    if layout.policy is not None:
        # A directory in ESF 5 and 6, a file of its own name in ESF 7 (formats 3).
        backup = layout.policy_backup
        assert backup is not None
        found[str(backup / "security.policy" if layout.generation != "C" else backup)] = str(layout.policy)
    return found


def image(layout: Layout) -> Vanilla:
    """An installation of this layout with the vendor's weak files, live and as copies."""
    content: dict[str, bytes | str | None] = {}
    for copy, live in copies(layout).items():
        content |= {copy: "the vendor's own\n", live: "the vendor's own\n"}
    content |= {
        "/etc/named.rfc1912.zones": "",
        "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nkurad:x:990:990::/opt/eclipse:/usr/sbin/nologin\n",
        str(layout.properties): "kura.version=1\n",
    }
    root = str(layout.root)
    return a_vanilla(content, links={root: f"{root}_1.0"}, layout=layout)


def written(layer: Layer, vanilla: Vanilla) -> Layer:
    """Where the layer's entries land in the image."""
    return land(vanilla.tree, layer)


def same(layer: Layer, vanilla: Vanilla, copy: str, live: str) -> bool:
    """Whether a copy and its live file are both left alone, both removed, or both written with one content."""
    first, second = (layer.by_path.get(vanilla.tree.resolve(GuestPath(path))) for path in (copy, live))
    if isinstance(first, FileEntry) and isinstance(second, FileEntry):
        return first.content == second.content and first.mode == second.mode
    return type(first) is type(second) and (first is None or isinstance(first, Removal))


@pytest.mark.parametrize("name", LAYOUTS)
def test_snapshot(name: str) -> None:
    layout, vanilla = LAYOUTS[name], image(LAYOUTS[name])
    golden = a_kura_golden() if layout.generation == "C" else the_golden()
    if layout.product == "ESF" and layout.generation == "C":
        layout = replace(layout, product="Kura")  # the Kura sample has no provisioning
        vanilla = replace(vanilla, layout=layout)
    settings = snapshot.console_settings(RELEASE, some_secrets(), layout.console_auth)
    layer = written(snapshot.rewrite(golden, vanilla, RELEASE, settings), vanilla)
    copy, live = f"{layout.restore}/snapshot_0.xml", f"{layout.snapshots}/snapshot_0.xml"
    assert same(layer, vanilla, copy, live)
    entry = layer.by_path[vanilla.tree.resolve(GuestPath(live))]
    assert isinstance(entry, FileEntry)
    # Who reads it, and encrypts it in place at the first start, has to be able to.
    assert (entry.mode, entry.uid) == (0o600, 990 if layout.generation == "C" else 0)


@pytest.mark.parametrize("gateway", [NORTH, SOUTH], ids=lambda gateway: gateway.name)
@pytest.mark.parametrize("name", [name for name in LAYOUTS if LAYOUTS[name].network_truth == "files"])
def test_network_and_firewall_where_files_are_the_truth(name: str, gateway: Gateway) -> None:
    layout = LAYOUTS[name]
    vanilla, golden = image(layout), a_golden()
    # The sample has its kuranet.conf where ESF 5 has it; each layout looks where its own is.
    kept = {path: content for path, content in golden.network.items() if path != LAYOUT.kuranet}
    assert layout.kuranet is not None
    assert LAYOUT.kuranet is not None
    golden = replace(golden, network={**kept, layout.kuranet: golden.network[LAYOUT.kuranet]})
    files, _ = network.restore(golden, vanilla, RELEASE, gateway, some_secrets())
    rules, _ = firewall.restrict(golden, vanilla, RELEASE, gateway)
    layer = written(Layer.of(*files.entries, *rules.entries), vanilla)
    for copy, live in copies(layout).items():
        if live in NETWORK.values() or live == str(layout.kuranet):
            assert same(layer, vanilla, copy, live), f"{copy} is not {live}"
            assert layer.by_path.get(vanilla.tree.resolve(GuestPath(copy))) is not None


@pytest.mark.parametrize("name", [name for name in LAYOUTS if LAYOUTS[name].network_truth == "snapshot"])
def test_network_and_firewall_where_the_snapshot_is_the_truth(name: str) -> None:
    layout = LAYOUTS[name]
    vanilla, golden = image(layout), a_kura_golden()
    files, _ = network.restore(golden, vanilla, RELEASE, replace(NORTH, interfaces={}), some_secrets())
    rules, _ = firewall.restrict(golden, vanilla, RELEASE, replace(NORTH, interfaces={}))
    layer = written(Layer.of(*files.entries, *rules.entries), vanilla)
    for copy, live in copies(layout).items():
        if live in NETWORK.values():
            assert same(layer, vanilla, copy, live)
            # The framework makes all others; this one is in force before it has started.
            assert (vanilla.tree.resolve(GuestPath(live)) in layer.by_path) == live.endswith("/iptables")


@pytest.mark.parametrize("name", LAYOUTS)
def test_policy(name: str) -> None:
    layout = LAYOUTS[name]
    vanilla = image(layout)
    layer = written(policy.harden(replace(the_golden(), policy=None), vanilla, RELEASE, a_trust(), ()), vanilla)
    if layout.policy is None:
        assert layer == Layer()
        return
    backups = [(copy, live) for copy, live in copies(layout).items() if live == str(layout.policy)]
    assert len(backups) == 1
    for copy, live in backups:
        assert same(layer, vanilla, copy, live)
        assert isinstance(layer.by_path[vanilla.tree.resolve(GuestPath(copy))], FileEntry)


def test_a_layout_without_the_directory_gets_no_copies() -> None:
    vanilla = a_vanilla({"/etc/named.rfc1912.zones": ""})
    layer, _ = firewall.restrict(a_golden(), vanilla, RELEASE, NORTH)
    assert not [entry for entry in layer.entries if "/.data/" in entry.path]
