"""The network files of one gateway, and the settings that make its snapshot agree with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.network import hostapd_conf
from pipeline.formats.network.ifcfg import render as render_ifcfg
from pipeline.formats.network.interfaces import render as render_interfaces
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, Origin, Removal
from pipeline.model.line_origins import compared, kept
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.network import (
    agreement,
    cellular,
    further_addresses,
    kura,
    kura_reads,
    leases,
    lines,
    red_hat,
    snapshot_only,
    wifi,
)
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.gateway_adapters import gateway_adapters
from pipeline.transforms.network.golden_files import (
    INTERFACES,
    PEERS,
    PER_INTERFACE,
    GoldenFiles,
    adapters,
    parse,
    where,
)

# Line of the documents' list for each family of files; udhcpd and the PPP secrets are what the list forgets.
_LINES = {"hostapd": "A:192", "wpa_supplicant": "A:191", "dhcpd": "A:190", "udhcpd": "A:190"}
_MAC = re.compile(rb"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")


# Lines of hostapd.conf that are no choice of a gateway's.
_PASSPHRASE = tuple(f"{key}=".encode() for key in hostapd_conf.OWN_KEYS)
_PROTECTION = (b"auth_algs", b"wpa=", b"wpa_key_mgmt", b"wpa_pairwise", b"rsn_pairwise", b"wps_state")


def restore(
    golden: Golden,
    vanilla: Vanilla,
    release: Release,  # noqa: ARG001 - device transforms are called alike; nothing of the network is a release's choice
    gateway: Gateway,
    secrets: GatewaySecrets,
) -> tuple[Layer, tuple[SnapshotSetting, ...]]:
    """The network of one gateway: the golden sample's (A:181 to A:199), with the inventory's words for this one.

    Files of the same families that the image has and this gateway does not need go away, those of disabled interfaces
    among them: they would keep the vendor's default passphrase (formats 6). The factory-restore copies the image has
    are brought to the same state. Where the snapshot alone decides (Kura 5.1 and later), no file is written.

    Raises:
        PipelineError: files that cannot be parsed, files that contradict each other, an inventory that asks for what
            the golden sample gives no ground for; everything found, each with its file.
    """
    if not vanilla.layout.administers_network:
        raise_if_any(_without_network(gateway))
        return Layer(), ()
    if vanilla.layout.network_truth == "snapshot":
        return Layer(), snapshot_only.settings(golden, vanilla.layout, gateway, secrets)
    files = parse(golden, vanilla.layout)
    before = adapters(files)
    problems = list(agreement.disagreements(golden, files, before, vanilla))
    try:
        after = gateway_adapters(gateway, before)
    except PipelineError as error:  # told together with what is wrong in the export
        raise PipelineError.of([*problems, *cellular.problems(files, before), *error.problems]) from None
    problems += cellular.problems(files, after)
    if any(adapter.is_access_point for adapter in after.values()):
        problems += wifi.passphrase_problems(gateway.name, secrets.wifi_passphrase)
    for adapter in after.values():
        if adapter.is_access_point and adapter.enabled:
            problems += kura_reads.own_problems(gateway.name, adapter.ssid, secrets.wifi_passphrase)
    for name, station in files.stations.items():
        if name in after:
            problems += wifi.station_problems(where(f"/etc/wpa_supplicant-{name}.conf"), station, after[name])
    raise_if_any(problems)
    settings = kura.settings(gateway.name, after, secrets.wifi_passphrase)
    live = {entry.path: _attributed(entry, golden, gateway) for entry in _live(files, before, after, vanilla, secrets)}
    gone = further_addresses.moved(before, after)
    written = [entry for entry in live.values() if isinstance(entry, FileEntry)]
    raise_if_any([*_residue(live), *further_addresses.left_behind(written, gone, after)])
    entries = [*live.values(), *_stale(vanilla, live, files), *_restore_copies(vanilla, live)]
    return Layer.of(*entries, *_directories(vanilla, entries)), settings


def contradictions(golden: Golden, vanilla: Vanilla) -> list[Problem]:
    """What in the export contradicts something else in it, or cannot be read; `restore` refuses the same.

    It is the same for all gateways, and can be told before anything is built.
    """
    if vanilla.layout.network_truth != "files":
        return []
    try:
        files = parse(golden, vanilla.layout)
        return list(agreement.disagreements(golden, files, adapters(files), vanilla))
    except PipelineError as error:
        return list(error.problems)


def _without_network(gateway: Gateway) -> Iterator[Problem]:
    for interface in gateway.interfaces.values():
        yield Problem(
            f"gateway {gateway.name}: interface {interface.name}: this image's installation administers no network",
            "take the interface out of the inventory and give its settings in overlays/, or use an image with network",
        )


def stale_addresses(
    golden: Golden, vanilla: Vanilla, gateway: Gateway, files: Iterable[FileEntry]
) -> Iterator[Problem]:
    """Lines of other files, such as an overlay's, that speak of networks this gateway has moved away from."""
    if vanilla.layout.network_truth == "snapshot":
        before = snapshot_only.golden_adapters(golden, vanilla.layout)
    else:
        before = adapters(parse(golden, vanilla.layout))
    after = gateway_adapters(gateway, before)
    yield from further_addresses.left_behind(files, further_addresses.moved(before, after), after)


