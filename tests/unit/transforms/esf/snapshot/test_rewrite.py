"""The golden sample's snapshot, rewritten: every sentence of A:131 to A:164, for every instance, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin, Removal
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.transforms.esf import snapshot
from tests.support.golden import a_golden, a_property, a_snapshot
from tests.support.release import a_release, some_secrets
from tests.support.vanilla import ESF, LAYOUT, a_vanilla

MQTT = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
DATA = "org.eclipse.kura.data.DataService"
PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"
COMMAND = "org.eclipse.kura.cloud.app.command.CommandCloudApp"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
SSL = "org.eclipse.kura.ssl.SslManagerService"
CONSOLE = "org.eclipse.kura.web.Console"
CLOUD = "org.eclipse.kura.cloud.CloudService"

ORIGIN = Origin("test.rule", "the test")
PROVISIONED: Mapping[str, str | Property] = {
    "broker-url": "mqtts://p.example:8883",
    "username": "u",
    "password": a_property("password", "Password", "p"),
}


def installed(layer: Layer) -> Snapshot:
    """The snapshot a gateway loads from a layer."""
    (entry,) = (entry for entry in layer.files() if entry.path == f"{ESF}/data/snapshots/snapshot_0.xml")
    loaded = esf_snapshot.load(entry.content, "A")
    assert loaded.malformations == ()
    assert loaded.snapshot is not None
    return loaded.snapshot


def rewritten(golden: Golden | None = None, *settings: SnapshotSetting, release: Release | None = None) -> Snapshot:
    return installed(snapshot.rewrite(golden or a_golden(), a_vanilla(), release or a_release(), settings))


def minimal(extra: Mapping[str, Mapping[str, str | Property]] | None = None) -> Golden:
    """A golden sample with provisioning and what is given."""
    return a_golden(snapshot=a_snapshot({PROVISIONING: PROVISIONED, **(extra or {})}))


def meaning(configuration: Configuration | None, name: str) -> tuple[object, ...]:
    assert configuration is not None
    prop = configuration.get(name)
    assert prop is not None
    return prop.meaning


def test_the_mqtt_values_are_those_of_the_document_for_every_instance() -> None:
    after = rewritten()
    instances = after.instances_of(MQTT)
    assert [found.pid for found in instances] == [MQTT, f"{MQTT}-2"]
    for found in instances:
        assert meaning(found, "username") == ("String", False, "username")
        assert meaning(found, "topic.context.account-name") == ("String", False, "account-name")
        assert meaning(found, "broker-url") == ("String", False, "mqtts://broker-url:8883/")
        assert meaning(found, "password") == ("Password", False, "password")
        assert meaning(found, "client-id") == ("String", False, "")
        assert [found.by_name[name].encrypted for name in ("username", "password")] == [False, False]


def test_the_written_form_is_that_of_the_document() -> None:
    (entry, *_) = snapshot.rewrite(minimal({MQTT: {}}), a_vanilla(), a_release(), ()).files()
    lines = [line.strip() for line in entry.content.decode().splitlines()]
    start = lines.index('<esf:property array="false" encrypted="false" name="password" type="Password">')
    assert lines[start + 1 : start + 3] == ["<esf:value>password</esf:value>", "</esf:property>"]


def test_an_instance_of_any_name_is_found_by_its_factory() -> None:
    golden = minimal(
        {"plant.transport": {"service.factoryPid": MQTT, "username": "golden", "ssl.certificate.alias": "k"}}
    )
    found = rewritten(golden).get("plant.transport")
    assert meaning(found, "username") == ("String", False, "username")
    assert meaning(found, "ssl.certificate.alias") == ("String", False, "")
    assert meaning(found, "service.factoryPid") == ("String", False, MQTT)


def test_no_instance_connects_by_itself() -> None:
    after = rewritten()
    assert [meaning(found, "connect.auto-on-startup") for found in after.instances_of(DATA)] == [
        ("Boolean", False, False)
    ] * 2
    assert meaning(rewritten(minimal()).get(DATA), "connect.auto-on-startup") == ("Boolean", False, False)


def test_provisioning_is_on_with_its_own_credentials() -> None:
    found = rewritten().get(PROVISIONING)
    assert meaning(found, "enabled") == ("Boolean", False, True)
    assert meaning(found, "broker-url") == ("String", False, "mqtts://broker-provision.plant.example:8883")
    assert meaning(found, "username") == ("String", False, "plant-provisioner")
    assert meaning(found, "password") == ("Password", False, "Fleet-Provisioning-Pw-3")
    assert meaning(found, "client-id") == ("String", False, "")
    assert found is not None
    assert found.get("provisioned") is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("broker-url", "", "broker-url is not set"),
        ("broker-url", "mqtts://broker-url:8883/", "broker-url is the placeholder"),
        ("password", a_property("password", "Password", ""), "password is not set"),
        ("username", "", "has neither username nor account-name"),
    ],
)
def test_provisioning_without_credentials_is_refused(name: str, value: str | Property, said: str) -> None:
    golden = a_golden(snapshot=a_snapshot({PROVISIONING: {**PROVISIONED, name: value}}))
    with pytest.raises(PipelineError, match=rf"ProvisioningService {said}.*\(A:162\)"):
        rewritten(golden)


def test_all_that_provisioning_lacks_is_said_at_once_and_may_come_from_settings() -> None:
    golden = a_golden(snapshot=a_snapshot({PROVISIONING: {}}))
    with pytest.raises(PipelineError) as caught:
        rewritten(golden)
    assert len(caught.value.problems) == 3
    settings = [
        SnapshotSetting(PROVISIONING, "broker-url", "String", ("mqtts://p.example",), ORIGIN),
        SnapshotSetting(PROVISIONING, "account-name", "String", ("a",), ORIGIN),
        SnapshotSetting(PROVISIONING, "password", "Password", ("p",), ORIGIN, secret=True),
    ]
    assert meaning(rewritten(golden, *settings).get(PROVISIONING), "enabled") == ("Boolean", False, True)


def test_no_provisioning_at_all_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"is not configured.*\(A:162\)"):
        rewritten(a_golden(snapshot=a_snapshot({"x": {"a": "b"}})))


@pytest.mark.parametrize(
    "golden", [minimal(), minimal({COMMAND: {"command.enable": a_property("command.enable", "Boolean", "true")}})]
)
def test_remote_commands_are_off_though_absence_means_on(golden: Golden) -> None:
    assert meaning(rewritten(golden).get(COMMAND), "command.enable") == ("Boolean", False, False)


@pytest.mark.parametrize(
    ("password", "accepted"), [("", False), ("short1!A", False), ("alllowercase-long", False), ("Long-enough-1x", True)]
)
def test_remote_commands_need_a_strong_password(password: str, accepted: bool) -> None:
    golden = minimal({COMMAND: {"command.password.value": a_property("command.password.value", "Password", password)}})
    release = a_release(command_enabled=True)
    if accepted:
        found = rewritten(golden, release=release).get(COMMAND)
        assert meaning(found, "command.enable") == ("Boolean", False, True)
    else:
        with pytest.raises(PipelineError, match=r"command\.password\.value is missing or weak.*\(A:117\)"):
            rewritten(golden, release=release)


def test_what_is_personal_to_the_golden_gateway_goes() -> None:
    after = rewritten()
    network = after.get(NETWORK)
    assert network is not None
    names = set(network.by_name)
    for gone in ("eth0.mac", "eth1.ip4.address", "eth1.ip4.broadcast", "wlan0.wifi.mode", "ppp0.usb.vendor.id",
                 "ppp0.firmware.version", "ppp0.identifier", "ppp0.serialNum", "ppp0.iccid", "ppp0.imsi"):  # fmt: skip
        assert f"net.interface.{gone}" not in names
    for kept in (
        "eth0.config.ip4.address",
        "wlan0.config.wifi.master.ssid",
        "ppp0.config.apn",
        "eth0.type",
        "eth0.driver",
    ):
        assert f"net.interface.{kept}" in names
    for found in after.instances_of(CLOUD):
        assert meaning(found, "device.custom-name") == ("String", False, "")
        assert meaning(found, "device.display-name") == ("String", False, "hostname")
    ssl = after.get(SSL)
    assert ssl is not None
    assert ssl.get("ssl.keystore.password") is None


def test_a_network_name_that_ends_in_an_address_loses_it() -> None:
    for name in ("kura_gateway_B8:27:EB:2B:4E:35", "kura_gateway_B827EB2B4E35"):
        golden = minimal({NETWORK: {"net.interface.wlan0.config.wifi.master.ssid": name}})
        assert (
            meaning(rewritten(golden).get(NETWORK), "net.interface.wlan0.config.wifi.master.ssid")[2] == "kura_gateway"
        )


def test_keystores_of_generation_c_get_their_passwords_anew() -> None:
    golden = minimal({
        "SSLKeystore": {
            "service.factoryPid": "org.eclipse.kura.core.keystore.FilesystemKeystoreServiceImpl",
            "keystore.password": a_property("keystore.password", "Password", "golden-random"),
            "randomize.password": a_property("randomize.password", "Boolean", "false"),
        }
    })  # fmt: skip
    found = rewritten(golden).get("SSLKeystore")
    assert found is not None
    assert found.get("keystore.password") is None
    assert meaning(found, "randomize.password") == ("Boolean", False, True)


def test_settings_have_the_last_word_and_add_components() -> None:
    after = rewritten(
        None,
        SnapshotSetting(SSL, "ssl.keystore.password", "Password", ("own",), ORIGIN, secret=True),
        SnapshotSetting(CLOUD, "device.custom-name", "String", ("gw-north-01",), ORIGIN),
        SnapshotSetting("new.component", "levels", "Integer", ("1", "2"), ORIGIN, array=True),
        SnapshotSetting("org.example.heater.Heater", "controller.user", "String", None, ORIGIN),
        SnapshotSetting("never.there", "x", "String", None, ORIGIN),
    )
    assert meaning(after.get(SSL), "ssl.keystore.password") == ("Password", False, "own")
    assert meaning(after.get(CLOUD), "device.custom-name") == ("String", False, "gw-north-01")
    assert meaning(after.get("new.component"), "levels") == ("Integer", True, 1, 2)
    heater = after.get("org.example.heater.Heater")
    assert heater is not None
    assert heater.get("controller.user") is None
    assert after.get("never.there") is None


def test_contradicting_settings_name_both_rules_and_no_value() -> None:
    settings = [
        SnapshotSetting(SSL, "ssl.keystore.password", "Password", ("one-secret",), ORIGIN, secret=True),
        SnapshotSetting(SSL, "ssl.keystore.password", "Password", ("two-secret",), Origin("o", "else"), secret=True),
    ]
    with pytest.raises(PipelineError, match=r"test\.rule \(the test\) and o \(else\)") as caught:
        rewritten(None, *settings)
    assert "-secret" not in str(caught.value)


def test_everything_else_stays_as_it_was() -> None:
    before = esf_snapshot.read(a_golden().snapshot, "A", "golden").snapshot
    assert before is not None
    after = rewritten()
    heater = "org.example.heater.Heater"
    assert after.meaning[heater] == before.meaning[heater]
    assert meaning(after.get(heater), "alarm.levels") == ("Integer", True, 30, 60, 90)
    assert meaning(after.get(heater), "publish.semanticTopic")[2] == "Bürokühlung/data"
    assert str(meaning(after.get("org.eclipse.kura.clock.ClockService"), "clock.ntp.conf")[2]).count("\n") == 3
    changed = {change.pid for change in snapshot.semantic_diff(before, after)}
    assert changed == {MQTT, f"{MQTT}-2", DATA, f"{DATA}-2", PROVISIONING, COMMAND, NETWORK, SSL, CLOUD, f"{CLOUD}-2"}
    assert set(before.by_pid) | {COMMAND} == set(after.by_pid)


def test_the_difference_is_readable_and_masks_secrets() -> None:
    secret = SnapshotSetting(CONSOLE, "console.password.value", "Password", ("Very-Secret-1",), ORIGIN, secret=True)
    apn = SnapshotSetting(
        NETWORK, "net.interface.ppp0.config.password", "String", ("Apn-Secret-2",), ORIGIN, secret=True
    )
    found = snapshot.changes(a_golden(), a_vanilla(), a_release(), (secret, apn))
    lines = [str(change) for change in found]
    assert f'{DATA} connect.auto-on-startup: "true" -> "false"' in lines
    assert f'{COMMAND} command.enable: (absent) -> "false"' in lines
    assert f"{MQTT} password: (secret) -> (secret)" in lines
    assert f"{CONSOLE} console.password.value: (secret) -> (secret)" in lines
    assert f"{NETWORK} net.interface.ppp0.config.password: (secret) -> (secret)" in lines
    text = repr(found) + "\n".join(lines)
    for hidden in ("Very-Secret", "Apn-Secret", "Golden-Mqtt-Pw", "Golden-Console", "Golden-Sample-Apn", "j4t7m2kq9"):
        assert hidden not in text
    assert list(found) == sorted(found)


def test_exactly_one_snapshot_remains_and_the_restore_copy_follows() -> None:
    vanilla = a_vanilla({
        f"{ESF}/data/snapshots/snapshot_1577836800000.xml": "<x/>",
        f"{ESF}/data/snapshots/snapshot_0.xml.bak": "x",
        f"{ESF}/.data/snapshot_0.xml": "<factory/>",
    })  # fmt: skip
    layer = snapshot.rewrite(a_golden(), vanilla, a_release(), ())
    removed = [entry.path.name for entry in layer.entries if isinstance(entry, Removal)]
    assert removed == ["snapshot_0.xml.bak", "snapshot_1577836800000.xml"]
    files = {entry.path: entry for entry in layer.entries if isinstance(entry, FileEntry)}
    assert sorted(files) == [f"{ESF}/.data/snapshot_0.xml", f"{ESF}/data/snapshots/snapshot_0.xml"]
    first, second = files.values()
    assert first.content == second.content
    assert {(entry.mode, entry.secret) for entry in files.values()} == {(0o600, True)}
    assert {origin.document for origin in first.origins} >= {"A:143", "A:160", "A:162", "A:164", "A:117"}


def test_no_restore_directory_no_restore_copy() -> None:
    vanilla = a_vanilla(layout=replace(LAYOUT, restore=GuestPath(f"{ESF}/nowhere")))
    layer = snapshot.rewrite(a_golden(), vanilla, a_release(), ())
    assert [entry.path.name for entry in layer.files()] == ["snapshot_0.xml"]


def test_the_same_input_gives_the_same_bytes() -> None:
    layers = [snapshot.rewrite(a_golden(), a_vanilla(), a_release(), ()) for _ in range(2)]
    assert layers[0] == layers[1]


def test_golden_credentials_do_not_reach_the_layer_in_any_form() -> None:
    settings = (*snapshot.console_settings(a_release(), some_secrets()),)
    layer = snapshot.rewrite(a_golden(), a_vanilla(), a_release(), settings)
    content = b"".join(entry.content for entry in layer.files())
    personal = ("Golden-Mqtt-Pw-1", "Golden-Mqtt-Pw-2", "golden-user", "golden-analytics", "plant-operations",
                "golden-sample-client", "golden-sample-hall-3", "Golden-Console-Pw-7", "j4t7m2kq9r0v5s8b1c6d3f0g7h2",
                "356938035643809", "8939000000000000017", "02:60:0C:81:24:5A", "203.0.113.77")  # fmt: skip
    for text in personal:
        raw = text.encode()
        for form in (raw, base64.b64encode(raw), raw.hex().encode(), text.encode("utf-16-le")):
            assert form not in content, text
    assert base64.b64encode(b"Fleet-Provisioning-Pw-3") in content
    assert b"<esf:value>Cons0le-of-north!x9</esf:value>" in content


def test_an_encrypted_snapshot_is_explained() -> None:
    encrypted = base64.b64encode(bytes(range(64)))
    with pytest.raises(PipelineError, match="device-encrypted") as caught:
        rewritten(a_golden(snapshot=encrypted))
    assert "only that gateway can read it" in str(caught.value)


def test_console_settings_of_plain_and_hashed_generations() -> None:
    release, secrets = a_release(), some_secrets(console_password="admin")
    plain = {setting.name: setting.values for setting in snapshot.console_settings(release, secrets)}
    assert plain == {"console.username.value": ("admin",), "console.password.value": ("admin",)}
    hashed = {setting.name: setting.values for setting in snapshot.console_settings(release, secrets, "useradmin")}
    # The digest of "admin" that the reference took from a real gateway.
    assert '"kura.password":"jGl25bVBBBW96Qi9Te4V37Fnqchz/Eu4qB9vKrRIqRg="' in str(hashed["users.config"])
    assert '"kura.need.password.change":"true"' in str(hashed["users.config"])
    assert hashed["groups.config"] == ('[{"basicMembers":["kura.user.admin"],"name":"kura.permission.kura.admin"}]',)
    assert "admin" not in repr([setting for setting in snapshot.console_settings(release, secrets) if setting.secret])


def test_a_large_snapshot_keeps_every_setting_it_need_not_change() -> None:
    values = {
        f"property.{index}": f"value {index}, long enough to be like that of a real component" for index in range(24)
    }
    golden = minimal({f"org.example.component.{number}": values for number in range(500)})
    assert len(golden.snapshot) > 2_000_000
    after = {component.pid: component for component in rewritten(golden).configurations}
    for number in range(500):
        kept = {item.name: item.values[0] for item in after[f"org.example.component.{number}"].properties}
        assert kept.items() >= values.items()
