"""The firewall as the snapshot has it: ESF writes its own file anew from these whenever the snapshot is applied."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.esf import firewall_ports
from pipeline.formats.esf.firewall_ports import Nat, OpenPort, PortForward
from pipeline.formats.network.iptables.flat import flat
from pipeline.formats.network.iptables.rules import Rule, Ruleset, Table
from pipeline.formats.network.iptables.text import rule as parse_rule
from pipeline.model.layer import Origin
from pipeline.model.setting import SnapshotSetting

PID = "org.eclipse.kura.net.admin.FirewallConfigurationService"

ORIGIN = Origin("firewall.restrict", "golden: /etc/sysconfig/iptables", "A:113")

# Clauses an entry of firewall.open.ports has a field for, or that say nothing beside them.
_SAYABLE = frozenset({"-p", "-m", "-s", "-i", "--dport", "--dports", "--sport", "--mac-source", "--comment", "-j"})


def settings(ruleset: Ruleset, *, translation: bool = True) -> tuple[SnapshotSetting, ...]:
    """The three properties, equal to what the rules say.

    A rule the properties have no words for is not among them: the file's rules are asked before whether Kura keeps
    each of them (`agreement`).

    Args:
        translation: the rules hold the address translation too; else those two properties are left as they are.
    """
    filtering, nat = ruleset.table("filter"), ruleset.table("nat")
    values = {"firewall.open.ports": firewall_ports.render(entry for _, entry in open_ports(filtering))}
    if translation:
        values["firewall.port.forwarding"] = firewall_ports.render(entry for _, entry in forwards(nat, filtering))
        values["firewall.nat"] = firewall_ports.render(entry for _, entry in translations(nat, filtering))
    return tuple(SnapshotSetting(PID, name, "String", (value,), ORIGIN) for name, value in sorted(values.items()))


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
    """The rules the property has words for, each with its entry; those of Kura 5's own chains too."""
    for rule in flat(table, "INPUT"):
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
    """The rules that lead packets to other hosts, each with its entry, as Kura reads them back.

    What leaves by which interface is in the rule that masquerades (IptablesConfig.restore); without one, the rule that
    lets them through says it.
    """
    for rule in flat(nat, "PREROUTING"):
        target = rule.value("--to-destination")
        if rule.target != "DNAT" or not target:
            continue
        address, _, port = target.partition(":")
        onward = [r for r in flat(filtering, "FORWARD") if host(r.value("-d")) == address and not _is_answer(r)]
        masked = [r for r in flat(nat, "POSTROUTING") if r.target == "MASQUERADE" and host(r.value("-d")) == address]
        yield (
            rule,
            PortForward(
                in_interface=rule.value("-i"),
                out_interface=next((r.value("-o") for r in (*masked, *onward) if r.value("-o")), ""),
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
    """Entries of ``firewall.nat``: Kura takes those rules for such that name a protocol and serve no forwarded port.

    One without a protocol is an interface's ``nat.enabled`` to it, source and destination notwithstanding.
    """
    forwarded = {entry.address for _, entry in forwards(nat, filtering)}
    for rule in flat(nat, "POSTROUTING"):
        out, destination = rule.value("-o"), rule.value("-d")
        if rule.target != "MASQUERADE" or not out or not rule.value("-p") or host(destination) in forwarded:
            continue
        wanted = [(option, rule.value(option)) for option in ("-p", "-s", "-d", "-o")]
        inward = [
            r.value("-i")
            for r in flat(filtering, "FORWARD")
            if not _is_answer(r) and [(option, r.value(option)) for option, _ in wanted] == wanted
        ]
        for name in dict.fromkeys(inward) or [""]:
            yield rule, Nat(name, out, rule.value("-p"), rule.value("-s"), destination, "true")


def _is_answer(rule: Rule) -> bool:
    return rule.get("--state") is not None or rule.get("--ctstate") is not None


def host(text: str) -> str:
    """An address without the length of a single one."""
    return text.removesuffix("/32")
