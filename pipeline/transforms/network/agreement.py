"""Whether the golden sample's files say the same of each interface; a disagreement is named with both of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Problem
from pipeline.formats import esf_snapshot
from pipeline.model.golden import Golden
from pipeline.model.layout import Layout
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.network import lines, red_hat, wifi
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.golden_files import INTERFACES, GoldenFiles, where
from pipeline.transforms.network.kura import PID, properties

_REMEDY = "save the interface once in the golden sample's console, so that ESF writes all files anew, and export again"


def disagreements(
    golden: Golden, files: GoldenFiles, adapters: Mapping[str, Adapter], vanilla: Vanilla
) -> Iterator[Problem]:
    """Everything in the export that contradicts something else in it."""
    layout = vanilla.layout
    yield from red_hat.other_family(vanilla, has_interfaces=files.interfaces is not None, has_ifcfg=bool(files.ifcfg))
    yield from red_hat.contradictions(files.ifcfg, adapters, where(layout.kuranet or "kuranet.conf"))
    for adapter in adapters.values():
        yield from _states(files, adapter, layout)
        yield from _dhcp(files, adapter)
    for name, hostapd in sorted(files.hostapd.items()):
        yield from wifi.hostapd_problems(where(f"/etc/hostapd-{name}.conf"), name, hostapd)
    yield from _named(files, adapters, vanilla)
    yield from _snapshot(golden, adapters, layout)


def _states(files: GoldenFiles, adapter: Adapter, layout: Layout) -> Iterator[Problem]:
    """``interfaces`` against ``kuranet.conf``, and the Wi-Fi files against its mode."""
    name, kura = adapter.name, where(layout.kuranet or "kuranet.conf")
    if adapter.kind != "modem" and files.interfaces is not None:
        stanza = files.interfaces.iface(name)
        started = name in files.interfaces.automatic
        if adapter.enabled and stanza is None:
            yield Problem(f"{kura}: {name} is {adapter.state}, but {where(INTERFACES)} has no stanza for it", _REMEDY)
        if stanza is not None and adapter.enabled and not started:
            yield Problem(
                f"{kura}: {name} is {adapter.state}, but {where(INTERFACES)} line {stanza.line} does not start it",
                _REMEDY,
            )
        if not adapter.enabled and started:
            yield Problem(f"{kura}: {name} is disabled, but {where(INTERFACES)} starts it", _REMEDY)
        if files.kuranet is not None and name not in files.kuranet.interfaces:
            yield Problem(f"{where(INTERFACES)}: {name} is configured, but {kura} does not know it", _REMEDY)
    if adapter.enabled and adapter.is_access_point and name not in files.hostapd:
        yield Problem(f"{kura}: {name} is an access point, but the export has no /etc/hostapd-{name}.conf", _REMEDY)
    if adapter.enabled and adapter.wifi_mode == "INFRA" and name not in files.stations:
        yield Problem(
            f"{kura}: {name} is a Wi-Fi client, but the export has no /etc/wpa_supplicant-{name}.conf", _REMEDY
        )


def _dhcp(files: GoldenFiles, adapter: Adapter) -> Iterator[Problem]:
    """The DHCP server against the interface's own address and ``kuranet.conf``."""
    name, server = adapter.name, files.dhcpd.get(adapter.name)
    told = files.kuranet.get(name, "config.dhcpServer4.enabled") if files.kuranet else ""
    if told == "true" and server is None and name not in files.udhcpd:
        yield Problem(
            f"{where('kuranet.conf')}: {name} has a DHCP server, but the export has no /etc/dhcpd-{name}.conf", _REMEDY
        )
    if server is None:
        return
    here = where(f"/etc/dhcpd-{name}.conf")
    if told == "false" and server.enabled:
        yield Problem(f"{here}: enabled, but kuranet.conf has {name} without a DHCP server", _REMEDY)
    if server.interface != name:
        yield Problem(f"{here}: is for interface {server.interface!r}, not {name}", _REMEDY)
    if server.first not in server.subnet or server.last not in server.subnet or server.first > server.last:
        yield Problem(
            f"{here}: range {server.first} to {server.last} does not lie in its subnet {server.subnet}", _REMEDY
        )
    if adapter.address is None or server.subnet != adapter.address.network:
        has = adapter.address or "no address"
        yield Problem(f"{here}: subnet {server.subnet}, but {where(INTERFACES)} gives {name} {has}", _REMEDY)
    elif adapter.address.ip not in server.routers:
        yield Problem(f"{here}: clients are not sent to {adapter.address.ip}, which {name} has", _REMEDY)


def _named(files: GoldenFiles, adapters: Mapping[str, Adapter], vanilla: Vanilla) -> Iterator[Problem]:
    """The name server answers every network that is told to ask it, and finds what it includes."""
    if files.named is None:
        return
    path, conf = files.named
    options = conf.find("options")
    asked = options.find("allow-query") if options else None
    if asked is not None:
        entries = [statement.words[0] for statement in asked.block or () if statement.words]
        answered = [network for entry in entries if (network := lines.network_of(entry)) is not None]
        for name, network in sorted(lines.networks(adapters).items()):
            if adapters[name].pass_dns and "any" not in entries and not any(network.subnet_of(a) for a in answered):
                yield Problem(
                    f"{where(path)}: line {asked.line}: allow-query leaves out {network}, "
                    f"whose DHCP server sends it here (/etc/dhcpd-{name}.conf)",
                    _REMEDY,
                )
    for include in conf.every("include"):
        if len(include.words) == 2 and include.words[1].startswith("/") and not vanilla.exists(include.words[1]):
            yield Problem(
                f"{where(path)}: line {include.line}: includes {include.words[1]}, which the vanilla image has not",
                "add the file as an overlay, or take the line out on the golden sample",
            )


def _snapshot(golden: Golden, adapters: Mapping[str, Adapter], layout: Layout) -> Iterator[Problem]:
    """The snapshot against the files: ESF reads the files at boot, and the snapshot when it is applied again."""
    if not golden.snapshot:
        return  # the snapshot's own transform refuses that
    snapshot = esf_snapshot.read(golden.snapshot, layout.generation, "golden: snapshot").snapshot
    component = snapshot.get(PID) if snapshot else None
    if component is None:
        return
    for name, adapter in sorted(adapters.items()):
        for key, (_, value) in sorted(properties(adapter).items()):
            told = component.get(f"net.interface.{name}.{key}")
            if told is not None and told.text != value:
                yield Problem(
                    f"golden: snapshot: net.interface.{name}.{key} is {told.text!r}, the network files say {value!r}",
                    _REMEDY,
                )
