"""Whether the golden sample's files say the same of each interface; a disagreement names both places with their lines.

What can be compared is compared claim by claim: `said`, `claims_of_modem` and `claims_of_snapshot` bring the claims of
every place into the same form. What one file needs of another is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Problem
from pipeline.model.claim import Claim, Place, contradictions
from pipeline.model.golden import Golden
from pipeline.model.layout import Layout
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.network import (
    claims_of_modem,
    claims_of_snapshot,
    further_addresses,
    kura_reads,
    lines,
    red_hat,
    said,
    sourced,
    wifi,
)
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.golden_files import INTERFACES, GoldenFiles, serves, where

_REMEDY = "save the interface once in the golden sample's console, so that ESF writes all files anew, and export again"


def disagreements(
    golden: Golden, files: GoldenFiles, adapters: Mapping[str, Adapter], vanilla: Vanilla
) -> Iterator[Problem]:
    """Everything in the export that contradicts something else in it."""
    layout = vanilla.layout
    kura = where(layout.kuranet or "kuranet.conf")
    yield from red_hat.other_family(vanilla, has_interfaces=files.interfaces is not None, has_ifcfg=bool(files.ifcfg))
    yield from sourced.problems(files.interfaces, files.sourced, files.kuranet, kura, vanilla)
    yield from further_addresses.problems(files)
    yield from contradictions(_claims(golden, files, adapters, layout), _REMEDY)
    for adapter in adapters.values():
        yield from _configured(files, adapter, _state_place(files, adapter.name, kura))
        yield from _served(files, adapter, kura)
    for name, hostapd in sorted(files.hostapd.items()):
        yield from wifi.hostapd_problems(where(f"/etc/hostapd-{name}.conf"), name, hostapd)
        yield from kura_reads.access_point_problems(where(f"/etc/hostapd-{name}.conf"), hostapd)
    for name, station in sorted(files.stations.items()):
        yield from kura_reads.station_problems(where(f"/etc/wpa_supplicant-{name}.conf"), station)
    yield from _named(files, adapters, vanilla, kura)


def _claims(golden: Golden, files: GoldenFiles, adapters: Mapping[str, Adapter], layout: Layout) -> Iterator[Claim]:
    """What all places say; the first place that says a thing is the one the others are held against."""
    kura = where(layout.kuranet or "kuranet.conf")
    for adapter in adapters.values():
        yield from said.of_files(files, adapter, kura)
        yield from claims_of_modem.of_modem(files, adapter)
    yield from claims_of_snapshot.of_snapshot(golden, layout.generation, adapters)


def _state_place(files: GoldenFiles, name: str, kura: str) -> Place:
    """Where it is said that an interface is used."""
    return Place(kura, files.kuranet.line_of(name, "config.ip4.status") if files.kuranet else 0)


def _configured(files: GoldenFiles, adapter: Adapter, state: Place) -> Iterator[Problem]:
    """A used interface has its stanza or file, and the files of its kind of radio."""
    name = adapter.name
    wired = adapter.kind != "modem"
    if wired and files.interfaces is not None:
        stanza = files.interfaces.iface(name)
        if adapter.enabled and stanza is None:
            yield Problem(f"{state}: {name} is {adapter.state}, but {where(INTERFACES)} has no stanza for it", _REMEDY)
        if stanza is not None and files.kuranet is not None and name not in files.kuranet.interfaces:
            here = Place(where(INTERFACES), stanza.line)
            yield Problem(f"{here}: {name} is configured, but {state.file} does not know it", _REMEDY)
    if wired and adapter.enabled and files.ifcfg and name not in files.ifcfg:
        yield Problem(f"{state}: {name} is {adapter.state}, but the export has no ifcfg-{name}", _REMEDY)
    if name in files.ifcfg and files.ifcfg[name].get("DEVICE") not in ("", name):
        file = files.ifcfg[name]
        here = Place(where(f"{red_hat.DIRECTORY}/ifcfg-{name}"), file.line_of("DEVICE"))
        yield Problem(f"{here}: is for {file.get('DEVICE')!r}, not {name}", _REMEDY)
    radio = Place(state.file, files.kuranet.line_of(name, "config.wifi.mode")) if files.kuranet else state
    if adapter.enabled and adapter.is_access_point and name not in files.hostapd:
        yield Problem(f"{radio}: {name} is an access point, but the export has no /etc/hostapd-{name}.conf", _REMEDY)
    if adapter.enabled and adapter.wifi_mode == "INFRA" and name not in files.stations:
        yield Problem(
            f"{radio}: {name} is a Wi-Fi client, but the export has no /etc/wpa_supplicant-{name}.conf", _REMEDY
        )


def _served(files: GoldenFiles, adapter: Adapter, kura: str) -> Iterator[Problem]:
    """A DHCP server has its file, is in its interface's network, and sends its clients to a name server that runs."""
    name = adapter.name
    key = "config.dhcpServer4.enabled"
    if files.kuranet and serves(files, name) and files.kuranet.get(name, key):
        told = Place(kura, files.kuranet.line_of(name, key))
        if name not in files.dhcpd and name not in files.udhcpd:
            yield Problem(f"{told}: {name} has a DHCP server, but the export has no /etc/dhcpd-{name}.conf", _REMEDY)
    busybox = files.udhcpd.get(name) if serves(files, name) else None
    if busybox is not None and busybox.get("interface") not in ("", name):
        here = Place(where(f"/etc/udhcpd-{name}.conf"), busybox.line_of("interface"))
        yield Problem(f"{here}: is for interface {busybox.get('interface')!r}, not {name}", _REMEDY)
    server = files.dhcpd.get(name)
    if server is None or not serves(files, name):
        return  # nobody reads a file that was left over

    def place(statement: str) -> Place:
        return Place(where(f"/etc/dhcpd-{name}.conf"), server.lines.get(statement, 0))

    if server.interface != name:
        yield Problem(f"{place('interface')}: is for interface {server.interface!r}, not {name}", _REMEDY)
    if server.first not in server.subnet or server.last not in server.subnet or server.first > server.last:
        yield Problem(
            f"{place('range')}: range {server.first} to {server.last} does not lie in its subnet {server.subnet}",
            _REMEDY,
        )
    for statement, values in (("option domain-name-servers", server.dns), ("option routers", server.routers)):
        if len(values) > 1:
            yield Problem(
                f"{place(statement)}: {len(values)} addresses in one option, at which Kura's reader throws: "
                "it would know nothing of the gateway's network",
                "leave one of them; the gateway itself can ask several name servers",
            )
    if adapter.enabled and adapter.address is None:
        stanza = files.interfaces.iface(name) if files.interfaces else None
        here = Place(where(INTERFACES), stanza.line if stanza else 0)
        yield Problem(f"{place('subnet')}: subnet {server.subnet}, but {here} gives {name} no address", _REMEDY)
    if adapter.enabled and adapter.address and adapter.address.ip in server.dns and files.named is None:
        yield Problem(
            f"{place('option domain-name-servers')}: clients are sent to {adapter.address.ip} for names, "
            "but the export has no named.conf",
            "export the name server's named.conf of the golden sample (A:185), or stop passing DNS on in its console",
        )


