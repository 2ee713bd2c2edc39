"""The golden sample's network files, parsed, and what they say of each interface together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import TypeVar

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.esf import kuranet
from pipeline.formats.network import (
    chap_secrets,
    chat_script,
    dhcpd_conf,
    hostapd_conf,
    ifcfg,
    interfaces,
    named_conf,
    ppp_peer,
    udhcpd_conf,
    wpa_supplicant_conf,
)
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.transforms.network import red_hat, sourced
from pipeline.transforms.network.adapter import STATUS, Adapter

INTERFACES = sourced.MAIN
NAMED = (GuestPath("/etc/bind/named.conf"), GuestPath("/etc/named.conf"))
SECRETS = (GuestPath("/etc/ppp/pap-secrets"), GuestPath("/etc/ppp/chap-secrets"))
PEERS = GuestPath("/etc/ppp/peers")
PER_INTERFACE = re.compile(r"/etc/(hostapd|wpa_supplicant|dhcpd|udhcpd)-([^/]+)\.conf")
"""The families of files that exist once for each interface (A:190 to A:192, and udhcpd)."""

# Firewall files are another transform's; what a distribution puts into /etc/ppp is the target's own (formats 6).
_ELSEWHERE = (GuestPath("/etc/sysconfig/iptables"), GuestPath("/etc/init.d/firewall_cust"))

T = TypeVar("T")


@dataclass(frozen=True)
class GoldenFiles:
    """Every network file that travels, parsed; what the export does not have is None or not in the mapping.

    Attributes:
        ifcfg: by interface; instead of `interfaces` on systems like Red Hat's.
        hostapd / stations / dhcpd / udhcpd: by interface.
        peers: by name below ``/etc/ppp/peers``; ``scripts`` by path.
        units: ``ppp0`` and its like, to the name of the peer they stand for.
        sourced: what `interfaces` sources, by path.
    """

    interfaces: interfaces.Interfaces | None
    ifcfg: Mapping[str, ifcfg.Ifcfg]
    kuranet: kuranet.Kuranet | None
    named: tuple[GuestPath, named_conf.NamedConf] | None
    hostapd: Mapping[str, hostapd_conf.HostapdConf]
    stations: Mapping[str, wpa_supplicant_conf.WpaSupplicantConf]
    dhcpd: Mapping[str, dhcpd_conf.DhcpServer]
    udhcpd: Mapping[str, udhcpd_conf.UdhcpdConf]
    peers: Mapping[str, ppp_peer.PppPeer]
    scripts: Mapping[str, chat_script.ChatScript]
    secrets: Mapping[GuestPath, tuple[chap_secrets.Secret, ...]] = field(repr=False)
    units: Mapping[str, str]
    sourced: sourced.Files = field(default_factory=dict)


def where(path: str) -> str:
    """How messages and origins call a file of the export."""
    return f"golden: {path}"


def parse(golden: Golden, layout: Layout) -> GoldenFiles:
    """Parse all network files of an export.

    Raises:
        PipelineError: everything in any of them that cannot be understood, and files of no known kind.
    """
    problems: list[Problem] = []

    def read(path: GuestPath, parser: Callable[[str, str], T]) -> T | None:
        content = golden.network.get(path)
        if content is None:
            return None
        try:
            return parser(content.decode("utf-8"), where(path))
        except UnicodeDecodeError:
            problems.append(Problem(f"{where(path)}: not UTF-8 text", "look whether the export is damaged"))
        except PipelineError as error:
            problems.extend(error.problems)
        return None

    def each(family: str, parser: Callable[[str, str], T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for path in sorted(golden.network):
            match = PER_INTERFACE.fullmatch(path)
            parsed = read(path, parser) if match and match[1] == family else None
            if match and parsed is not None:
                found[match[2]] = parsed
        return found

    named_path = next((path for path in NAMED if path in golden.network), None)
    named = read(named_path, named_conf.parse) if named_path else None
    units = _units(golden)
    peers = {name: peer for name in sorted(set(units.values())) if (peer := read(PEERS / name, ppp_peer.parse))}
    scripts = {
        path: script
        for peer in peers.values()
        for path in peer.scripts
        if path.startswith("/etc/ppp/") and (script := read(GuestPath(path), chat_script.parse)) is not None
    }
    main = read(INTERFACES, interfaces.parse)
    files = GoldenFiles(
        interfaces=main,
        ifcfg={
            match[1]: parsed
            for path in sorted(golden.network)
            if (match := red_hat.FILE.fullmatch(path)) and (parsed := read(path, ifcfg.parse)) is not None
        },
        kuranet=read(layout.kuranet, kuranet.parse) if layout.kuranet else None,
        named=(named_path, named) if named_path and named else None,
        hostapd=each("hostapd", hostapd_conf.parse),
        stations=each("wpa_supplicant", wpa_supplicant_conf.parse),
        dhcpd=each("dhcpd", dhcpd_conf.parse),
        udhcpd=each("udhcpd", udhcpd_conf.parse),
        peers=peers,
        scripts=scripts,
        secrets={path: lines for path in SECRETS if (lines := read(path, chap_secrets.parse)) is not None},
        units=units,
        sourced=sourced.read_sourced(main, golden.network, lambda path: read(path, interfaces.parse)) if main else {},
    )
    problems += _strangers(golden, layout, files.sourced)
    raise_if_any(problems)
    return files


def adapters(files: GoldenFiles) -> dict[str, Adapter]:
    """What the files say of each interface, by name; the loopback is not among them."""
    names = set(files.kuranet.interfaces if files.kuranet else ()) | set(files.units)
    if files.interfaces:
        names |= {stanza.words[0] for stanza in files.interfaces.stanzas("iface") if stanza.words[1] == "inet"}
    names |= set(files.ifcfg)
    return {name: _adapter(name, files) for name in sorted(names - {"lo"})}


def _adapter(name: str, files: GoldenFiles) -> Adapter:
    def kura(key: str) -> str:
        return files.kuranet.get(name, f"config.{key}") if files.kuranet else ""

    told = _told(name, files)
    states = {status: state for state, status in STATUS.items()}
    is_modem = name.startswith("ppp")
    is_wifi = name in files.hostapd or name in files.stations or bool(kura("wifi.mode"))
    hostapd = files.hostapd.get(name)
    serving = serves(files, name)
    dhcpd, udhcpd = (files.dhcpd.get(name), files.udhcpd.get(name)) if serving else (None, None)
    leases = (dhcpd.first, dhcpd.last) if dhcpd else None
    if udhcpd and leases is None:
        leases = _leases(udhcpd, name)
    state = states.get(kura("ip4.status"), "wan" if told.started or is_modem else "disabled")
    ssid = hostapd.get("ssid") if hostapd else ""
    channel = hostapd.get("channel") if hostapd else ""
    peer = files.peers.get(files.units.get(name, ""))
    apn = next((files.scripts[path].apn for path in peer.scripts if path in files.scripts), "") if peer else ""
    return Adapter(
        name=name,
        kind="modem" if is_modem else "wifi" if is_wifi else "ethernet",
        state=state,
        method="ppp" if is_modem else "static" if told.static else "dhcp",
        address=told.address,
        router=told.router,
        dns=told.dns,
        leases=leases,
        pass_dns=dhcpd.pass_dns if dhcpd else serving and kura("dhcpServer4.passDns") == "true",
        nat=kura("nat.enabled") == "true",
        wifi_mode=kura("wifi.mode") or ("MASTER" if hostapd else "INFRA" if is_wifi else ""),
        ssid=ssid,
        channel=int(channel) if channel.isdecimal() else 0,
        apn=apn,
    )


def serves(files: GoldenFiles, name: str) -> bool:
    """Whether the gateway runs a DHCP server on an interface: it must be a LAN's, and have an address of its own.

    Kura asks ``kuranet.conf``, and takes a file without a word there for a running server (DhcpConfigReader, 3.0.0
    lines 204 to 209). Of wires it starts those of LANs only (EthernetMonitorServiceImpl 245), of Wi-Fi any
    (WifiMonitorServiceImpl 655). The file's own ``# enabled?`` is read by nobody. A file of any other interface was
    left over by the installer, or when the interface was a router: Kura never deletes nor rewrites it, so it says
    nothing.
    """
    status = files.kuranet.get(name, "config.ip4.status") if files.kuranet else ""
    flag = files.kuranet.get(name, "config.dhcpServer4.enabled") if files.kuranet else ""
    if flag and flag.lower() != "true":
        return False
    wifi = bool(files.kuranet and files.kuranet.get(name, "config.wifi.mode"))
    return not _is_client(files, name) and status in ("", STATUS["lan"], *([STATUS["wan"]] if wifi else []))


def _is_client(files: GoldenFiles, name: str) -> bool:
    """Whether an interface is given its address by somebody else, so that no subnet of a server's is its own."""
    if name in files.ifcfg:
        return files.ifcfg[name].get("BOOTPROTO").lower() == "dhcp"
    stanza = files.interfaces.iface(name) if files.interfaces else None
    return stanza is not None and stanza.words[2] == "dhcp"


