"""The firewall files of one gateway, and the settings that make its snapshot agree with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.rules import Ruleset
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LineOrigin, Origin
from pipeline.model.layout import Layout
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.firewall import before_start, snapshot_only
from pipeline.transforms.firewall.agreement import disagreements, saved_text
from pipeline.transforms.firewall.custom_script import openings, with_policies
from pipeline.transforms.firewall.lines import line_origins
from pipeline.transforms.firewall.network_facts import NetworkFacts, network_facts, snapshot_network_facts
from pipeline.transforms.firewall.proof import proof
from pipeline.transforms.firewall.rewrite import Wanted, rewrite, without_counters
from pipeline.transforms.firewall.settings import PID, settings
from pipeline.transforms.firewall.snapshot_only import WHERE

IPTABLES = GuestPath("/etc/sysconfig/iptables")
CUSTOM = GuestPath("/etc/init.d/firewall_cust")
KURA_RUNS_SCRIPT = ("A", "B")
"""Generations whose framework runs the custom script after each rewrite of its rules (LinuxFirewall, not in 5.0)."""
IPV6 = GuestPath("/etc/sysctl.d/90-gateway-ipv6.conf")

# ESF's firewall is IPv4 only; what listens would be open to every neighbour over IPv6 (threats E3).
_IPV6_OFF = """\
# The firewall of this gateway knows IPv4 only, so nothing may answer over IPv6.
net.ipv6.conf.all.disable_ipv6 = 1
net.ipv6.conf.default.disable_ipv6 = 1
"""


_IPV6_ON = re.compile(r"\s*-?net[./]ipv6[./]conf[./][^=]+[./]disable_ipv6\s*=\s*0")


def restrict(
    golden: Golden, vanilla: Vanilla, release: Release, gateway: Gateway
) -> tuple[Layer, tuple[SnapshotSetting, ...]]:
    """The firewall of one gateway (A:113, A:114, A:118), proved by walking packets through the finished rules.

    The custom script travels when it opens nothing, and sets the policies that Kura's rewrite leaves out; the
    factory-restore copy gets the same rules. Where the snapshot alone decides (Kura 5.1 and later), the rules are taken
    from it and go back to it; the file that is loaded before the framework starts says the same.

    Raises:
        PipelineError: rules that cannot be parsed, a port that stays open or a door that stays shut, with the rule that
            decides it; a custom script that opens something; everything found.
    """
    layout = vanilla.layout
    if not layout.administers_network:
        off = _file(IPV6, _IPV6_OFF.encode(), "firewall.ipv6", "no firewall is the framework's", "A:113")
        raise_if_any(_ipv6_on(vanilla))
        return Layer.of(off, *_directories(vanilla, [off])), ()
    in_files = layout.network_truth != "snapshot"
    networks = tuple(IPv4Network(network, strict=False) for network in release.firewall.vpn)
    known = Snapshot() if in_files else snapshot_only.read(golden, layout)
    if in_files:
        place, console, where = network_facts(golden, layout, gateway), layout.console_ports, f"golden: {IPTABLES}"
        given = _from_file(golden, layout)
    else:
        place, console, where = (
            snapshot_network_facts(known, gateway),
            snapshot_only.console_ports(known, layout),
            WHERE,
        )
        given = snapshot_only.rules(known)
    wanted = Wanted(release.firewall.closed_ports, console, networks, release.ssh.port)
    rules = without_counters(rewrite(given, wanted, place))
    script = golden.network.get(CUSTOM) if in_files else None
    problems: list[Problem] = [
        Problem(f"gateway {gateway.name}: {problem.what}", problem.remedy)
        for problem in proof(rules, wanted, place, where)
    ]
    if script is not None:
        reread = layout.generation in KURA_RUNS_SCRIPT
        problems += openings(script.decode("utf-8", "replace"), f"golden: {CUSTOM}", reread=reread)
    if in_files:
        problems += disagreements(golden, given, layout, where)
    else:
        booting = before_start.boot_rules(rules, vanilla)
        problems += proof(booting, wanted, place, f"gateway {gateway.name}: before the framework starts")
    problems += _ipv6_on(vanilla)
    raise_if_any(problems)
    lines = line_origins(given, rules, wanted, place, where, gateway.name)
    entries = list(_files(rules, lines, script, vanilla) if in_files else before_start.entries(booting, vanilla))
    entries.append(_file(IPV6, _IPV6_OFF.encode(), "firewall.ipv6", "firewall rules are IPv4 only", "A:113"))
    if in_files:
        told = _translated(settings(rules), golden, layout, place)
    else:
        told = (*settings(rules, translation=False), *snapshot_only.settings(known, place))
    return Layer.of(*entries, *_directories(vanilla, entries)), told


def _translated(
    told: tuple[SnapshotSetting, ...], golden: Golden, layout: Layout, place: NetworkFacts
) -> tuple[SnapshotSetting, ...]:
    """Forwarding and translation in the snapshot's own words where it has any: the file cannot say all of them."""
    known = snapshot_only.read(golden, layout).get(PID) if golden.snapshot else None
    own = snapshot_only.translation(known, place) if known is not None else {}
    return tuple(replace(one, values=(own[one.name],)) if one.name in own else one for one in told)


