"""The cellular connection of one gateway: ESF's own files below ``/etc/ppp`` (A:189) and the link to them (A:245)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Problem
from pipeline.formats.network import chap_secrets, chat_script, ppp_peer
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Entry, FileEntry, LinkEntry, Origin
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.golden_files import PEERS, GoldenFiles, where


def entries(files: GoldenFiles, adapters: Mapping[str, Adapter]) -> Iterator[Entry]:
    """Peers, scripts, secrets and links of every enabled modem; nothing at all without one."""
    used = [(adapter, files.units[name]) for name, adapter in sorted(adapters.items()) if name in files.units]
    used = [(adapter, peer) for adapter, peer in used if adapter.enabled and peer in files.peers]
    for adapter, name in used:
        peer = files.peers[name]
        yield _file(PEERS / name, ppp_peer.render(peer))
        # The documents write the target in full, and ESF compares it literally (A:246).
        origin = Origin("network.ppp_link", where(PEERS / adapter.name), "A:245")
        yield LinkEntry(PEERS / adapter.name, str(PEERS / name), (origin,))
        for path in peer.scripts:
            script = files.scripts.get(path)
            if script is not None:
                changed = script.with_apn(adapter.apn) if adapter.apn else script
                yield _file(GuestPath(path), chat_script.render(changed))
    if used:
        for secrets_path, lines in sorted(files.secrets.items()):
            yield _file(secrets_path, chap_secrets.render(lines), mode=0o600, secret=True)


def problems(files: GoldenFiles, adapters: Mapping[str, Adapter]) -> Iterator[Problem]:
    """What would keep a modem from dialling."""
    known = {line.client for lines in files.secrets.values() for line in lines}
    for name, adapter in sorted(adapters.items()):
        if adapter.kind != "modem" or not adapter.enabled:
            continue
        peer_name = files.units.get(name)
        peer = files.peers.get(peer_name or "")
        if peer_name is None or peer is None:
            yield Problem(
                f"{where(PEERS / name)}: interface {name} is cellular, but the export has "
                + (
                    f"no {PEERS / peer_name}, which it points to"
                    if peer_name
                    else "neither this link nor a peer for it"
                ),
                "export /etc/ppp of the golden sample completely (A:189), or disable the interface in the inventory",
            )
            continue
        for path in peer.scripts:
            if path not in files.scripts:
                yield Problem(
                    f"{where(PEERS / peer_name)}: needs {path}, which the export does not have",
                    "export /etc/ppp of the golden sample completely (A:189)",
                )
        user = (peer.get("user") or ("",))[0]
        if user and user not in known:
            yield Problem(
                f"{where(PEERS / peer_name)}: user {user!r} has no line in pap-secrets or chap-secrets",
                "export both files of /etc/ppp, or set the connection's password on the golden sample",
            )
        if (
            adapter.changed
            and adapter.apn
            and not any(files.scripts[p].apn for p in peer.scripts if p in files.scripts)
        ):
            yield Problem(
                f"{where(PEERS / peer_name)}: none of its scripts sets an APN, so {adapter.apn!r} has no place",
                "set an APN on the golden sample, or take apn out of the inventory",
            )


def _file(path: GuestPath, text: str, *, mode: int = 0o644, secret: bool = False) -> FileEntry:
    origin = Origin("network.cellular", where(path), "A:189")
    return FileEntry(path, text.encode(), (origin,), mode=mode, secret=secret)
