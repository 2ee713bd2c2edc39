"""Settings of a snapshot that belong to one gateway, in one list for all who ask: what is taken out or made the
gateway's own, what classes an export's things have, what is compared over a fleet and looked for in finished images.

Names and defaults are those of the metatypes in Kura's sources (formats 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MQTT = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"
CLOUD = "org.eclipse.kura.cloud.CloudService"
ECLIPSE_IOT = "org.eclipse.kura.cloudconnection.eclipseiot.mqtt.ConnectionManager"
SPARKPLUG = "org.eclipse.kura.cloudconnection.sparkplug.mqtt.transport.SparkplugDataTransport"
SPARKPLUG_DEVICE = "org.eclipse.kura.cloudconnection.sparkplug.mqtt.device.SparkplugDevice"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"

INTERFACE = r"[^.]+(?:\.[0-9]+)*"
"""Form of an interface's name in keys: a VLAN or a modem behind any number of hubs has dots (``1-1.4.2``)."""

EAP_LOGIN = ("identity", "anonymous-identity", "password", "keystore.pid", "private-key-name", "client-cert-name",
             "ca-cert-name")  # fmt: skip
"""What an interface logs in with by IEEE 802.1X, below ``config.802-1x.``; Kura reads them from 5.4 on."""


@dataclass(frozen=True)
class OwnSetting:
    """A name of one gateway's own.

    Attributes:
        component: pid or factory's pid; empty for any.
        kind: what it is, in words; two settings of a kind must not be the same on two gateways.
    """

    component: str
    name: str
    kind: str


NAMES = (
    OwnSetting("", "client-id", "MQTT client id"),
    OwnSetting(SPARKPLUG, "client.id", "MQTT client id"),
    OwnSetting(SPARKPLUG, "node.id", "Sparkplug node id"),
    OwnSetting(SPARKPLUG_DEVICE, "device.id", "Sparkplug device id"),
    OwnSetting(CLOUD, "device.custom-name", "name in the cloud"),
    OwnSetting(ECLIPSE_IOT, "device.custom-name", "name in the cloud"),
)

# A secret that is made anew for each gateway; whatever else is a password may be the fleet's.
OWN_SECRET = re.compile(r"console\.password\.value|.*wifi\.master\.passphrase|.*keystore\.password", re.IGNORECASE)


def own_name(name: str, is_instance_of: Callable[[str], bool]) -> str:
    """The kind of a setting that names one gateway; empty for every other.

    Args:
        is_instance_of: whether the setting's component is of a pid or of a factory's pid.
    """
    for own in NAMES:
        if own.name == name and (not own.component or is_instance_of(own.component)):
            return own.kind
    return ""
