"""The class of every property of a snapshot: by component, by name, by type, by what is in it (formats 2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.classification.files import digest_of
from pipeline.classification.item import ANY, STAYS, TRAVELS, Class, Decision, Item, Key, Kind
from pipeline.classification.secrets import secret_in_property
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.formats.esf.esf_snapshot.values import FACTORY_PID
from pipeline.formats.esf.own_settings import INTERFACE, MQTT, NETWORK, PROVISIONING, SPARKPLUG, SPARKPLUG_DEVICE
from pipeline.transforms.esf.snapshot.personal import residue

_KURA = "org.eclipse.kura."
_INTERFACE = rf"net\.interface\.{INTERFACE}\."
_PLATFORM = ("org.eclipse.kura.", "com.eurotech.")


@dataclass(frozen=True)
class _Rule:
    """What is said of a component's properties; an empty component stands for all."""

    component: str
    name: re.Pattern[str]
    sort: Class
    proposal: Decision
    allowed: frozenset[Decision]
    reason: str


def _rule(component: str, name: str, sort: Class, decision: Decision, reason: str, *, free: bool = False) -> _Rule:
    fixed = TRAVELS if decision is Decision.TRAVELS else STAYS
    allowed = ANY if free or decision is Decision.UNDECIDED else fixed
    return _Rule(component, re.compile(name), sort, decision, allowed, reason)


_COMMAND = f"{_KURA}cloud.app.command.CommandCloudApp"
_STAYS, _TRAVELS, _UNDECIDED = Decision.STAYS, Decision.TRAVELS, Decision.UNDECIDED
_OWN = "devices.toml may say otherwise for a gateway (A:181)"

_RULES = (
    _rule(MQTT, r"username|topic\.context\.account-name|broker-url|password", Class.DERIVED, _STAYS,
          "the document's placeholder takes its place (A:143)"),
    _rule(MQTT, r"client-id|ssl\.certificate\.alias", Class.PER_GATEWAY, _STAYS,
          "gateways with one client id throw each other out (A:135)"),
    _rule(SPARKPLUG, r"client\.id|node\.id", Class.PER_GATEWAY, _STAYS,
          "two nodes of one name throw each other out; each gateway gets its own name (A:135)"),
    _rule(SPARKPLUG_DEVICE, r"device\.id", Class.PER_GATEWAY, _STAYS, "each gateway gets its own name (A:135)"),
    _rule(SPARKPLUG, r"username|server\.uris", Class.PER_GATEWAY, _STAYS,
          "how this gateway logs in and where; decide that it travels if all gateways do so (A:143)", free=True),
    _rule(f"{_KURA}data.DataService", r"connect\.auto-on-startup", Class.DERIVED, _STAYS, "set to false (A:160)"),
    _rule(PROVISIONING, r"enabled", Class.DERIVED, _STAYS, "set to true (A:162)"),
    _rule(PROVISIONING, r"client-id|provisioned", Class.PER_GATEWAY, _STAYS, "of the golden sample's own enrolment"),
    _rule(PROVISIONING, r"password", Class.SECRET, _TRAVELS, "every gateway enrols with it (A:162)", free=True),
    _rule(PROVISIONING, r"broker-url|account-name|username", Class.PORTABLE, _TRAVELS, "kept as set (A:162)",
          free=True),
    _rule(_COMMAND, r"command\.enable", Class.DERIVED, _STAYS, "as gateway.toml decides (A:117)"),
    _rule(f"{_KURA}web.Console", r"console\.(?:username|password)\.value", Class.DERIVED, _STAYS,
          "each gateway its own (A:115)"),
    _rule(f"{_KURA}internal.useradmin.store.RoleRepositoryStoreImpl", r"(?:roles|users|groups)\.config",
          Class.DERIVED, _STAYS, "each gateway its own users (A:115)"),
    _rule(f"{_KURA}ssl.SslManagerService", r"ssl\.keystore\.password", Class.DERIVED, _STAYS,
          "follows the keystores, which are made anew (A:206)"),
    _rule(f"{_KURA}core.keystore.FilesystemKeystoreServiceImpl", r"keystore\.password|randomize\.password",
          Class.DERIVED, _STAYS, "follows the keystores, which are made anew (A:206)"),
    _rule(f"{_KURA}net.admin.FirewallConfigurationService", r"firewall\..+", Class.DERIVED, _TRAVELS,
          "unwanted ports are closed on the way (A:113)"),
    _rule(NETWORK, _INTERFACE + r"config\.wifi\.master\.passphrase", Class.SECRET, _STAYS,
          "each access point gets its own (A:119)"),
    _rule(NETWORK, _INTERFACE + r"config\.wifi\.(?:infra|adhoc)\.passphrase", Class.SECRET, _TRAVELS,
          "log-in of the Wi-Fi network that is joined (A:191)", free=True),
    _rule(NETWORK, _INTERFACE + r"config\.802-1x\.(?:anonymous-)?identity", Class.PER_GATEWAY, _UNDECIDED,
          "who the golden sample is at the network it joins (A:191)"),
    _rule(NETWORK, _INTERFACE + r"config\.password", Class.SECRET, _TRAVELS,
          "log-in of the cellular connection, plain text by its type (A:189)", free=True),
    _rule(NETWORK, _INTERFACE + r"config\.(?:ip4\..+|dhcp(?:Client|Server)4\..+|nat\.enabled|autoconnect|enabled|apn"
          r"|username|wifi\.mode|wifi\.[a-z]+\.(?:ssid|channel))", Class.PER_GATEWAY, _TRAVELS, _OWN, free=True),
    _rule(f"{_KURA}position.PositionService", r"latitude|longitude|altitude", Class.PER_GATEWAY, _TRAVELS,
          "where the golden sample stands; overlays cannot change it, so decide", free=True),
    _rule("", r"(?:kura\.)?service\.(?:pid|factoryPid)|component\.(?:id|name)", Class.PORTABLE, _TRAVELS,
          "names the component (formats 1.8)"),
)  # fmt: skip


