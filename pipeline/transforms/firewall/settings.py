"""The firewall as the snapshot has it: ESF writes its own file anew from these whenever the snapshot is applied."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.esf import firewall_ports
from pipeline.formats.esf.firewall_ports import Nat, OpenPort, PortForward
from pipeline.formats.network.iptables.rules import Rule, Ruleset, Table
from pipeline.formats.network.iptables.text import rule as parse_rule
from pipeline.model.layer import Origin
from pipeline.model.setting import SnapshotSetting

PID = "org.eclipse.kura.net.admin.FirewallConfigurationService"

# Clauses an entry of firewall.open.ports has a field for, or that say nothing beside them.
_SAYABLE = frozenset({"-p", "-m", "-s", "-i", "--dport", "--dports", "--sport", "--mac-source", "--comment", "-j"})


def settings(ruleset: Ruleset, *, translation: bool = True) -> tuple[SnapshotSetting, ...]:
    """The three properties, equal to what the rules say.

    A rule the properties have no words for (a rate limit, a chain of one's own) stays in the file alone; ESF does not
    know it either, and losing it when the snapshot is applied closes a port and opens none.

    Args:
        translation: the rules hold the address translation too; else those two properties are left as they are.
    """
    origin = Origin("firewall.restrict", "golden: /etc/sysconfig/iptables", "A:113")
    filtering, nat = ruleset.table("filter"), ruleset.table("nat")
    values = {"firewall.open.ports": firewall_ports.render(entry for _, entry in open_ports(filtering))}
    if translation:
        values["firewall.port.forwarding"] = firewall_ports.render(entry for _, entry in forwards(nat, filtering))
        values["firewall.nat"] = firewall_ports.render(entry for _, entry in translations(nat, filtering))
    return tuple(SnapshotSetting(PID, name, "String", (value,), origin) for name, value in sorted(values.items()))


def rule_of(entry: OpenPort) -> Rule:
    """The rule ESF makes of an entry (formats 6)."""
    parts = ["-A INPUT", f"-p {entry.protocol}"]
    parts += [f"-s {entry.network}"] if entry.network else []
    parts += [f"-i {entry.interface}"] if entry.interface else []
    parts += [f"! -i {entry.not_interface}"] if entry.not_interface else []
    parts += [f"-m mac --mac-source {entry.mac}"] if entry.mac else []
    parts += [f"-m {entry.protocol}"]
    parts += [f"--sport {entry.source_ports}"] if entry.source_ports else []
    return parse_rule(" ".join([*parts, f"--dport {entry.ports}", "-j ACCEPT"]))


def open_ports(table: Table | None) -> Iterator[tuple[Rule, OpenPort]]:
    """The rules the property has words for, each with its entry."""
    for rule in table.of("INPUT") if table else ():
        ports = rule.destination_ports()
        names = {clause.option for clause in rule.clauses}
        negated = {clause.option for clause in rule.clauses if clause.negated}
        if rule.target != "ACCEPT" or ports is None or not names <= _SAYABLE or not negated <= {"-i"}:
            continue
        inward = rule.get("-i")
        for first, last in ports:
            yield (
                rule,
                OpenPort(
                    ports=str(first) if first == last else f"{first}:{last}",
                    protocol=rule.value("-p"),
                    network=rule.value("-s"),
                    interface=rule.value("-i"),
                    not_interface=inward.values[0] if inward and inward.negated else "",
                    mac=rule.value("--mac-source"),
                    source_ports=rule.value("--sport"),
                ),
            )


def forwards(nat: Table | None, filtering: Table | None) -> Iterator[tuple[Rule, PortForward]]:
    """The rules that lead packets to other hosts, each with its entry."""
    for rule in nat.of("PREROUTING") if nat else ():
        target = rule.value("--to-destination")
        if rule.target != "DNAT" or not target:
            continue
        address, _, port = target.partition(":")
        onward = [r for r in (filtering.of("FORWARD") if filtering else ()) if _host(r.value("-d")) == address]
        out = next((r.value("-o") for r in onward if r.value("-o")), "")
        masked = any(
            r.target == "MASQUERADE" and _host(r.value("-d")) == address for r in (nat.of("POSTROUTING") if nat else ())
        )
        yield (
            rule,
            PortForward(
                in_interface=rule.value("-i"),
                out_interface=out,
                address=address,
                protocol=rule.value("-p"),
                in_port=rule.value("--dport"),
                out_port=port or rule.value("--dport"),
                masquerade="true" if masked else "false",
                network=rule.value("-s"),
                mac=rule.value("--mac-source"),
                source_ports=rule.value("--sport"),
            ),
        )


def translations(nat: Table | None, filtering: Table | None) -> Iterator[tuple[Rule, Nat]]:
    """Translations with a source; one without is each interface's ``nat.enabled`` and made by ESF itself."""
    for rule in nat.of("POSTROUTING") if nat else ():
        source, out = rule.value("-s"), rule.value("-o")
        if rule.target != "MASQUERADE" or not source or not out:
            continue
        onward = filtering.of("FORWARD") if filtering else ()
        inward = next((r.value("-i") for r in onward if r.value("-s") == source and r.value("-o") == out), "")
        yield rule, Nat(inward, out, rule.value("-p"), source, rule.value("-d"), "true")


def _host(text: str) -> str:
    return text.removesuffix("/32")
