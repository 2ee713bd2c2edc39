"""Names a gateway has in a Sparkplug network: client, edge node and devices, each its own.

Their metatypes want a value each, so there is no way to leave them empty as the client id of MqttDataTransport is.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.own_settings import SPARKPLUG, SPARKPLUG_DEVICE
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.layer import Origin
from pipeline.model.setting import SnapshotSetting
from pipeline.model.vanilla import Vanilla


def own_names(golden: Golden, vanilla: Vanilla, gateway: Gateway) -> Iterator[SnapshotSetting]:
    """The gateway's name in the place of the golden sample's; the second device of a node and its like are numbered."""
    snapshot = esf_snapshot.read(golden.snapshot, vanilla.layout.generation, "golden: snapshot").snapshot
    if snapshot is None:
        return
    origin = Origin("snapshot.device_name", f"devices.toml: {gateway.name}", "A:135")
    for transport in snapshot.instances_of(SPARKPLUG):
        for name in ("client.id", "node.id"):
            yield SnapshotSetting(transport.pid, name, "String", (gateway.name,), origin)
    for number, device in enumerate(sorted(snapshot.instances_of(SPARKPLUG_DEVICE), key=lambda one: one.pid), 1):
        own = gateway.name if number == 1 else f"{gateway.name}-{number}"
        yield SnapshotSetting(device.pid, "device.id", "String", (own,), origin)
