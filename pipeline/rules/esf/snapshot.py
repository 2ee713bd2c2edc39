"""The configuration snapshot: exactly one, loadable, and with the values the documents ask for (A:126 to A:164)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Effect
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import children, document, on_esf
from pipeline.rules.esf.snapshot_file import SnapshotFile, line_in, loaded, on_snapshot

MQTT = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
DATA = "org.eclipse.kura.data.DataService"
PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"
CLOUD = "org.eclipse.kura.cloud.CloudService"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"

_NAME = "snapshot_0.xml"
_PLACEHOLDERS = {
    "username": "username",
    "topic.context.account-name": "account-name",
    "broker-url": "mqtts://broker-url:8883/",
    "password": "password",
}
# Seen on one device at run time, below net.interface.<name>. (formats 2).
_SEEN = re.compile(
    r"net\.interface\.[^.]+(?:\.[0-9]+)*\.(?:mac|usb\.\S+|firmware\.version|modem\.identifier|identifier"
    r"|ip4\.\S+|wifi\.\S+|(?:config\.)?(?:imei|imsi|iccid|esn|meid|msisdn|serialNum(?:ber)?|hwAddress))"
)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_MAC_IN_NAME = re.compile(r"[_-](?:[0-9A-Fa-f]{12}|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})$")


def _only_one(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The highest id wins, and a plain file beside an encrypted one is ignored: there must be one (formats 1.4)."""
    del expected
    directory = str(view.place(layout.snapshots))
    there = children(view, layout.snapshots)
    breaches = [
        Breach(str(path), 0, "another file in the directory of snapshots", f"{_NAME} alone")
        for path in there
        if path.name != _NAME
    ]
    if not any(path.name == _NAME for path in there):
        breaches.append(Breach(f"{directory}/{_NAME}", 0, "missing: the gateway starts with its defaults", "one"))
    return Judgement.of(breaches, f"{directory} holds {_NAME} and nothing else")


