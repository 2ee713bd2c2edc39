"""What the files below ``/etc/ppp`` say of each modem, in the words they are compared in (formats 6)."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.network.ppp_peer import PppPeer
from pipeline.model.claim import Claim, Place, comparable
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.golden_files import PEERS, GoldenFiles, where

# Options ESF writes only for values that are not zero.
_NUMBERS = {
    "maxfail": "attempts",
    "idle": "idle time",
    "lcp-echo-interval": "LCP echo interval",
    "lcp-echo-failure": "LCP echo failures",
}


def of_modem(files: GoldenFiles, adapter: Adapter) -> Iterator[Claim]:
    """Everything said of one modem that is used: its peer, the scripts that peer needs, and its log-in."""
    peer = files.peers.get(files.units.get(adapter.name, ""))
    if adapter.kind != "modem" or not adapter.enabled or peer is None:
        return
    name, here = adapter.name, where(PEERS / files.units[adapter.name])
    yield Claim(name, "PPP unit", name.removeprefix("ppp"), Place(where(PEERS / name)))
    yield from _peer(peer, name, here)
    for path in peer.scripts[:1]:  # the second one hangs up
        script = files.scripts.get(path)
        if script is not None and script.apn:
            yield Claim(name, "APN", script.apn, Place(where(path), script.apn_line))
        if script is not None and (dialling := script.dialling) is not None:
            yield Claim(name, "dial string", dialling.send.strip('"'), Place(where(path), dialling.line))
    yield from _passwords(files, peer, name)


def _peer(peer: PppPeer, name: str, here: str) -> Iterator[Claim]:
    def place(option: str) -> Place:
        return Place(here, peer.line_of(option))

    if unit := peer.get("unit"):
        yield Claim(name, "PPP unit", unit[0], place("unit"))
    yield Claim(name, "user", (peer.get("user") or ("",))[0], place("user"))
    for option, about in _NUMBERS.items():
        values = peer.get(option)
        yield Claim(name, about, values[0] if values else "0", place(option))
    for option, value in (("persist", "on"), ("nopersist", "off")):
        if peer.get(option) is not None:
            yield Claim(name, "persistence", value, place(option))


def _passwords(files: GoldenFiles, peer: PppPeer, name: str) -> Iterator[Claim]:
    """Both files may hold a line for the user; they then hold the same password."""
    user = (peer.get("user") or ("",))[0]
    for path, lines in sorted(files.secrets.items()):
        for line in lines:
            if user and line.client == user:
                yield Claim(name, "password", comparable(line.secret), Place(where(path), line.line), secret=True)