def _live(
    files: GoldenFiles,
    before: Mapping[str, Adapter],
    after: Mapping[str, Adapter],
    vanilla: Vanilla,
    secrets: GatewaySecrets,
) -> Iterator[Entry]:
    """The files this gateway's network needs."""
    if files.interfaces is not None:
        yield _file(INTERFACES, lines.interfaces_text(files.interfaces, after), "A:186")
    for path, sourced_file in files.sourced.items():
        yield _file(path, render_interfaces(sourced_file), "A:186")
    for name, file in sorted(files.ifcfg.items()):
        text = render_ifcfg(file) if name not in after else red_hat.ifcfg_text(file, after[name])
        yield _file(red_hat.DIRECTORY / f"ifcfg-{name}", text, "A:186")
    if files.named is not None:
        yield _file(files.named[0], lines.named_text(files.named[1], before, after), "A:185")
    kuranet_path = vanilla.layout.kuranet
    if files.kuranet is not None and kuranet_path is not None:
        yield _file(kuranet_path, kura.kuranet_text(files.kuranet, after), "A:193")
    for name, adapter in sorted(after.items()):
        if not adapter.enabled:
            continue
        if name in files.hostapd and adapter.is_access_point:
            text = wifi.hostapd_text(files.hostapd[name], adapter, secrets.wifi_passphrase)
            yield _file(_path("hostapd", name), text, "A:192", secret=True, mode=0o600)
        if name in files.stations:
            station = files.stations[name]
            secret = bool(station.networks)
            yield _file(
                _path("wpa_supplicant", name), wifi.station_text(station, adapter), "A:191", secret=secret, mode=0o600
            )
        if adapter.leases and name in files.dhcpd:
            yield _file(_path("dhcpd", name), leases.dhcpd_text(files.dhcpd[name], adapter), "A:190")
        if adapter.leases and name in files.udhcpd:
            yield _file(_path("udhcpd", name), leases.udhcpd_text(files.udhcpd[name], adapter), "A:190")
    yield from cellular.entries(files, after)


def _attributed(entry: Entry, golden: Golden, gateway: Gateway) -> Entry:
    """Lines the golden sample's file has too came along; the others are this gateway's own."""
    content = golden.network.get(entry.path)
    if content is None or not isinstance(entry, FileEntry):
        return entry
    document = entry.origins[0].document
    own = Origin("network.interface", f"devices.toml: {gateway.name}", document)
    closed = Origin("network.wifi", where(entry.path), document)

    def owner(line: bytes) -> Origin:
        if line.startswith(_PASSPHRASE):
            return kura.PASSPHRASE
        return closed if line.startswith(_PROTECTION) else own

    return replace(entry, lines=compared(content, entry.content, kept(where(entry.path)), owner))