def _named(files: GoldenFiles, adapters: Mapping[str, Adapter], vanilla: Vanilla, kura: str) -> Iterator[Problem]:
    """The name server answers every network that is told to ask it, and finds what it includes."""
    if files.named is None:
        return
    path, conf = files.named
    options = conf.find("options")
    asked = options.find("allow-query") if options else None
    if asked is not None:
        entries = lines.entries_of(conf, asked)
        everybody = bool({"any", "localnets"} & {*entries})  # these networks are the gateway's own
        answered = [network for entry in entries if (network := lines.network_of(entry)) is not None]
        for name, network in sorted(lines.networks(adapters).items()):
            if adapters[name].pass_dns and not everybody and not any(network.subnet_of(a) for a in answered):
                yield Problem(
                    f"{Place(where(path), asked.line)}: allow-query leaves out {network}, "
                    f"whose DHCP server sends it here ({_passing(files, name, kura)})",
                    _REMEDY,
                )
    for include in conf.every("include"):
        if len(include.words) == 2 and include.words[1].startswith("/") and not vanilla.exists(include.words[1]):
            yield Problem(
                f"{where(path)}: line {include.line}: includes {include.words[1]}, which is not in the vanilla image",
                "add the file as an overlay, or take the line out on the golden sample",
            )


def _passing(files: GoldenFiles, name: str, kura: str) -> Place:
    """Where clients are told which name server to ask."""
    if name in files.dhcpd:
        line = files.dhcpd[name].lines.get("option domain-name-servers", 0)
        return Place(where(f"/etc/dhcpd-{name}.conf"), line)
    if name in files.udhcpd:
        return Place(where(f"/etc/udhcpd-{name}.conf"), files.udhcpd[name].line_of("opt dns"))
    return Place(kura, files.kuranet.line_of(name, "config.dhcpServer4.passDns") if files.kuranet else 0)
