"""The network interfaces of an image, by all the places that speak of them (formats 2 and 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.formats.esf import kuranet
from pipeline.formats.esf.esf_snapshot import Configuration
from pipeline.formats.esf.kuranet import Kuranet
from pipeline.formats.network import interfaces
from pipeline.formats.network.interfaces import Stanza
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.rules.esf.installation import Document, children, document
from pipeline.rules.esf.snapshot_file import SnapshotFile, snapshot_file
from pipeline.rules.shared import shared

INTERFACES = "/etc/network/interfaces"
PEERS = "/etc/ppp/peers"
PID = "org.eclipse.kura.net.admin.NetworkConfigurationService"
DISABLED = "netIPv4StatusDisabled"
_ON = frozenset({"netIPv4StatusEnabledLAN", "netIPv4StatusEnabledWAN"})


@dataclass(frozen=True)
class Network:
    """What the image says of its interfaces.

    Attributes:
        file / kura / snapshot: each with its parsed form; None where the image has no such file.
        by_snapshot: the snapshot alone decides (Kura 5.1 and later); the files are made from it.
    """

    file: tuple[Document, interfaces.Interfaces] | None
    kura: tuple[Document, Kuranet] | None
    snapshot: tuple[SnapshotFile, Configuration] | None
    links: tuple[str, ...]
    by_snapshot: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Every interface anybody speaks of, but the loopback; sorted."""
        found = set(self.links)
        if self.file and not self.by_snapshot:
            found |= {stanza.words[0] for stanza in self.file[1].stanzas("iface")} | set(self.file[1].automatic)
        if self.kura:
            found |= set(self.kura[1].interfaces)
        if self.snapshot:
            found |= {name for name in self.snapshot[1].text("net.interfaces").split(",") if name}
        return tuple(sorted(found - {"lo"}))

    def status(self, name: str) -> str:
        """What ESF takes an interface for: kuranet.conf, or the snapshot where it alone decides; empty when unknown."""
        if self.by_snapshot:
            return self.snapshot_status(name)
        return self.kura[1].get(name, "config.ip4.status") if self.kura else ""

    def snapshot_status(self, name: str) -> str:
        """What the snapshot says."""
        return self.snapshot[1].text(f"net.interface.{name}.config.ip4.status") if self.snapshot else ""

    def is_started(self, name: str) -> bool:
        """Whether Linux brings it up at boot."""
        return bool(self.file and not self.by_snapshot and name in self.file[1].automatic)

    def serves(self, name: str) -> bool:
        """Whether a DHCP server's file counts: kuranet.conf decides, and a file it says nothing of is a server's."""
        flag = self.kura[1].get(name, "config.dhcpServer4.enabled") if self.kura else ""
        wifi = bool(
            self.kura and self.kura[1].get(name, "config.wifi.mode")
        )  # of those, a wide network's may serve too
        wide = self.status(name) == "netIPv4StatusEnabledWAN" and not wifi
        return flag.lower() in ("", "true") and not wide and not self.is_disabled(name)

    def is_disabled(self, name: str) -> bool:
        """Whether ESF is told not to use it."""
        return self.status(name) == DISABLED

    @property
    def used(self) -> tuple[str, ...]:
        """Those that will carry packets."""
        return tuple(n for n in self.names if not self.is_disabled(n) and (self.status(n) in _ON or self.is_started(n)))

    @property
    def disabled(self) -> tuple[str, ...]:
        """Those ESF is told not to use."""
        return tuple(name for name in self.names if self.is_disabled(name))

    def stanza(self, name: str) -> Stanza | None:
        """Its IPv4 stanza."""
        return self.file[1].iface(name) if self.file and not self.by_snapshot else None

    def started_at(self, name: str) -> int:
        """Line that starts it."""
        if self.file is None:
            return 0
        found = (
            item.line
            for keyword in {stanza.keyword for stanza in self.file[1].items if isinstance(stanza, Stanza)}
            if keyword == "auto" or keyword.startswith("allow-")
            for item in self.file[1].stanzas(keyword)
            if name in item.words
        )
        return next(found, 0)

    def kura_line(self, name: str) -> int:
        """Line of its state in kuranet.conf."""
        key = f"net.interface.{name}.config.ip4.status"
        return next((entry.line for entry in self.kura[1].entries if entry.key == key), 0) if self.kura else 0

    def is_access_point(self, name: str) -> bool:
        """Whether it offers a Wi-Fi network of its own."""
        mode = self.kura[1].get(name, "config.wifi.mode") if self.kura and not self.by_snapshot else ""
        if not mode and self.snapshot:
            mode = self.snapshot[1].text(f"net.interface.{name}.config.wifi.mode")
        return mode == "MASTER"

    def is_wifi(self, name: str) -> bool:
        """Whether it is Wi-Fi, by what is configured or by its name."""
        kind = self.snapshot[1].text(f"net.interface.{name}.type") if self.snapshot else ""
        return kind == "WIFI" or bool(re.match(r"wl|ath|ra\d", name))


@shared
def network(view: ImageView, layout: Layout) -> Network:
    """Read all places.

    Raises:
        PipelineError: a file its reader would refuse (see network.readable).
    """
    file = document(view, INTERFACES)
    kura = document(view, layout.kuranet) if layout.kuranet else None
    found = snapshot_file(view, layout)
    configuration = found.snapshot.get(PID) if found else None
    return Network(
        (file, interfaces.parse(file.text, file.path)) if file else None,
        (kura, kuranet.parse(kura.text, kura.path)) if kura else None,
        (found, configuration) if found and configuration else None,
        tuple(path.name for path in children(view, PEERS) if re.fullmatch(r"ppp\d+", path.name)),
        layout.network_truth == "snapshot",
    )


def file_of(around: Network, layout: Layout) -> str:
    if around.kura:
        return around.kura[0].path
    return around.snapshot[0].path if around.snapshot else str(layout.snapshots)
