"""Interfaces that log in by IEEE 802.1X with a key (EAP-TLS): the key's keystore stays behind with the golden sample.

So the name of a key in the snapshot must be that of a key of the gateway's own, which ``[keystores] client_keys`` puts
into the TLS keystore under its alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.errors import Problem
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.model.layout import Layout
from pipeline.model.trust import GatewaySecrets
from pipeline.transforms.network.adapter import Adapter

_KEYSTORE, _KEY, _METHOD = "config.802-1x.keystore.pid", "config.802-1x.private-key-name", "config.802-1x.eap"
_CERTIFICATE = "config.802-1x.client-cert-name"
_WITH_PASSWORD = ("Kura8021xEapPeap", "Kura8021xEapTtls")


def problems(
    gateway: str,
    section: Mapping[str, Mapping[str, str]],
    snapshot: Snapshot,
    adapters: Mapping[str, Adapter],
    layout: Layout,
    secrets: GatewaySecrets,
) -> Iterator[Problem]:
    """Interfaces of one gateway that name a key nobody has given it.

    Args:
        section: what the snapshot says of each interface.
    """
    aliases = {key.alias for key in secrets.client_keys}
    for name, values in sorted(section.items()):
        adapter, alias = adapters.get(name), values.get(_KEY, "").strip()
        if adapter is None or not adapter.enabled or not alias or values.get(_METHOD, "").strip() in _WITH_PASSWORD:
            continue
        certificate = values.get(_CERTIFICATE, "").strip() or alias
        pid = values.get(_KEYSTORE, "").strip()
        service = snapshot.get(pid) if pid else None
        own = service is not None and service.text("keystore.path") == str(layout.cacerts)
        if not own or not {alias, certificate} <= aliases:
            where = f"golden: snapshot: net.interface.{name}.{_KEY}"
            yield Problem(
                f"gateway {gateway}: {where}: {alias!r} of the keystore {pid or 'that is not named'} stays with the "
                "golden sample, so the interface could not log in (A:206)",
                f"name a key of each gateway's own under [[keystores.client_keys]] with the alias {alias}, and let the "
                f"interface use the keystore of {layout.cacerts}; or disable the interface in the inventory",
            )
