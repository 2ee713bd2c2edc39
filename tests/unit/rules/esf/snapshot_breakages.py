"""Breakages of what ESF is told: the snapshot, files with secrets, what is left of another gateway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    REAL,
    SNAPSHOT,
    add,
    both,
    copied,
    gone,
    mode,
    put,
    remade,
    setting,
    sub,
    swap,
    unset,
    without,
)
from tests.support.esf_view import CACERTS, CERTIFICATES, expected

SNAPSHOTS = f"{REAL}/data/snapshots"
RESTORED = f"{REAL}/.data/snapshot_0.xml"
MQTT = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
DATA = "org.eclipse.kura.data.DataService"
PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"
CONSOLE = "org.eclipse.kura.web.Console"
COMMAND = "org.eclipse.kura.cloud.app.command.CommandCloudApp"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
PROPERTIES = f"{REAL}/kura/kura.properties"


def _another_release(view: ImageView) -> ImageView:
    return replace(sub(PROPERTIES, r"(?m)^kura\.version=.*$", "kura.version=ESF_5.1.0")(view), esf_version="5.1.0")


def _files() -> Iterator[Breakage]:
    newer = f"{SNAPSHOTS}/snapshot_1735689600000.xml"
    yield Breakage("a newer snapshot", "snapshot.only_one", newer, copied(SNAPSHOT, newer))
    yield Breakage(
        "another file beside it",
        "snapshot.only_one",
        f"{SNAPSHOTS}/snapshot_0.xml.bak",
        copied(SNAPSHOT, f"{SNAPSHOTS}/snapshot_0.xml.bak"),
    )
    yield Breakage("no snapshot", "snapshot.only_one", SNAPSHOT, gone(SNAPSHOT))
    rule = "snapshot.loadable"
    yield Breakage(
        "a snapshot of a device", rule, SNAPSHOT, put(SNAPSHOT, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk=\n")
    )
    yield Breakage(
        "a newer one that is encrypted", rule, newer, put(newer, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk=\n")
    )
    yield Breakage(
        "another prefix",
        rule,
        SNAPSHOT,
        remade(SNAPSHOT, lambda data: data.replace(b"esf:", b"ns0:").replace(b"xmlns:ns0", b"xmlns:ns0")),
    )
    yield Breakage("a snapshot cut short", rule, SNAPSHOT, sub(SNAPSHOT, r"</esf:configurations>", ""))
    yield Breakage(
        "a bad number", rule, SNAPSHOT, sub(SNAPSHOT, r'(type="Integer">\s*<esf:value>)\d+', r"\g<1> 5x"), "type"
    )
    yield Breakage(
        "a pretty-printed boolean",
        rule,
        SNAPSHOT,
        sub(SNAPSHOT, r"<esf:value>true</esf:value>", "<esf:value>\n true\n</esf:value>"),
        "esf:",
    )
    yield Breakage(
        "a value without element",
        rule,
        SNAPSHOT,
        sub(SNAPSHOT, r'(type="Boolean">)\s*<esf:value>\w+</esf:value>', r"\1"),
    )
    yield Breakage(
        "letters that are not ASCII",
        rule,
        SNAPSHOT,
        sub(SNAPSHOT, r"<esf:value>username</esf:value>", "<esf:value>us\u00e9rname</esf:value>"),
    )
    yield Breakage(
        "a DTD in the snapshot",
        rule,
        SNAPSHOT,
        swap(SNAPSHOT, "<esf:configurations", "<!DOCTYPE x []>\n<esf:configurations"),
    )
    yield Breakage(
        "no configurations in it", rule, SNAPSHOT, put(SNAPSHOT, '<?xml version="1.0"?>\n<esf:configurations/>\n')
    )
    yield Breakage(
        "a password that is not Base64",
        rule,
        SNAPSHOT,
        sub(SNAPSHOT, r'encrypted="false" (name="password" type="Password">\s*<esf:value>)', r'encrypted="true" \1!'),
        'name="password"',
    )
    yield Breakage(
        "the factory snapshot for a reset", "snapshot.factory_restore", RESTORED, put(RESTORED, "<x/>\n"), "<x/>"
    )
    yield Breakage(
        "an older snapshot for a reset",
        "snapshot.factory_restore",
        RESTORED,
        swap(RESTORED, "username</esf:value>", "somebody</esf:value>"),
        "somebody",
    )
    yield Breakage("a copy without what it copies", "snapshot.factory_restore", RESTORED, gone(SNAPSHOT))


def _values() -> Iterator[Breakage]:
    for pid in (MQTT, f"{MQTT}-2"):
        yield Breakage(
            f"credentials in {pid}",
            "snapshot.mqtt",
            SNAPSHOT,
            setting(pid, "username", "golden-user"),
            'name="username"',
        )
    for name, value in (
        ("topic.context.account-name", "plant"),
        ("broker-url", "mqtts://broker.example:8883/"),
        ("client-id", "golden-sample"),
    ):
        yield Breakage(
            f"the golden sample's {name}", "snapshot.mqtt", SNAPSHOT, setting(MQTT, name, value), f'name="{name}"'
        )
    yield Breakage(
        "the golden sample's password",
        "snapshot.mqtt",
        SNAPSHOT,
        setting(MQTT, "password", "secret", "Password"),
        'name="password"',
    )
    yield Breakage(
        "a password as text", "snapshot.mqtt", SNAPSHOT, setting(MQTT, "password", "password"), 'name="password"'
    )
    yield Breakage("no placeholder", "snapshot.mqtt", SNAPSHOT, unset(MQTT, "broker-url"), MQTT)
    for pid in (DATA, f"{DATA}-2"):
        yield Breakage(
            f"{pid} connects at once",
            "snapshot.no_auto_connect",
            SNAPSHOT,
            setting(pid, "connect.auto-on-startup", "TRUE", "Boolean"),
            "connect.auto-on-startup",
        )
    rule = "snapshot.provisioning"
    yield Breakage("no provisioning", rule, SNAPSHOT, without(PROVISIONING))
    yield Breakage("no snapshot to provision with", rule, SNAPSHOTS, gone(SNAPSHOT))
    yield Breakage(
        "provisioning is off", rule, SNAPSHOT, setting(PROVISIONING, "enabled", "false", "Boolean"), 'name="enabled"'
    )
    yield Breakage("provisioning by default", rule, SNAPSHOT, unset(PROVISIONING, "enabled"), PROVISIONING)
    yield Breakage("no provisioning broker", rule, SNAPSHOT, setting(PROVISIONING, "broker-url", ""), "broker-url")
    yield Breakage(
        "a placeholder as provisioning broker",
        rule,
        SNAPSHOT,
        setting(PROVISIONING, "broker-url", "mqtts://broker-url:8883/"),
        "broker-url",
    )
    yield Breakage(
        "a broker that is no URL", rule, SNAPSHOT, setting(PROVISIONING, "broker-url", "broker.example"), "broker-url"
    )
    yield Breakage(
        "no provisioning password", rule, SNAPSHOT, setting(PROVISIONING, "password", "", "Password"), 'name="password"'
    )
    yield Breakage(
        "already provisioned", rule, SNAPSHOT, setting(PROVISIONING, "provisioned", "true", "Boolean"), "provisioned"
    )
    yield Breakage(
        "one client id for provisioning", rule, SNAPSHOT, setting(PROVISIONING, "client-id", "golden"), "client-id"
    )
    rule = "snapshot.device_residue"
    for name in ("mac", "usb.vendor.id", "firmware.version", "modem.identifier", "config.imei"):
        yield Breakage(
            f"a golden {name}",
            rule,
            SNAPSHOT,
            setting(NETWORK, f"net.interface.eth0.{name}", "02:60:0C:81:24:5A"),
            name,
        )
    yield Breakage(
        "a network named after hardware",
        rule,
        SNAPSHOT,
        setting(NETWORK, "net.interface.wlan0.config.wifi.master.ssid", "kura_gateway_02600C81245A"),
        "ssid",
    )
    yield Breakage(
        "a device named after hardware",
        rule,
        SNAPSHOT,
        setting("org.eclipse.kura.cloud.CloudService", "device.custom-name", "02:60:0C:81:24:5A"),
        "device.custom-name",
    )


def _people() -> Iterator[Breakage]:
    rule, name = "snapshot.console_password", "console.password.value"
    for word in (
        "admin",
        "changeit",
        "Eurotech1!",
        "Sh0rt-pw",
        "aaaaaaaaaaaaaaaaaaaa",
        "onlylowercaseletters",
        "admin2024",
    ):
        yield Breakage(f"console password {word}", rule, SNAPSHOT, setting(CONSOLE, name, word, "Password"), name)
    yield Breakage("no console password", rule, SNAPSHOT, unset(CONSOLE, name), CONSOLE)
    yield Breakage("no console", rule, SNAPSHOT, without(CONSOLE))
    rest = f"{REAL}/kura/plugins/org.eclipse.kura.rest.provider_1.0.300.jar"
    yield Breakage("a REST service with its defaults", rule, SNAPSHOT, put(rest, b"PK"))
    yield Breakage("no snapshot, hence the default console", rule, SNAPSHOTS, gone(SNAPSHOT))
    yield Breakage(
        "a console password as text", rule, SNAPSHOT, setting(CONSOLE, name, "hN4.wKz7@Rt2-vQm9_XcF6pB"), name
    )
    yield Breakage(
        "the console's other way in",
        rule,
        SNAPSHOT,
        setting("org.eclipse.kura.internal.rest.provider.RestService", "password", "admin", "Password"),
        'name="password"',
    )
    rule, name = "snapshot.console_username", "console.username.value"
    for known in ("admin", "Root"):
        change = setting(CONSOLE, name, known)
        yield Breakage(f"{known} as console user", "console.own_username", SNAPSHOT, change, name, base="strict")
    yield Breakage("another console user", rule, SNAPSHOT, setting(CONSOLE, name, "somebody"), name)
    yield Breakage("an empty console user", rule, SNAPSHOT, setting(CONSOLE, name, ""), name)
    yield Breakage("no console user", rule, SNAPSHOT, without(CONSOLE))
    rule = "snapshot.remote_command"
    yield Breakage(
        "remote commands on", rule, SNAPSHOT, setting(COMMAND, "command.enable", "true", "Boolean"), "command.enable"
    )
    yield Breakage("remote commands by default", rule, SNAPSHOT, unset(COMMAND, "command.enable"), COMMAND)
    yield Breakage("remote commands not configured", rule, SNAPSHOT, without(COMMAND))
    yield Breakage("no snapshot, hence remote commands", rule, SNAPSHOTS, gone(SNAPSHOT))
    wanted = replace(expected(), command_enabled=True)
    weak = both(
        setting(COMMAND, "command.enable", "true", "Boolean"),
        setting(COMMAND, "command.password.value", "letmein", "Password"),
    )
    yield Breakage(
        "remote commands with a weak password", rule, SNAPSHOT, weak, "command.password.value", expected=wanted
    )
    yield Breakage(
        "remote commands without password",
        rule,
        SNAPSHOT,
        setting(COMMAND, "command.enable", "true", "Boolean"),
        COMMAND,
        expected=wanted,
    )
    yield Breakage(
        "privileged commands",
        "console.privileged_command",
        SNAPSHOT,
        setting(COMMAND, "privileged.command.service.enable", "true", "Boolean"),
        "privileged",
    )


def _residue() -> Iterator[Breakage]:
    rule = "residue.never_booted"
    for name in (
        "data/store.save",
        "data/paho-persistence/gw-tcp/1.msg",
        "data/db/kuradb.mv.db",
        "data/persistance/x",
        "security/.fingerprints",
        "configuration/org.eclipse.osgi/1/bundle.info",
    ):
        yield Breakage(f"{name} of a boot", rule, f"{REAL}/{name}", add(f"{REAL}/{name}", "x"))
    for path in ("/tmp/.kura/configuration/config.ini", "/run/kura.pid", "/var/log/kura.log"):  # noqa: S108 - the image's
        named = "/tmp/.kura" if path.startswith("/tmp") else path  # noqa: S108 - the image's
        yield Breakage(f"{path} of a boot", rule, named, add(path, "x"))
    yield Breakage(
        "a private key",
        "residue.private_keys",
        f"{REAL}/kura/signer.pem",
        add(f"{REAL}/kura/signer.pem", "# ours\n-----BEGIN PRIVATE KEY-----\nMIIE\n"),
        "PRIVATE KEY",
    )
    for place in ("/etc/ssl/private/tls.key", "/etc/app/client.pem", "/etc/vpn.conf"):
        content = "# ours\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"
        yield Breakage(f"a private key in {place}", "residue.private_keys", place, add(place, content), "PRIVATE KEY")
    yield Breakage(
        "the golden sample's keystore",
        "residue.private_keys",
        f"{REAL}/data/golden.bin",
        copied(CACERTS, f"{REAL}/data/golden.bin"),
    )
    yield Breakage(
        "a PKCS 12 file",
        "residue.private_keys",
        f"{REAL}/data/x",
        put(f"{REAL}/data/x", b"\x30\x82\x0a\x10\x02\x01\x03\x30\x82"),
    )
    yield Breakage("another release", "esf.same_release", PROPERTIES, _another_release)
    rule = "secrets.modes"
    for path in (
        SNAPSHOT,
        RESTORED,
        PROPERTIES,
        CACERTS,
        CERTIFICATES,
        "/etc/hostapd-wlan0.conf",
        "/etc/ppp/chap-secrets",
        f"{REAL}/.data/hostapd-wlan0.conf",
    ):
        yield Breakage(f"{path} for all to read", rule, path, mode(path, 0o644))
    yield Breakage("somebody else's snapshot", rule, SNAPSHOT, mode(SNAPSHOT, 0o600, uid=1500))
    for path, bits in (
        (f"{REAL}/kura/security.policy", 0o666),
        (f"{REAL}/bin/start_kura_background.sh", 0o777),
        (f"{REAL}/kura/packages", 0o777),
        (f"{REAL}/kura/dpa.properties", 0o664),
    ):
        yield Breakage(f"{path} for all to write", "esf.writable", path, mode(path, bits))


BREAKAGES = (*_files(), *_values(), *_people(), *_residue())