def classify_settings(snapshot: Snapshot, installed: Collection[str], components: bytes) -> Iterator[Item]:
    """Every property, in one class each.

    Args:
        installed: symbolic names of the bundles in the export's packages.
        components: what these bundles say of their components (``OSGI-INF``), as one text.
    """
    gone = {(setting.pid, setting.name) for setting in residue(snapshot, ())}
    for configuration in snapshot.configurations:
        rules = [rule for rule in _RULES if not rule.component or configuration.is_instance_of(rule.component)]
        known = _is_known(configuration, installed, components)
        for prop in configuration.properties:
            ruled = any(rule.name.fullmatch(prop.name) for rule in rules)
            if (configuration.pid, prop.name) in gone and not ruled:
                yield _item(configuration, prop, Class.PER_GATEWAY, "of that one device (A:129)", _STAYS, STAYS)
            else:
                yield _property(configuration, prop, rules, known=known)


def _property(configuration: Configuration, prop: Property, rules: list[_Rule], *, known: bool) -> Item:
    rule = next((rule for rule in rules if rule.name.fullmatch(prop.name)), None)
    found = secret_in_property(configuration.pid, prop)
    if rule is not None and (rule.sort is not Class.SECRET or any(prop.texts)):
        secret = found is not None or rule.sort is Class.SECRET
        return _item(configuration, prop, rule.sort, rule.reason, rule.proposal, rule.allowed, secret=secret)
    if found is not None:
        reason = f"{found.kind}: {found.reason} (A:135)"
        return _item(configuration, prop, Class.SECRET, reason, Decision.UNDECIDED, ANY, secret=True)
    if not known:
        reason = "neither the platform nor an installed package has this component (A:133)"
        return _item(configuration, prop, Class.UNKNOWN, reason, Decision.UNDECIDED, ANY)
    return _item(configuration, prop, Class.PORTABLE, "configuration of a component (A:133)", _TRAVELS, ANY)


def _is_known(configuration: Configuration, installed: Collection[str], components: bytes) -> bool:
    """Whether the platform or a package brings the component, which a pid or a factory's pid names."""
    names = [name for name in (configuration.pid, configuration.text(FACTORY_PID)) if name]
    return any(
        name.startswith(_PLATFORM)
        or any(name == bundle or name.startswith(f"{bundle}.") for bundle in installed)
        or (len(name) > 3 and name.encode() in components)
        for name in names
    )


def _item(
    configuration: Configuration,
    prop: Property,
    sort: Class,
    reason: str,
    proposal: Decision,
    allowed: frozenset[Decision],
    *,
    secret: bool = False,
) -> Item:
    key = Key(Kind.PROPERTY, configuration.pid, prop.name)
    public = Decision.TRAVELS in allowed and not secret
    return Item(key, sort, reason, proposal, allowed, digest_of(repr(prop.meaning).encode()) if public else "")
