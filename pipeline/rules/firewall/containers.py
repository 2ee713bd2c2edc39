"""Containers: the ports one publishes are open whatever the firewall's INPUT chain says, because Docker translates."""

from __future__ import annotations

from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.firewall.packets import OSGI_CONSOLE, SSH
from pipeline.rules.looking import harmless

CONTAINER = "org.eclipse.kura.container.provider.ContainerInstance"
_EXTERNAL, _ENABLED, _MODE = "container.ports.external", "container.enabled", "container.networking.mode"


@on_snapshot()
def _published(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """No container opens a port that is to be closed (A:113)."""
    del view, layout
    closed = {*expected.closed_ports, SSH, OSGI_CONSOLE}
    containers = [one for one in found.snapshot.instances_of(CONTAINER) if one.text(_ENABLED).lower() == "true"]
    if not containers:
        return Judgement.not_applicable(f"{found.path}: no container is started")
    breaches: list[Breach] = []
    for container in containers:
        for word in container.text(_EXTERNAL).replace(" ", "").split(",") if container.text(_EXTERNAL) else ():
            port = _port(word)
            if port is None:
                shown = f"{harmless(word) or 'an empty word'} is no port, and the container does not start"
                breaches.append(found.breach(container, _EXTERNAL, shown, "ports"))
            elif port in closed:
                breaches.append(found.breach(container, _EXTERNAL, f"opens port {port}", f"not {port}: it is closed"))
        if container.text(_MODE).strip() == "host" and container.text("container.privileged").lower() == "true":
            shown = "a privileged container in the host's network can open any port"
            breaches.append(found.breach(container, _MODE, shown, "bridge, or no privileges"))
    return Judgement.of(breaches, f"{len(containers)} containers, none publishes a port that is closed")


def _port(word: str) -> int | None:
    """As ContainerInstanceOptions.parsePortString reads it: what is behind a colon does not count, nor do hyphens."""
    number = word.replace("-", "").split(":")[0]
    return int(number) if number.isascii() and number.isdigit() else None


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.container_ports",
        title="containers open no port that is closed",
        why="Published ports of containers are opened by the container engine itself, past the firewall's rules.",
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CIS Docker 5.8", "ETSI 5.6-1"),
        profile="documents",
        check=_published,
        remedy="publish another port in the golden sample's console, or take it out of [firewall] closed_ports",
    ),
)