def _leases(file: udhcpd_conf.UdhcpdConf, name: str) -> tuple[IPv4Address, IPv4Address]:
    """BusyBox has a range of its own for a file without one, which is no network of this gateway's."""
    if not file.get("start") or not file.get("end"):
        raise PipelineError(
            f"{where(f'/etc/udhcpd-{name}.conf')}: has no first or no last address",
            "set the range in the console of the golden sample, and export again",
        )
    return IPv4Address(file.get("start")), IPv4Address(file.get("end"))


@dataclass(frozen=True)
class _Told:
    """What the file of the system's own scripts says of an interface."""

    started: bool = False
    static: bool = False
    address: IPv4Interface | None = None
    router: str = ""
    dns: tuple[str, ...] = ()


def _told(name: str, files: GoldenFiles) -> _Told:
    if name in files.ifcfg:
        file = files.ifcfg[name]
        return _Told(
            started=red_hat.is_started(file),
            static=file.get("BOOTPROTO").lower() in ("static", "none", ""),
            address=red_hat.address_of(file, where(f"{red_hat.DIRECTORY}/ifcfg-{name}")),
            router=file.get("GATEWAY"),
            dns=red_hat.dns_of(file),
        )
    stanza = files.interfaces.iface(name) if files.interfaces else None
    started = bool(files.interfaces and name in files.interfaces.automatic)
    if stanza is None:
        return _Told(started)
    return _Told(
        started,
        stanza.words[2] == "static",
        address_of(stanza),
        stanza.get("gateway") or "",
        tuple((stanza.get("dns-nameservers") or "").split()),
    )


