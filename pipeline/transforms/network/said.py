"""What the Linux files and ``kuranet.conf`` say of each interface, in the words they are compared in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface

from pipeline.formats.network import dhcpd_conf, hostapd_conf, ifcfg, interfaces, udhcpd_conf, wpa_supplicant_conf
from pipeline.model.claim import Claim, Place, comparable
from pipeline.transforms.network import red_hat
from pipeline.transforms.network.adapter import STATUS, Adapter
from pipeline.transforms.network.golden_files import INTERFACES, GoldenFiles, address_of, serves, where

STATES = {status: state for state, status in STATUS.items()}
# hostapd.conf(5): bit 0 is WPA, bit 1 is WPA2.
_PROTECTIONS = {"1": "WPA", "2": "WPA2", "3": "WPA_WPA2"}


def yes(value: bool) -> str:  # noqa: FBT001 - it turns a bool into a word
    """A flag in the word that messages use."""
    return "on" if value else "off"


def of_files(files: GoldenFiles, adapter: Adapter, kuranet: str) -> Iterator[Claim]:
    """Everything said of one interface; of a disabled one only that, because ESF leaves its files as they were.

    Args:
        kuranet: how messages call ``kuranet.conf``.
    """
    name = adapter.name
    if files.kuranet is not None and (state := STATES.get(files.kuranet.get(name, "config.ip4.status"))):
        place = Place(kuranet, files.kuranet.line_of(name, "config.ip4.status"))
        yield Claim(name, "state", state, place)
        if adapter.kind != "modem":
            yield Claim(name, "start at boot", yes(state != "disabled"), place)
    if adapter.kind != "modem":
        yield from _starts(files, name)
    if not adapter.enabled:
        return
    if name in files.ifcfg:
        yield from _ifcfg(files.ifcfg[name], name)
    elif files.interfaces is not None and (stanza := files.interfaces.iface(name)) is not None:
        yield from _stanza(stanza, name)
    if files.kuranet is not None:
        yield from _kuranet(files, adapter, kuranet)
    if name in files.dhcpd and serves(files, name):
        yield from _dhcpd(files.dhcpd[name], name, Place(where(f"/etc/dhcpd-{name}.conf")))
    if name in files.udhcpd and serves(files, name):
        yield from _udhcpd(files.udhcpd[name], name, where(f"/etc/udhcpd-{name}.conf"))
    if name in files.hostapd and adapter.is_access_point:
        yield from _hostapd(files.hostapd[name], name)
    if name in files.stations and adapter.wifi_mode == "INFRA":
        yield from _station(files.stations[name], name)


def _starts(files: GoldenFiles, name: str) -> Iterator[Claim]:
    """Whether Linux brings it up."""
    if name in files.ifcfg:
        file = files.ifcfg[name]
        place = Place(where(f"{red_hat.DIRECTORY}/ifcfg-{name}"), file.line_of("ONBOOT"))
        yield Claim(name, "start at boot", yes(red_hat.is_started(file)), place)
    elif files.interfaces is not None and (stanza := files.interfaces.iface(name)) is not None:
        line = files.interfaces.start_line(name)
        yield Claim(name, "start at boot", yes(line > 0), Place(where(INTERFACES), line or stanza.line))


def _stanza(stanza: interfaces.Stanza, name: str) -> Iterator[Claim]:
    def place(option: str) -> Place:
        return Place(where(INTERFACES), stanza.line_of(option))

    method = stanza.words[2]
    if method not in ("static", "dhcp"):
        return
    yield Claim(name, "method", method, Place(where(INTERFACES), stanza.line))
    own = address_of(stanza) if method == "static" else None
    if own is not None:
        yield from _address(name, own, place("address"), place("netmask"))
        yield Claim(name, "router", stanza.get("gateway") or "", place("gateway"))
    if servers := (stanza.get("dns-nameservers") or "").split():
        yield Claim(name, "name servers", " ".join(servers), place("dns-nameservers"))


def _ifcfg(file: ifcfg.Ifcfg, name: str) -> Iterator[Claim]:
    here = where(f"{red_hat.DIRECTORY}/ifcfg-{name}")

    def place(key: str) -> Place:
        return Place(here, file.line_of(key))

    dhcp = file.get("BOOTPROTO").lower() == "dhcp"
    yield Claim(name, "method", "dhcp" if dhcp else "static", place("BOOTPROTO"))
    own = red_hat.address_of(file, here)
    if own is not None:
        yield from _address(name, own, place("IPADDR"), place("PREFIX") if file.get("PREFIX") else place("NETMASK"))
        yield Claim(name, "router", file.get("GATEWAY"), place("GATEWAY"))
    if servers := red_hat.dns_of(file):
        yield Claim(name, "name servers", " ".join(servers), place("DNS1"))


def _address(name: str, own: IPv4Interface, address: Place, netmask: Place) -> Iterator[Claim]:
    yield Claim(name, "address", str(own.ip), address)
    yield Claim(name, "netmask", str(own.netmask), netmask)
    yield Claim(name, "network", str(own.network), address)


def _kuranet(files: GoldenFiles, adapter: Adapter, kuranet: str) -> Iterator[Claim]:
    file, name = files.kuranet, adapter.name
    if file is None:
        return
    told = [("config.dhcpServer4.enabled", "DHCP server"), ("config.nat.enabled", "address translation")]
    if file.get(name, "config.dhcpServer4.enabled") == "true":
        told.append(("config.dhcpServer4.passDns", "name server for its clients"))
    for key, about in told:
        if value := file.get(name, key):
            yield Claim(name, about, yes(value == "true"), Place(kuranet, file.line_of(name, key)))
    for key, about in (
        ("config.wifi.mode", "Wi-Fi mode"),
        ("config.resetTimeout", "reset time-out"),
        ("config.gpsEnabled", "positioning"),
    ):
        if value := file.get(name, key):
            yield Claim(name, about, value, Place(kuranet, file.line_of(name, key)))


def _dhcpd(server: dhcpd_conf.DhcpServer, name: str, here: Place) -> Iterator[Claim]:
    def place(statement: str) -> Place:
        return Place(here.file, server.lines.get(statement, 0))

    yield Claim(name, "DHCP server", yes(value=True), place("subnet"))
    yield Claim(name, "network", str(server.subnet), place("subnet"))
    yield Claim(name, "address", str(server.routers[0]), place("option routers"))
    option = "option domain-name-servers"
    at = place(option) if server.dns else place("subnet")
    yield Claim(name, "name server for its clients", yes(server.pass_dns), at)
    yield from _leases(name, str(server.first), str(server.last), place("range"), place("range"))
    yield Claim(name, "lease time", str(server.default_lease), place("default-lease-time"))
    yield Claim(name, "longest lease time", str(server.max_lease), place("max-lease-time"))


def _udhcpd(file: udhcpd_conf.UdhcpdConf, name: str, here: str) -> Iterator[Claim]:
    def place(keyword: str) -> Place:
        return Place(here, file.line_of(keyword))

    yield Claim(name, "DHCP server", yes(value=True), place("start"))
    if netmask := file.get("opt subnet"):
        yield Claim(name, "netmask", netmask, place("opt subnet"))
    if router := file.get("opt router"):
        yield Claim(name, "address", router.split(" ")[0], place("opt router"))
    if lease := file.get("opt lease"):
        yield Claim(name, "lease time", lease, place("opt lease"))
    if file.get("opt dns"):
        yield Claim(name, "name server for its clients", yes(value=True), place("opt dns"))
    yield from _leases(name, file.get("start"), file.get("end"), place("start"), place("end"))


def _leases(name: str, first: str, last: str, first_at: Place, last_at: Place) -> Iterator[Claim]:
    yield Claim(name, "first lease", first, first_at)
    yield Claim(name, "last lease", last, last_at)


def _hostapd(file: hostapd_conf.HostapdConf, name: str) -> Iterator[Claim]:
    def place(*keys: str) -> Place:
        line = next((line for key in keys if (line := file.line_of(key))), 0)
        return Place(where(f"/etc/hostapd-{name}.conf"), line)

    yield Claim(name, "Wi-Fi mode", "MASTER", place("interface"))
    yield Claim(name, "SSID", file.get("ssid"), place("ssid"))
    if file.get("channel"):
        yield Claim(name, "channel", file.get("channel"), place("channel"))
    none = "WEP" if file.get("wep_key0") else "NONE"
    protection = _PROTECTIONS.get(file.get("wpa"), none)
    yield Claim(name, "protection", protection, place("wpa", "wep_key0", "ssid"))
    for key in ("wpa_passphrase", "sae_password"):
        if file.get(key):
            hidden = comparable(file.get(key).partition("|")[0] if key == "sae_password" else file.get(key))
            yield Claim(name, "passphrase", hidden, place(key), secret=True)


def _station(file: wpa_supplicant_conf.WpaSupplicantConf, name: str) -> Iterator[Claim]:
    """ESF writes one network (formats 6)."""
    here = where(f"/etc/wpa_supplicant-{name}.conf")
    for block in file.networks[:1]:
        yield Claim(name, "SSID", block.get("ssid").strip('"'), Place(here, block.line_of("ssid")))
        psk = block.get("psk")
        if psk.startswith('"'):
            hidden = comparable(psk[1:].removesuffix('"'))
            yield Claim(name, "passphrase", hidden, Place(here, block.line_of("psk")), secret=True)
