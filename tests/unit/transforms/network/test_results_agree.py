"""What is written for a gateway says the same everywhere: every file, and the snapshot with its new settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property
from pipeline.formats.network.iptables import text as iptables
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, LinkEntry
from pipeline.model.setting import SnapshotSetting
from pipeline.plan.image_plan import Inputs, plan_product
from pipeline.transforms import firewall, network
from pipeline.transforms.firewall.agreement import disagreements as of_firewall
from pipeline.transforms.network.agreement import disagreements
from pipeline.transforms.network.golden_files import adapters, parse
from tests.support.network import GATEWAYS, INTERFACES, IPTABLES, a_gateway_with, a_golden, an_image, committed
from tests.support.release import a_release, some_secrets
from tests.support.trust import a_trust

DOWNLOADED = next((Path(__file__).resolve().parents[4] / "golden").glob("snapshot_*.xml")).read_bytes()
DOWN = Interface("x", "disabled")
MORE = (
    Gateway("gw-all-off", interfaces={name: replace(DOWN, name=name) for name in ("eth0", "wlan0", "ppp0")}),
    a_gateway_with(
        eth0=Interface("eth0", "lan", "static", "10.1.2.3/20", dns=("192.0.2.9",)),
        eth1=Interface("eth1", "wan", "static", "198.51.100.5/29", gateway="198.51.100.1"),
        wlan0=Interface("wlan0", "lan", "static", "10.9.0.1/25", ssid="a b", channel=11),
        ppp0=Interface("ppp0", "wan", "ppp", apn="other.example"),
    ),
)


def applied(settings: Iterable[SnapshotSetting]) -> bytes:
    """The golden sample's snapshot with the settings in it."""
    snapshot = esf_snapshot.read(DOWNLOADED, "A", "test").snapshot
    assert snapshot is not None
    for setting in settings:
        component = snapshot.get(setting.pid)
        assert component is not None
        if setting.values is None:
            component = component.without([setting.name])
        else:
            component = component.with_properties(Property(setting.name, setting.type, setting.values))
        snapshot = snapshot.with_configuration(component)
    return esf_snapshot.render(snapshot)


def delivered(gateway: Gateway) -> Golden:
    """A gateway's files and snapshot, as an export of that gateway would have them."""
    golden = a_golden(snapshot=DOWNLOADED)
    files, settings = network.restore(golden, an_image(), a_release(), gateway, some_secrets())
    rules, more = firewall.restrict(golden, an_image(), a_release(), gateway)
    entries = [*files.entries, *rules.entries]
    return Golden(
        "5.0.0",
        applied((*settings, *more)),
        b"",
        {},
        None,
        {entry.path: entry.content for entry in entries if isinstance(entry, FileEntry) and ".data" not in entry.path},
        {entry.path: entry.target for entry in entries if isinstance(entry, LinkEntry)},
        (),
        (),
        "00" * 32,
    )


@pytest.mark.parametrize("gateway", [*GATEWAYS, *MORE], ids=lambda gateway: gateway.name)
def test_files_and_snapshot_of_every_gateway(gateway: Gateway) -> None:
    golden, vanilla = delivered(gateway), an_image()
    golden = replace(
        golden, network={path: content for path, content in golden.network.items() if "sysctl" not in path}
    )
    files = parse(golden, vanilla.layout)
    found = adapters(files)
    assert {name for name, adapter in found.items() if adapter.enabled} == {
        name
        for name in ("eth0", "eth1", "wlan0", "ppp0")
        if name not in gateway.interfaces or gateway.interfaces[name].state != "disabled"
    }
    assert [problem.what for problem in disagreements(golden, files, found, vanilla)] == []
    rules = iptables.parse(golden.network[GuestPath(IPTABLES)].decode(), "test")
    assert [problem.what for problem in of_firewall(golden, rules, vanilla.layout, "test")] == []


def test_it_would_be_noticed() -> None:
    golden, vanilla = delivered(GATEWAYS[0]), an_image()
    changed = golden.network[GuestPath(INTERFACES)].replace(b"192.168.11.1", b"192.168.11.2")
    kept = {path: content for path, content in golden.network.items() if "sysctl" not in path}
    golden = replace(golden, network={**kept, GuestPath(INTERFACES): changed})
    files = parse(golden, vanilla.layout)
    told = [problem.what for problem in disagreements(golden, files, adapters(files), vanilla)]
    assert len(told) == 2  # the DHCP server's router, and the snapshot
    assert all("eth0: address is 192.168.11.2, but 192.168.11.1 in golden: " in problem for problem in told)


def test_what_contradicts_itself_is_told_before_anything_is_built_and_all_at_once() -> None:
    golden = a_golden(
        {
            INTERFACES: committed(INTERFACES).replace("192.168.10.1", "192.168.10.2"),
            IPTABLES: committed(IPTABLES).replace("--dport 502 ", "--dport 503 "),
        },
        snapshot=DOWNLOADED,
    )
    image = an_image()
    told = [*network.contradictions(golden, image), *firewall.contradictions(golden, image.layout)]
    assert len(told) == 4
    with pytest.raises(PipelineError) as caught:
        plan_product(Inputs(image, golden, replace(a_release(), golden_esf_version=""), a_trust(), ()))
    assert caught.value.problems == tuple(told)
    unreadable = network.contradictions(a_golden({INTERFACES: "iface\n"}), image)[0].what
    assert unreadable.endswith("'iface' needs a name, an address family and a method")
    by_snapshot = replace(image.layout, network_truth="snapshot")
    assert not network.contradictions(golden, replace(image, layout=by_snapshot))
    assert not firewall.contradictions(golden, by_snapshot)
