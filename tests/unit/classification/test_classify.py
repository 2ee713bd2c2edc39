"""Every file and every setting in one class, with a reason; the class agrees with what the transforms really do."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classification import Class, Decision, Item, Kind, classify, latest_snapshot
from pipeline.classification.assemble import assemble, judge
from pipeline.classification.lock import Entry, Lock
from pipeline.demo.golden import plant
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property, Snapshot
from pipeline.inputs.golden_export import read_export
from pipeline.model.golden import Export
from pipeline.transforms.esf import snapshot as snapshot_transform
from pipeline.transforms.esf.snapshot.console import console_settings
from tests.support.golden import EXPORT, SNAPSHOT, a_golden, a_snapshot
from tests.support.release import a_release, some_secrets
from tests.support.vanilla import a_vanilla

EPOCH = 1_735_689_600
KURA = "org.eclipse.kura."
NETWORK = f"{KURA}net.admin.NetworkConfigurationService"
HEATER = "org.example.heater.Heater"
MQTT = f"{KURA}core.data.transport.mqtt.MqttDataTransport"


def loaded(content: bytes) -> Snapshot:
    found = esf_snapshot.read(content, "A", "test").snapshot
    assert found is not None
    return found


def of_setting(pid: str, name: str, value: str | Property) -> Item:
    snapshot = loaded(a_snapshot({pid: {name: value}}))
    packages = {path.relative_to(EXPORT).as_posix(): path.read_bytes() for path in EXPORT.rglob("*.dp")}
    (item,) = [item for item in classify(packages, (), snapshot) if item.key.kind is Kind.PROPERTY]
    return item


def of_file(path: str, content: bytes = b"x\n") -> Item:
    (item,) = classify({path: content}, (), None)
    return item


def test_every_file_and_setting_of_the_demo_has_one_class_and_a_reason(tmp_path: Path) -> None:
    plant(EXPORT, tmp_path / "golden", epoch=EPOCH)
    export = read_export(tmp_path / "golden")
    items = judge(export)
    snapshot = loaded(export.files[SNAPSHOT])
    wanted = {*export.files, *export.links}
    wanted |= {f"{found.pid} {prop.name}" for found in snapshot.configurations for prop in found.properties}
    assert sorted(str(item.key) for item in items) == sorted(wanted)
    assert {item.sort for item in items} == set(Class) - {Class.UNKNOWN}
    for item in items:
        assert item.reason
        assert item.proposal in item.allowed or item.proposal is Decision.UNDECIDED
        if item.sort in (Class.PORTABLE, Class.SECRET):
            assert re.search(r"A:\d|formats \d", item.reason), item
    undecided = {str(item.key) for item in items if item.proposal is Decision.UNDECIDED}
    assert undecided == {
        *(str(item.key) for item in items if item.sort is Class.FORBIDDEN),
        f"{HEATER} controller.password",
    }


FILES = [
    ("export.toml", b"", Class.DERIVED, Decision.STAYS),
    ("etc/bind/named.conf", b"options { };\n", Class.PORTABLE, Decision.TRAVELS),
    ("etc/bind/named.conf", b'key "k" { secret "YWJjZGVmZ2hpamts"; };\n', Class.SECRET, Decision.UNDECIDED),
    ("etc/network/interfaces", b"auto lo\n", Class.PER_GATEWAY, Decision.TRAVELS),
    ("etc/sysconfig/iptables", b"*filter\nCOMMIT\n", Class.DERIVED, Decision.TRAVELS),
    ("etc/init.d/firewall_cust", b"#!/bin/sh\n", Class.PORTABLE, Decision.TRAVELS),
    ("etc/init.d/firewall_cust", b"curl https://u:p4ss@host\n", Class.SECRET, Decision.UNDECIDED),
    ("etc/dhcpd-eth0.conf", b"x\n", Class.PER_GATEWAY, Decision.TRAVELS),
    ("etc/hostapd-wlan0.conf", b"wpa_passphrase=Hidden-1\n", Class.PER_GATEWAY, Decision.TRAVELS),
    ("etc/hostapd-wlan0.conf", b"auth_server_shared_secret=Hidden-1\n", Class.SECRET, Decision.UNDECIDED),
    ("etc/wpa_supplicant-wlan0.conf", b"ctrl_interface=x\n", Class.PORTABLE, Decision.TRAVELS),
    ("etc/wpa_supplicant-wlan0.conf", b'network={\n psk="Hidden-1"\n}\n', Class.SECRET, Decision.TRAVELS),
    ("etc/ppp/chap-secrets", b"a * Hidden-1 *\n", Class.SECRET, Decision.TRAVELS),
    ("etc/ppp/chap-secrets", b"#empty\n", Class.PORTABLE, Decision.TRAVELS),
    ("etc/ppp/scripts/chat_x", b'OK AT+CPIN="4711"\n', Class.SECRET, Decision.UNDECIDED),
    ("etc/ppp/peers/x", b"noauth\n", Class.PORTABLE, Decision.TRAVELS),
    ("opt/eurotech/esf/data/kuranet.conf", b"a=b\n", Class.PER_GATEWAY, Decision.TRAVELS),
    ("opt/eurotech/esf/kura/dpa.properties", b"", Class.DERIVED, Decision.TRAVELS),
    ("opt/eurotech/esf/kura/security.policy", b"<x/>", Class.DERIVED, Decision.TRAVELS),
    ("opt/eurotech/esf/kura/packages/a.dp", b"PK", Class.PORTABLE, Decision.TRAVELS),
    ("etc/hostname", b"golden\n", Class.UNKNOWN, Decision.UNDECIDED),
    ("etc/shadow", b"root:$6$salt$0123456789abcdef:1::\n", Class.UNKNOWN, Decision.UNDECIDED),
    ("opt/eurotech/esf/security/cacerts.ks", b"?", Class.FORBIDDEN, Decision.UNDECIDED),
    ("etc/dhcpd-eth0.conf", b"\xfe\xed\xfe\xed\0", Class.FORBIDDEN, Decision.UNDECIDED),
    ("etc/ppp/x", b"-----BEGIN EC PRIVATE KEY-----\n", Class.FORBIDDEN, Decision.UNDECIDED),
]


@pytest.mark.parametrize(("path", "content", "sort", "proposal"), FILES)
def test_files(path: str, content: bytes, sort: Class, proposal: Decision) -> None:
    item = of_file(path, content)
    assert (item.sort, item.proposal) == (sort, proposal), item
    assert "Hidden" not in repr(item)
    # A digest of something with a secret in it could be used to try secrets.
    assert not (item.digest and sort in (Class.SECRET, Class.FORBIDDEN, Class.UNKNOWN))
    if sort in (Class.FORBIDDEN, Class.UNKNOWN):
        assert item.allowed == {Decision.STAYS}


def test_a_passphrase_is_not_in_the_digest_of_its_file() -> None:
    def digest(text: str) -> str:
        return of_file("etc/hostapd-wlan0.conf", text.encode()).digest

    known = digest("ssid=x\nwpa_passphrase=Hidden-1\nchannel=1\n")
    assert known
    assert known == digest("ssid=x\nwpa_passphrase=Another-2\nchannel=1\n")
    assert known == digest("ssid=x\nchannel=1\n")
    assert known != digest("ssid=y\nwpa_passphrase=Hidden-1\nchannel=1\n")


def test_a_secret_inside_an_ordinary_setting_is_not_in_its_digest() -> None:
    pid = f"{KURA}provisioning.ProvisioningService"
    assert of_setting(pid, "broker-url", "mqtts://broker.example:8883/").digest
    assert of_setting(pid, "broker-url", "mqtts://user:Hidden-1@broker.example:8883/").digest == ""


@pytest.mark.parametrize("name", ["dpa.properties", "security.policy"])
def test_what_a_rule_rewrites_is_known_by_a_digest_too(name: str) -> None:
    one, two = (of_file(f"opt/eurotech/esf/kura/{name}", f"a={number}\n".encode()) for number in (1, 2))
    assert one.sort is Class.DERIVED
    assert one.digest
    assert one.digest != two.digest
    assert of_file(f"opt/eurotech/esf/kura/{name}", b"password=Hidden-1\n").digest != one.digest


PASSWORD = Property("x", "Password", ("Hidden-1",))
SETTINGS: list[tuple[str, str, str | Property, Class, Decision]] = [
    (MQTT, "username", "u", Class.DERIVED, Decision.STAYS),
    (f"{MQTT}-2", "client-id", "u", Class.PER_GATEWAY, Decision.STAYS),
    (MQTT, "keep-alive", "30", Class.PORTABLE, Decision.TRAVELS),
    (f"{KURA}data.DataService", "connect.auto-on-startup", "true", Class.DERIVED, Decision.STAYS),
    (f"{KURA}provisioning.ProvisioningService", "broker-url", "mqtts://x", Class.PORTABLE, Decision.TRAVELS),
    (f"{KURA}provisioning.ProvisioningService", "provisioned", "true", Class.PER_GATEWAY, Decision.STAYS),
    (f"{KURA}web.Console", "console.username.value", "a", Class.DERIVED, Decision.STAYS),
    (f"{KURA}net.admin.FirewallConfigurationService", "firewall.open.ports", "22,tcp", Class.DERIVED, Decision.TRAVELS),
    (NETWORK, "net.interface.eth0.mac", "02:00:00:00:00:01", Class.PER_GATEWAY, Decision.STAYS),
    (NETWORK, "net.interface.eth0.config.ip4.address", "10.0.0.1", Class.PER_GATEWAY, Decision.TRAVELS),
    (NETWORK, "net.interface.ppp0.config.password", "Hidden-1", Class.SECRET, Decision.TRAVELS),
    (NETWORK, "net.interface.ppp0.config.password", "", Class.PORTABLE, Decision.TRAVELS),
    (NETWORK, "net.interface.eth0.config.802-1x.password", "Hidden-1", Class.SECRET, Decision.UNDECIDED),
    (f"{KURA}position.PositionService", "latitude", "46.0", Class.PER_GATEWAY, Decision.TRAVELS),
    (HEATER, "mode", "auto", Class.PORTABLE, Decision.TRAVELS),
    (HEATER, "api.token", "Hidden-1", Class.SECRET, Decision.UNDECIDED),
    ("com.customer.Unheard", "mode", "auto", Class.UNKNOWN, Decision.UNDECIDED),
    ("com.customer.Unheard", "password", "Hidden-1", Class.SECRET, Decision.UNDECIDED),
]


@pytest.mark.parametrize(("pid", "name", "value", "sort", "proposal"), SETTINGS)
def test_settings(pid: str, name: str, value: str | Property, sort: Class, proposal: Decision) -> None:
    item = of_setting(pid, name, value)
    assert (item.sort, item.proposal) == (sort, proposal), item
    assert "Hidden" not in repr(item)
    assert bool(item.digest) == (Decision.TRAVELS in item.allowed and sort is not Class.SECRET)


def test_passwords_by_type_are_judged_by_their_component() -> None:
    for pid, name, proposal in (
        (MQTT, "password", Decision.STAYS),
        (f"{KURA}provisioning.ProvisioningService", "password", Decision.TRAVELS),
        (f"{KURA}cloud.app.command.CommandCloudApp", "command.password.value", Decision.UNDECIDED),
        (f"{KURA}core.db.H2DbService", "db.password", Decision.UNDECIDED),
        (NETWORK, "net.interface.wlan0.config.wifi.master.passphrase", Decision.STAYS),
        (NETWORK, "net.interface.wlan0.config.wifi.infra.passphrase", Decision.TRAVELS),
    ):
        item = of_setting(pid, name, Property(name, "Password", ("SGlkZGVu",), encrypted=True))
        assert item.proposal is proposal, item


def test_an_instance_of_a_factory_is_its_component() -> None:
    snapshot = loaded(a_snapshot({"mine": {"service.factoryPid": MQTT, "username": "u"}}))
    by_name = {item.key.name: item for item in classify({}, (), snapshot)}
    assert by_name["username"].sort is Class.DERIVED
    assert by_name["service.factoryPid"].sort is Class.PORTABLE


def test_nothing_that_is_called_portable_is_changed_by_the_rewrite() -> None:
    """The classes and the transform are written apart from each other; this holds them together."""
    export = read_export(EXPORT)
    items = {(item.key.pid, item.key.name): item for item in judge(export) if item.key.kind is Kind.PROPERTY}
    release = a_release()
    ours = console_settings(release, some_secrets())
    golden = a_golden(snapshot=export.files[SNAPSHOT])
    changes = snapshot_transform.changes(golden, a_vanilla({}), release, ours)
    assert len(changes) > 30
    for change in changes:
        item = items.get((change.pid, change.name))
        if item is None:
            continue  # added by the rewrite
        assert item.sort is not Class.PORTABLE, change
        assert item.proposal is Decision.STAYS or item.sort is Class.PER_GATEWAY, change


def test_everything_that_stays_is_changed_or_taken_out() -> None:
    export = read_export(EXPORT)
    items = judge(export)
    golden = assemble(export, items, Lock())
    release = a_release()
    layer = snapshot_transform.rewrite(golden, a_vanilla({}), release, console_settings(release, some_secrets()))
    (entry,) = [entry for entry in layer.files() if entry.path.name == "snapshot_0.xml" and ".data" not in entry.path]
    after, before = loaded(entry.content), loaded(export.files[SNAPSHOT])
    for item in items:
        if item.key.kind is not Kind.PROPERTY or item.proposal is not Decision.STAYS:
            continue
        old, new = before.by_pid[item.key.pid].get(item.key.name), after.by_pid[item.key.pid].get(item.key.name)
        assert old is not None
        # What is already as the documents want it may look the same.
        already = {"false", "true", "", "username", "admin"}
        assert new is None or new.meaning != old.meaning or new.text in already, item


def test_decisions_take_effect() -> None:
    export = read_export(EXPORT)
    items = judge(export)
    keys = {str(item.key): item for item in items}

    def stays(name: str) -> tuple[object, Entry]:
        return keys[name].key, Entry(keys[name].sort, Decision.STAYS, "not wanted")

    names = ("etc/ppp/chap-secrets", f"{HEATER} controller.password", "etc/bind/named.conf",
             "opt/eurotech/esf/kura/packages/heater_1.0.0.dp")  # fmt: skip
    golden = assemble(export, items, Lock(dict(stays(name) for name in names)))  # type: ignore[arg-type]
    plain = assemble(export, items, Lock())
    assert {path for path, _ in golden.refused} >= set(names)
    assert all(reason == "not wanted" for path, reason in golden.refused if path in names)
    assert "/etc/ppp/chap-secrets" in plain.network
    assert "/etc/ppp/chap-secrets" not in golden.network
    assert "/etc/bind/named.conf (A:185)" in golden.missing
    assert list(golden.packages) == ["org.example.meter_1.1.0.dp"]
    assert b"heater" not in golden.dpa
    assert b"org.example.meter" in golden.dpa
    assert loaded(golden.snapshot).by_pid[HEATER].get("controller.password") is None
    assert base64.b64encode(b"Golden-Heater") not in golden.snapshot
    assert golden.sha256 != plain.sha256


def test_a_snapshot_that_is_lost_is_reported() -> None:
    with pytest.raises(PipelineError, match="not-well-formed"):
        judge(Export("5.0.0", {"snapshot_1.xml": b"<x"}, {}, "x"))


def test_the_latest_snapshot_is_the_one_that_counts() -> None:
    assert latest_snapshot(["snapshot_9.xml", "snapshot_10.xml", "etc/snapshot_99.xml"]) == "snapshot_10.xml"
    assert latest_snapshot([]) == ""


def test_every_setting_of_two_megabytes_with_500_components_is_classified() -> None:
    values = {f"some.setting.number.{number}": f"value {number} of no particular interest" for number in range(20)}
    content = a_snapshot({f"{KURA}component.C{number}": values for number in range(500)})
    assert 1 << 20 < len(content) < 4 << 20
    snapshot = loaded(content)
    items = classify({SNAPSHOT: content}, (), snapshot)
    assert len(items) == 10_001


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(re.compile(r"(?:etc|opt/eurotech/esf)/[a-z./-]{1,20}", re.ASCII), fullmatch=True),
        st.binary(max_size=60),
        max_size=4,
    )
)
def test_any_export_is_classified(files: dict[str, bytes]) -> None:
    items = classify(files, ["etc/ppp/peers/ppp0", "etc/other"], None)
    assert sorted(item.key.name for item in items) == sorted([*files, "etc/ppp/peers/ppp0", "etc/other"])