def address_of(stanza: interfaces.Stanza) -> IPv4Interface | None:
    """The static address of a stanza; None without one."""
    address, netmask = stanza.get("address"), stanza.get("netmask")
    if not address:
        return None
    try:
        return IPv4Interface(address if "/" in address or not netmask else f"{address}/{netmask}")
    except ValueError as error:
        raise PipelineError(
            f"{where(INTERFACES)}: line {stanza.line}: {stanza.words[0]}: {error}",
            "give it a valid address and netmask",
        ) from None


def _units(golden: Golden) -> dict[str, str]:
    """``ppp0`` → ``LE910_2-1``: from the links of the export, or from the peers' own ``unit`` where it has no link."""
    units = {
        path.name: target.rsplit("/", 1)[-1]
        for path, target in sorted(golden.links.items())
        if path.parent == PEERS and re.fullmatch(r"ppp\d+", path.name)
    }
    for path, content in sorted(golden.network.items()):
        found = re.search(rb"^unit\s+(\d+)\s*$", content, re.MULTILINE) if path.parent == PEERS else None
        if found:
            units.setdefault(f"ppp{int(found[1])}", path.name)
    return units


def _strangers(golden: Golden, layout: Layout, named: sourced.Files) -> list[Problem]:
    """Network files that nothing here writes: left behind without a word they would be missed on the gateway."""
    known = {INTERFACES, *NAMED, *_ELSEWHERE, *named, *([layout.kuranet] if layout.kuranet else [])}
    return [
        Problem(
            f"{where(path)}: not a network file this release knows how to carry over",
            "put it into an overlay if the gateways need it, and take it out of the export",
        )
        for path in sorted(golden.network)
        if path not in known
        and not PER_INTERFACE.fullmatch(path)
        and not red_hat.FILE.fullmatch(path)
        and not path.is_under(GuestPath("/etc/ppp"))
    ]