def _from_file(golden: Golden, layout: Layout) -> Ruleset:
    content = golden.network.get(IPTABLES)
    if content is None:
        raise PipelineError(
            f"golden: {IPTABLES}: missing; the vanilla image's own rules leave ports 8000 and 1450 open",
            "export the golden sample's firewall (A:187)",
        )
    return iptables.parse(saved_text(content, layout), f"golden: {IPTABLES}")


def _ipv6_on(vanilla: Vanilla) -> Iterator[Problem]:
    """Settings of the image that switch IPv6 on again; which of several files wins depends on the init."""
    for path, content in sorted(vanilla.files.items()):
        if path != "/etc/sysctl.conf" and path.parent != "/etc/sysctl.d" and path.parent != "/usr/lib/sysctl.d":
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if path != IPV6 and _IPV6_ON.match(line):
                yield Problem(
                    f"vanilla image: {path}: line {number}: switches IPv6 on, for which the gateway has no firewall",
                    "take the line out of the vanilla image",
                )


def _files(rules: Ruleset, lines: tuple[LineOrigin, ...], script: bytes | None, vanilla: Vanilla) -> Iterator[Entry]:
    content = iptables.render(rules).encode()
    entry = _file(IPTABLES, content, "firewall.restrict", f"golden: {IPTABLES}", "A:187")
    yield replace(entry, lines=lines)
    copy = vanilla.layout.restore / IPTABLES.name
    if vanilla.exists(copy):
        entry = _file(copy, content, "firewall.factory_restore", f"vanilla image: {copy}", "A:113")
        yield replace(entry, lines=lines)
    if vanilla.layout.generation in KURA_RUNS_SCRIPT:
        own, lines = with_policies(script, f"golden: {CUSTOM}")
        rule = "firewall.custom_script" if script is not None else "firewall.stays_closed"
        source = f"golden: {CUSTOM}" if script is not None else "Kura writes its rules without policies"
        yield FileEntry(CUSTOM, own, (Origin(rule, source, "A:188"),), mode=0o755, lines=lines)
    elif script is not None:
        yield FileEntry(CUSTOM, script, (Origin("firewall.custom_script", f"golden: {CUSTOM}", "A:188"),), mode=0o755)


def _file(path: GuestPath, content: bytes, rule: str, source: str, document: str) -> FileEntry:
    return FileEntry(path, content, (Origin(rule, source, document),))


def _directories(vanilla: Vanilla, entries: list[Entry]) -> Iterator[DirEntry]:
    needed = {parent for entry in entries for parent in entry.path.ancestors()}
    for path in sorted(needed):
        if path != "/" and not vanilla.exists(path):
            yield DirEntry(path, (Origin("firewall.restrict", f"golden: {IPTABLES}", "A:243"),))
