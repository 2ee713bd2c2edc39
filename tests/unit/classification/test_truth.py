"""What of the documents' list counts depends on the generation: files up to Kura 5.0, then the snapshot alone."""

from __future__ import annotations

import pytest

from pipeline.classification.assemble import assemble, judge
from pipeline.classification.item import Class, Decision
from pipeline.classification.lock import Lock
from pipeline.classification.review import problems
from pipeline.classification.truth import layout_of, missing
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.golden import Export
from pipeline.model.guest_path import GuestPath

LAYOUTS = load_layouts()
SNAPSHOT = b'<a><esf:configuration pid="one"/></a>'
NETWORK = {
    "etc/sysconfig/iptables": b"*filter\nCOMMIT\n",
    "etc/network/interfaces": b"auto lo\n",
    "etc/network/interfaces.d/bridge": b"auto br0\n",
    "etc/hostapd-wlan0.conf": b"wpa_passphrase=Golden-Sample-Air-1\n",
    "etc/ppp/chap-secrets": b"u\t*\tGolden-Sample-Apn-Pw\t*\n",
    "etc/dhcpd-eth0.conf": b"# enabled? true\n",
}


@pytest.mark.parametrize(
    ("product", "version", "name"),
    [
        ("ESF", "5.0.0", "esf-5"),
        ("Kura", "5.0.1", "kura-5-0"),
        ("Kura", "5.5.0", "kura-5"),
        ("ESF", "7.0.1", "esf-7-0"),
        ("ESF", "7.2", "esf-7"),
        ("Kura", "3.2.1", "kura-3"),
        ("ESF", "8.0", None),
        ("ESF", "7.10", None),  # is not 7.1
        ("", "5.1.0", None),  # of both products, one with files and one without
        ("", "6.2.1", "esf-6"),
    ],
)
def test_the_layout_of_a_release(product: str, version: str, name: str | None) -> None:
    found = layout_of(product, version, LAYOUTS)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("kura-5", {"dpa.properties (A:170)", "packages/*.dp (A:171)"}),
        ("esf-7", {"dpa.properties (A:170)", "packages/*.dp (A:171)", "security.policy (A:175)"}),
    ],
)
def test_no_linux_file_is_missed_where_the_snapshot_is_the_truth(name: str, labels: set[str]) -> None:
    (layout,) = (layout for layout in LAYOUTS if layout.name == name)
    assert set(missing(["snapshot_1.xml"], layout)) == labels


@pytest.mark.parametrize("layout", [None, *LAYOUTS], ids=lambda layout: layout.name if layout else "unknown")
def test_everything_else_is_missed_everywhere(layout: object) -> None:
    known = next((found for found in LAYOUTS if found is layout), None)
    labels = set(missing([], known))
    assert {"snapshot_<id>.xml (A:137)", "dpa.properties (A:170)"} <= labels
    files = known is None or known.network_truth == "files"
    assert ("/etc/network/interfaces (A:186)" in labels) == ("kuranet.conf (A:193)" in labels) == files
    assert ("security.policy (A:175)" in labels) == (known is None or known.policy is not None)
    assert not [label for label in labels if "ifcfg" in label or "sources" in label]


def exported(product: str, version: str) -> Export:
    files = {"snapshot_1.xml": SNAPSHOT, **NETWORK}
    return Export(version, files, {"etc/ppp/peers/ppp0": "/etc/ppp/peers/x"}, "export", product=product)


def test_linux_files_of_such_a_gateway_stay_behind_and_need_no_decision() -> None:
    export = exported("Kura", "5.5.0")
    layout = layout_of(export.product, export.esf_version, LAYOUTS)
    items = judge(export, layout=layout)
    for item in items:
        if item.key.name.startswith("etc/"):
            assert (item.sort, item.proposal) == (Class.DERIVED, Decision.STAYS), item
            assert "the snapshot's alone" in item.reason
            assert not item.digest
    assert not list(problems(items, Lock(), "golden.lock"))
    golden = assemble(export, items, Lock(), layout)
    assert (dict(golden.network), dict(golden.links)) == ({}, {})
    assert not [label for label in golden.missing if label.startswith(("/etc", "kuranet"))]


def test_the_same_files_travel_where_files_are_the_truth() -> None:
    export = exported("ESF", "5.0.0")
    layout = layout_of(export.product, export.esf_version, LAYOUTS)
    golden = assemble(export, judge(export, layout=layout), Lock(), layout)
    assert {path[1:] for path in golden.network} == NETWORK.keys()
    assert GuestPath("/etc/ppp/peers/ppp0") in golden.links


@pytest.mark.parametrize(("product", "version"), [("Kura", "5.5.0"), ("ESF", "5.0.0")])
def test_what_is_forbidden_stays_forbidden(product: str, version: str) -> None:
    key = "etc/ppp/session.key"
    export = Export(version, {"snapshot_1.xml": SNAPSHOT, key: b"secret"}, {}, "export", product=product)
    items = judge(export, layout=layout_of(product, version, LAYOUTS))
    assert [item.sort for item in items if item.key.name == key] == [Class.FORBIDDEN]