def _loadable(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """One malformed number and the gateway has no configuration at all, hence no console (formats 1.1)."""
    del expected
    result = loaded(view, layout)
    if result is None:
        return Judgement.not_applicable(f"{view.place(layout.snapshots)} holds no snapshot (see snapshot.only_one)")
    found, outcome = result
    # Kura 3 joins all lines before it reads; the places of what is wrong are those of the file as it stands.
    places = (
        {
            item.name: item.line
            for item in esf_snapshot.load(
                found.data, "B" if layout.generation == "A" else layout.generation
            ).malformations
        }
        if outcome.malformations
        else {}
    )
    breaches = []
    for item in outcome.malformations:
        if item.effect is Effect.SKIPS_PROPERTY:
            continue  # factory files hold such lines
        pid, _, name = item.where.partition(" ")
        line = line_in(found, pid, name) if pid else 0
        breaches.append(
            Breach(
                found.path, line or places.get(item.name, item.line),
                f"{f'{item.where}: ' if item.where else ''}{item.name}: {item.effect}",
                f"plain XML that generation {layout.generation} loads as it stands",
            )
        )  # fmt: skip
    return Judgement.of(breaches, f"the loader of generation {layout.generation} takes {found.path} as it stands")


@on_snapshot()
def _mqtt(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Each gateway gets its own credentials by provisioning; none may bring somebody's (A:135)."""
    del view, layout, expected
    instances = found.snapshot.instances_of(MQTT)
    if not instances:
        return Judgement.not_applicable(f"{found.path}: {MQTT} is not configured; its defaults are placeholders")
    breaches = []
    for configuration in instances:
        for name, wanted in _PLACEHOLDERS.items():
            prop = configuration.get(name)
            if prop is None or prop.text != wanted:
                shown = "missing" if prop is None else "not the placeholder"
                breaches.append(found.breach(configuration, name, shown, f"{wanted!r}"))
            elif name == "password" and prop.type != "Password":
                breaches.append(found.breach(configuration, name, f"type {prop.type}", "type Password"))
        if configuration.text("client-id"):
            breaches.append(found.breach(configuration, "client-id", "set: all gateways would use the same", "empty"))
    return Judgement.of(breaches, f"placeholders in {', '.join(item.pid for item in instances)}")


@on_snapshot()
def _no_auto_connect(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Before it is provisioned, a gateway has nothing to connect with (A:160)."""
    del view, layout, expected
    instances = found.snapshot.instances_of(DATA)
    if not instances:
        return Judgement.not_applicable(f"{found.path}: {DATA} is not configured; its default is not to connect")
    breaches = [
        found.breach(configuration, "connect.auto-on-startup", shown, "false")
        for configuration in instances
        if (shown := _flag(configuration.text("connect.auto-on-startup"))) != "false"
    ]
    return Judgement.of(breaches, f"connect.auto-on-startup is false in {', '.join(item.pid for item in instances)}")


@on_snapshot("provisioning is not configured")
def _provisioned(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """On, with a broker and credentials, and not marked as done (A:116, A:162)."""
    del view, layout, expected
    instances = found.snapshot.instances_of(PROVISIONING)
    if not instances:
        return Judgement.failed(
            Breach(found.path, 0, f"{PROVISIONING} is not configured: no gateway gets its own credentials", "set up")
        )
    breaches = []
    for configuration in instances:
        if _flag(configuration.text("enabled")) != "true":
            breaches.append(found.breach(configuration, "enabled", _flag(configuration.text("enabled")), "true"))
        broker = configuration.text("broker-url")
        if not broker or "//broker-url" in broker or not _host(broker):
            shown = "no URL of a broker" if broker else "not set"
            breaches.append(found.breach(configuration, "broker-url", shown, "the provisioning broker"))
        if not configuration.text("password"):
            breaches.append(found.breach(configuration, "password", "not set", "the provisioning password"))
        if not configuration.text("username") and not configuration.text("account-name"):
            breaches.append(found.breach(configuration, "account-name", "neither it nor username is set", "set"))
        if _flag(configuration.text("provisioned")) == "true":
            breaches.append(found.breach(configuration, "provisioned", "true: says it was done", "not there"))
        if configuration.text("client-id"):
            breaches.append(found.breach(configuration, "client-id", "set: all gateways would use it", "empty"))
    return Judgement.of(breaches, "provisioning is on, with broker and credentials")


def _provisioning(view: ImageView, expected: Expected) -> Judgement:
    """Everyware Cloud Provisioning is ESF's; open-source Kura has none."""
    if view.layout is not None and view.layout.product != "ESF":
        return Judgement.not_applicable(f"{view.layout.product} has no provisioning service")
    return _provisioned(view, expected)


@on_snapshot()
def _device_residue(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What the golden sample saw of its own hardware is no other gateway's (A:129, A:135)."""
    del view, layout, expected
    breaches = []
    for configuration in found.snapshot.instances_of(NETWORK):
        for prop in configuration.properties:
            if prop.text and _SEEN.fullmatch(prop.name):
                breaches.append(found.breach(configuration, prop.name, "seen on one device", "not there, or empty"))
            elif prop.name.endswith(".ssid") and _MAC_IN_NAME.search(prop.text):
                breaches.append(found.breach(configuration, prop.name, "ends in a hardware address", "the gateway's"))
    breaches += [
        found.breach(item, "device.custom-name", "holds a hardware address", "not the golden sample's")
        for item in found.snapshot.instances_of(CLOUD)
        if _MAC.search(item.text("device.custom-name"))
    ]
    return Judgement.of(breaches, "nothing in it was seen on one device only")


def _factory_restore(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A factory reset copies it back: it must be the hardened one (formats 3, CRA I.1(2)(b))."""
    del expected
    copy = document(view, f"{layout.restore}/{_NAME}")
    live = document(view, f"{layout.snapshots}/{_NAME}")
    if copy is None:
        return Judgement.not_applicable(f"{view.place(layout.restore)} holds no copy of the snapshot")
    if live is None:
        return Judgement.failed(Breach(copy.path, 0, "a copy of a snapshot that is not there", f"a copy of {_NAME}"))
    if copy.data == live.data:
        return Judgement.passed(f"{copy.path} equals {live.path}")
    first, second = esf_snapshot.load(copy.data, layout.generation), esf_snapshot.load(live.data, layout.generation)
    if first.snapshot and second.snapshot and first.snapshot.meaning == second.snapshot.meaning:
        return Judgement.passed(f"{copy.path} means the same as {live.path}")
    return Judgement.failed(Breach(copy.path, _first_difference(copy.text, live.text), f"not {live.path}", "the same"))


def _first_difference(left: str, right: str) -> int:
    pairs = zip(left.splitlines(), right.splitlines(), strict=False)
    return next((number for number, (one, other) in enumerate(pairs, 1) if one != other), 0)


def _flag(text: str) -> str:
    return "true" if text.lower() == "true" else "false"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


RULES: tuple[Rule, ...] = (
    Rule(
        id="snapshot.only_one",
        title="exactly one configuration snapshot",
        why="With several snapshots the framework takes the newest by its name, which may be the one nobody hardened.",
        severity=Severity.MEDIUM,
        documents=("A:164",),
        references=("ETSI 5.11-1",),
        profile="documents",
        check=on_esf(_only_one),
        remedy="remove every file but snapshot_0.xml from the directory of snapshots",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.loadable",
        title="the gateway loads the snapshot as it stands",
        why=(
            "A snapshot the gateway cannot load leaves it with factory settings: no network, no provisioning, default "
            "passwords."
        ),
        severity=Severity.HIGH,
        documents=("A:164",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_loadable),
        remedy="install the snapshot as the pipeline writes it",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.mqtt",
        title="no cloud credentials of the golden sample",
        why=(
            "A copied credential lets every gateway act as the golden sample in the cloud, and blocking one blocks all."
        ),
        severity=Severity.HIGH,
        documents=("A:135", "A:143", "A:146", "A:149", "A:152", "A:155"),
        references=("ETSI 5.4-4", "62443 CR 1.5"),
        profile="documents",
        check=_mqtt,
        remedy="set the four properties to the documents' placeholders and client-id to nothing",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.no_auto_connect",
        title="no connection before provisioning",
        why="A gateway that connects before it was provisioned uses somebody else's identity, or fails over and over.",
        severity=Severity.MEDIUM,
        documents=("A:160",),
        references=("ETSI 5.4-4",),
        profile="documents",
        check=_no_auto_connect,
        remedy="set connect.auto-on-startup of every DataService to false",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.provisioning",
        title="provisioning is on and can reach its broker",
        why="Without provisioning the gateway never gets its credentials, and somebody has to visit it.",
        severity=Severity.HIGH,
        documents=("A:116", "A:162"),
        references=("ETSI 5.4-4", "62443 EDR 3.12"),
        profile="documents",
        check=_provisioning,
        remedy="set up Everyware Cloud Provisioning on the golden sample and export its snapshot again",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.device_residue",
        title="nothing of one device in the snapshot",
        why="Serial numbers and addresses of the golden sample make the cloud take two gateways for one.",
        severity=Severity.MEDIUM,
        documents=("A:129", "A:135"),
        references=("ETSI 5.4-4",),
        profile="documents",
        check=_device_residue,
        remedy="take the properties out of the snapshot",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.factory_restore",
        title="A factory reset brings the same configuration back",
        why="After a factory reset the gateway would start with the vendor's defaults, and with default passwords.",
        severity=Severity.HIGH,
        documents=("A:164",),
        references=("CRA I.1(2)(b)",),
        profile="documents",
        check=on_esf(_factory_restore),
        remedy="copy snapshot_0.xml over it",
        enforced_by="esf.snapshot",
    ),
)
