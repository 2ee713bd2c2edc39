"""What belongs to the one golden gateway does not travel: files that are its own, and its marks inside others."""

from __future__ import annotations

import pytest

from pipeline.classification.assemble import assemble, judge
from pipeline.classification.item import Class, Decision
from pipeline.classification.lock import Lock
from pipeline.errors import PipelineError
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Export
from pipeline.transforms import network
from tests.support.network import (
    AS_GOLDEN,
    GATEWAYS,
    INTERFACES,
    SOUTH,
    a_golden,
    an_image,
    committed,
)
from tests.support.release import a_release, some_secrets

SNAPSHOT = {"snapshot_1.xml": b'<a><esf:configuration pid="one"/></a>'}


@pytest.mark.parametrize(
    "path",
    [
        "etc/bind/rndc.key",
        "etc/bind/session.key",
        "etc/udev/rules.d/70-persistent-net.rules",
        "etc/udev/rules.d/75-persistent-net-generator.rules",
        "var/lib/dhcp/dhcpd.leases",
        "var/lib/dhcp/dhcpd.leases~",
        "var/lib/dhcp/dhclient.eth1.leases",
        "var/lib/misc/udhcpd.leases",
        "etc/dhclient-eth1.conf",
        "etc/ppp/dhcp.lease",
        "etc/machine-id",
        "etc/ssh/ssh_host_ed25519_key.pub",
    ],
)
def test_files_that_are_one_gateway_s_own(path: str) -> None:
    export = Export("5.0.0", {**SNAPSHOT, path: b"x\n"}, {}, "export", product="ESF")
    items = judge(export)
    (item,) = (item for item in items if item.key.name == path)
    assert item.sort is Class.FORBIDDEN
    assert Decision.TRAVELS not in item.allowed
    golden = assemble(export, items, Lock())
    assert not golden.network
    assert [name for name, _ in golden.refused] == [path]


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_marks_of_its_hardware_inside_files(gateway: Gateway) -> None:
    golden = a_golden()
    before = b"".join(golden.network.values()).lower()
    assert all(mark in before for mark in (b"02:60:0c:81:24:5a", b"02600c81245e", b"hwaddress", b"bssid"))
    layer, _ = network.restore(golden, an_image(), a_release(), gateway, some_secrets())
    for entry in layer.files():
        content = entry.content.lower()
        for mark in (b"02:60:0c", b"02600c", b"hwaddress", b"bssid", b"modem.identifier"):
            assert mark not in content, (entry.path, mark)


def test_what_a_modem_left_in_its_directory_stays() -> None:
    """Name servers of the last connection and a distribution's own scripts are not ESF's (formats 6)."""
    left = {"/etc/ppp/resolv.conf": "nameserver 192.0.2.1\n", "/etc/ppp/connect-errors": "x\n", "/etc/ppp/ip-up": "x\n"}
    layer, _ = network.restore(a_golden(left), an_image(), a_release(), SOUTH, some_secrets())
    assert not left.keys() & {str(entry.path) for entry in layer.entries}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/etc/dhcpd-eth0.conf", "    host-identifier 02:60:0c:81:24:99;\n"),
        (INTERFACES, "\tup ip link set eth0 address 02-60-0C-81-24-5A\n"),
        ("/etc/ppp/peers/LE910_2-1", "# modem 02:60:0c:81:24:5e\n"),
    ],
)
def test_a_hardware_address_that_no_rule_takes_out_stops_the_build(path: str, line: str) -> None:
    text = committed(path)
    places = {"/etc/dhcpd-eth0.conf": "    pool {\n", INTERFACES: "\tnetmask 255.255.255.0\n\thw"}
    mark = places.get(path, "debug\n")
    changed = text.replace(mark, line + mark, 1)
    assert changed != text
    with pytest.raises(PipelineError) as caught:
        network.restore(a_golden({path: changed}), an_image(), a_release(), AS_GOLDEN, some_secrets())
    assert [problem.what.rsplit(": ", 1)[1] for problem in caught.value.problems] == [
        "holds a hardware address of the golden sample"
    ]
    assert caught.value.problems[0].what.startswith(f"golden: {path}: line ")