def _stale(vanilla: Vanilla, live: Mapping[GuestPath, Entry], files: GoldenFiles) -> Iterator[Removal]:
    """Files of the image that belong to interfaces this gateway does not use."""
    tree = vanilla.tree
    for path in tree.children(tree.resolve(GuestPath("/etc"))):
        family = PER_INTERFACE.fullmatch(path)
        if family and path not in live:
            yield Removal(path, (Origin("network.stale", f"vanilla image: {path}", _LINES[family[1]]),))
    for path in tree.children(tree.resolve(red_hat.DIRECTORY)):
        family = red_hat.FILE.fullmatch(red_hat.DIRECTORY / path.name)
        if files.ifcfg and family and family[1] != "lo" and red_hat.DIRECTORY / path.name not in live:
            yield Removal(path, (Origin("network.stale", f"vanilla image: {path}", "A:186"),))
    for path in tree.children(tree.resolve(PEERS)):
        if (re.fullmatch(r"ppp\d+", path.name) or path.name in files.peers) and path not in live:
            yield Removal(path, (Origin("network.stale", f"vanilla image: {path}", "A:245"),))


def _restore_copies(vanilla: Vanilla, live: Mapping[GuestPath, Entry]) -> Iterator[Entry]:
    """A factory reset copies these back: they must not bring the vendor's network back (formats 3)."""
    layout = vanilla.layout
    for path in vanilla.tree.children(vanilla.tree.resolve(layout.restore)):
        source = _restored(path.name, layout.kuranet)
        if source is None:
            continue
        copy = layout.restore / path.name
        origin = Origin("network.factory_restore", f"vanilla image: {copy}", "A:181")
        entry = live.get(source)
        if isinstance(entry, FileEntry):
            yield FileEntry(copy, entry.content, (origin,), mode=entry.mode, secret=entry.secret, lines=entry.lines)
        else:
            yield Removal(copy, (origin,))


def _restored(name: str, kuranet_path: GuestPath | None) -> GuestPath | None:
    """Where a factory reset copies a file to; None for what is not of the network."""
    if name == "interfaces":
        return INTERFACES
    if name == "kuranet.conf":
        return kuranet_path
    if name.startswith("ifcfg-"):
        return red_hat.DIRECTORY / name
    return GuestPath(f"/etc/{name}") if PER_INTERFACE.fullmatch(f"/etc/{name}") else None


def _directories(vanilla: Vanilla, entries: list[Entry]) -> Iterator[DirEntry]:
    """Directories the image does not have yet."""
    needed = {parent for entry in entries if not isinstance(entry, Removal) for parent in entry.path.ancestors()}
    for path in sorted(needed):
        if path != "/" and not vanilla.exists(path):
            yield DirEntry(path, (Origin("network.restore", "golden: network files", "A:243"),))


def _residue(live: Mapping[GuestPath, Entry]) -> list[Problem]:
    """Hardware addresses that are left: each belongs to one device, and these files go to many."""
    return [
        Problem(
            f"{where(entry.path)}: line {_line(entry.content, found.start())}: "
            "holds a hardware address of the golden sample",
            "take it out of the golden sample's file and export again",
        )
        for entry in live.values()
        if isinstance(entry, FileEntry)
        for found in _MAC.finditer(entry.content)
    ]


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _path(family: str, interface: str) -> GuestPath:
    return GuestPath(f"/etc/{family}-{interface}.conf")


def _file(path: GuestPath, text: str, document: str, *, mode: int = 0o644, secret: bool = False) -> FileEntry:
    origin = Origin("network.restore", where(path), document)
    return FileEntry(path, text.encode(), (origin,), mode=mode, secret=secret)
