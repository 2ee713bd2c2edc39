"""Names that belong to one gateway: each gets its own, or none; whatever the connection, the hub or the method."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.classification import Class, classify
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property
from pipeline.formats.esf.own_settings import ECLIPSE_IOT, NETWORK, SPARKPLUG, SPARKPLUG_DEVICE
from pipeline.model.gateway import Gateway, Interface
from pipeline.model.trust import ClientIdentity
from pipeline.transforms import network
from pipeline.transforms.esf.snapshot import own_names
from pipeline.transforms.esf.snapshot.personal import residue
from tests.support.golden import a_snapshot
from tests.support.kura import a_kura, a_kura_golden
from tests.support.release import a_release, some_secrets

TRANSPORT, FIRST, SECOND = "org.acme.Sparkplug-1", "org.acme.Device-1", "org.acme.Device-2"
GOLDEN = a_snapshot(
    {
        TRANSPORT: {
            "service.factoryPid": SPARKPLUG,
            "client.id": "golden",
            "node.id": "golden",
            "username": "golden",
            "server.uris": "tcp://site.example:1883",
            "password": Property("password", "Password", ("Hidden-Value-77",)),
        },
        FIRST: {"service.factoryPid": SPARKPLUG_DEVICE, "device.id": "golden-1"},
        SECOND: {"service.factoryPid": SPARKPLUG_DEVICE, "device.id": "golden-2"},
        "org.acme.Iot": {
            "service.factoryPid": ECLIPSE_IOT,
            "device.custom-name": "golden",
            "device.display-name": "custom",
        },
    }
)


def test_nodes_and_devices_of_sparkplug_are_called_like_their_gateway() -> None:
    golden = replace(a_kura_golden(), snapshot=GOLDEN)
    found = {(one.pid, one.name): one.values for one in own_names(golden, a_kura(), Gateway("gw-mill-01"))}
    assert found == {
        (TRANSPORT, "client.id"): ("gw-mill-01",),
        (TRANSPORT, "node.id"): ("gw-mill-01",),
        (FIRST, "device.id"): ("gw-mill-01",),
        (SECOND, "device.id"): ("gw-mill-01-2",),
    }


def test_each_is_decided_or_replaced() -> None:
    snapshot = esf_snapshot.read(GOLDEN, "C", "golden").snapshot
    assert snapshot is not None
    items = {item.key.name: item for item in classify({}, (), snapshot) if item.key.pid == TRANSPORT}
    assert {name: (item.sort, item.proposal) for name, item in items.items() if name != "service.factoryPid"} == {
        "client.id": (Class.PER_GATEWAY, "stays"),
        "node.id": (Class.PER_GATEWAY, "stays"),
        "username": (Class.PER_GATEWAY, "stays"),
        "server.uris": (Class.PER_GATEWAY, "stays"),
        "password": (Class.SECRET, "undecided"),
    }
    gone = {(one.pid, one.name): one.values for one in residue(snapshot, ())}
    assert gone[("org.acme.Iot", "device.custom-name")] == ("",)
    assert gone[("org.acme.Iot", "device.display-name")] == ("hostname",)


@pytest.mark.parametrize("modem", ["1-1", "1-1.4", "1-1.4.2", "1-1.4.2.1.3"])
def test_modems_behind_any_number_of_hubs(modem: str) -> None:
    prefix = f"net.interface.{modem}"
    values = {f"{prefix}.{key}": "x" for key in ("iccid", "imei", "mac", "config.iccid", "modem.identifier")}
    values[f"{prefix}.config.password"] = "Hidden-Value-77"
    values[f"{prefix}.config.apn"] = "net"
    snapshot = esf_snapshot.read(a_snapshot({NETWORK: values}), "C", "golden").snapshot
    assert snapshot is not None
    gone = {one.name for one in residue(snapshot, ())}
    assert gone == {name for name in values if not name.endswith(("password", "apn"))}
    sorts = {item.key.name: item.sort for item in classify({}, (), snapshot)}
    assert sorts[f"{prefix}.config.password"] is Class.SECRET
    assert {sorts[name] for name in (*gone, f"{prefix}.config.apn")} == {Class.PER_GATEWAY}


EAP = {
    "net.interface.wlan0.config.802-1x.eap": "Kura8021xEapTls",
    "net.interface.wlan0.config.802-1x.keystore.pid": "SSLKeystore",
    "net.interface.wlan0.config.802-1x.private-key-name": "radio",
    "net.interface.wlan0.config.802-1x.identity": "golden",
}


def with_eap(snapshot: esf_snapshot.Snapshot) -> esf_snapshot.Snapshot:
    component = snapshot.by_pid[NETWORK]
    given = (Property(name, "String", (value,)) for name, value in EAP.items())
    return snapshot.with_configuration(component.with_properties(*given))


def test_a_key_that_stays_behind_stops_the_build() -> None:
    golden = a_kura_golden(with_eap)
    with pytest.raises(PipelineError, match="'radio' of the keystore SSLKeystore stays with the golden sample"):
        network.restore(golden, a_kura(), a_release(), Gateway("gw-mill-01"), some_secrets())


def test_a_key_of_the_gateway_s_own_is_fine() -> None:
    golden = a_kura_golden(with_eap)
    secrets = replace(some_secrets(), client_keys=(ClientIdentity("radio", b"", ()),))
    network.restore(golden, a_kura(), a_release(), Gateway("gw-mill-01"), secrets)


def test_a_disabled_interface_logs_in_nowhere() -> None:
    golden = a_kura_golden(with_eap)
    gateway = Gateway("gw-mill-01", interfaces={"wlan0": Interface("wlan0", "disabled", "static")})
    _, settings = network.restore(golden, a_kura(), a_release(), gateway, some_secrets())
    gone = {one.name for one in settings if one.values is None}
    assert {name for name in EAP if not name.endswith(".eap")} <= gone
