"""Whether the firewall is there after boot, and stays: who could open it again, and IPv6."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.network import interfaces
from pipeline.formats.network.interfaces import Option, Stanza
from pipeline.formats.network.iptables import text as iptables
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, on_esf, read_documents
from pipeline.rules.firewall.packets import IPTABLES
from pipeline.rules.kernel import parameters
from pipeline.rules.looking import harmless, paths
from pipeline.rules.network.interfaces import INTERFACES, network

CUSTOM = "/etc/init.d/firewall_cust"
# Rules for IPv6, and where systems keep them.
_IPV6_RULES = ("/etc/sysconfig/ip6tables", "/etc/iptables/rules.v6")
# Scripts run when an interface comes up or the system starts; each could open what the rules close.
_HOOKS = (
    "/etc/network/if-up.d/*", "/etc/network/if-pre-up.d/*", "/etc/network/if-post-up.d/*", "/etc/network/if-down.d/*",
    "/etc/ppp/ip-up", "/etc/ppp/ip-up.local", "/etc/ppp/ip-up.d/*", "/etc/ppp/ip-down.d/*", "/etc/rc.local",
    "/etc/dhcp/dhclient-enter-hooks.d/*", "/etc/dhcp/dhclient-exit-hooks.d/*", "/etc/cron.d/*", "/etc/crontab",
    "/etc/cron.hourly/*", "/etc/cron.daily/*", "/var/spool/cron/crontabs/*", "/etc/NetworkManager/dispatcher.d/*",
    "/etc/NetworkManager/dispatcher.d/*.d/*", "/etc/networkd-dispatcher/*/*",
    "/etc/profile.d/*",
)  # fmt: skip

# What /etc/network/interfaces may source.
_SOURCED = "/etc/network/interfaces.d/*"

READS = (
    IPTABLES, CUSTOM, INTERFACES, _SOURCED, *_IPV6_RULES, *_HOOKS, "/etc/init.d/firewall", "/etc/init.d/S*firewall",
)  # fmt: skip

_TABLES = re.compile(r"\bip6?tables\b")
_OPENS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:-j|--jump|-g|--goto)[\s=]*['\"]?(?:ACCEPT\b|DNAT\b|REDIRECT\b|\$)"), "lets packets in"),
    (re.compile(r"(?:-P|--policy)\s+\S+\s+(?:ACCEPT\b|['\"]?\$)"), "changes a policy"),
    (re.compile(r"\s(?:-F|--flush|-X|--delete-chain|-D|--delete|-R|--replace|-E)\b"), "takes rules away"),
)
# Commands that say elsewhere what they do to the firewall.
_OPAQUE = re.compile(r"(?:^|[\s;&|(`])(?:ip6?tables-(?:legacy-|nft-)?restore|nft|ufw|firewall-cmd)(?=\s|$)")
_SHELL = re.compile(r"(?:^|[\s;&|(`])(?:eval|source|\.|exec|base64)(?=\s)")


def _custom_script(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Sourced as root after the rules and whenever ESF changes them: it must open nothing (A:188, threats E3)."""
    del layout, expected
    found = document(view, CUSTOM)
    if found is None:
        return Judgement.not_applicable(f"{view.place(CUSTOM)} is not there")
    node = view.node(CUSTOM)
    breaches = list(_openings(found, strict=True))
    if node is not None and node.mode & 0o022:
        breaches.append(Breach(found.path, 0, f"mode {node.mode:04o}: others may write it", "writable by root only"))
    return Judgement.of(breaches, f"{found.path} opens nothing")


def _hooks(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Nothing that runs when the system or an interface comes up opens the firewall (A:113)."""
    del layout, expected
    hooks = tuple(read_documents(view, paths(view, *_HOOKS)))
    breaches = [breach for hook in hooks for breach in _openings(hook, strict=False)]
    files = tuple(read_documents(view, paths(view, INTERFACES, _SOURCED)))
    for file in files:
        breaches += _in_stanzas(file)
    if not hooks and not files:
        return Judgement.not_applicable("nothing runs when an interface comes up")
    return Judgement.of(breaches, f"{len(hooks)} scripts looked through, none opens the firewall")


def _openings(found: Document, *, strict: bool) -> Iterator[Breach]:
    """Commands that open something, or could; `strict`: also those that hide what they do."""
    for number, command in _commands(found.text):
        shown = harmless(command)
        if _OPAQUE.search(command) or (strict and _SHELL.search(command)):
            yield Breach(found.path, number, f"cannot be judged: {shown}", "plain iptables commands")
        elif _TABLES.search(command) or (strict and re.search(r"\$\{?\w+\}?\s+-", command)):
            for pattern, what in _OPENS:
                if pattern.search(command):
                    yield Breach(found.path, number, f"{what}: {shown}", "nothing that opens the firewall")
                    break


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones joined, with the number of the first."""
    held, start = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start if held else number
        body = re.sub(r"(?:^|(?<=\s))#.*", "", line).rstrip()
        held += body.removesuffix("\\") + " "
        if not body.endswith("\\"):
            if held.strip():
                yield start, " ".join(held.split())
            held = ""


def _in_stanzas(file: Document) -> Iterator[Breach]:
    """Commands of interfaces(5)."""
    for item in interfaces.parse(file.text, file.path).items:
        for option in item.body if isinstance(item, Stanza) else ():
            if isinstance(option, Option) and _TABLES.search(option.value):
                for pattern, what in _OPENS:
                    if pattern.search(f" {option.value}"):
                        yield Breach(file.path, option.line, f"{what}: {harmless(option.value)}", "nothing that opens")
                        break


def _ipv6(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The firewall knows IPv4 only; over IPv6 every neighbour would reach what listens (CVE-2017-7649)."""
    del expected
    for file in read_documents(view, _IPV6_RULES):
        if _drops(file):
            return Judgement.passed(f"{file.path} drops what no rule names")
    if any(parameters.on_command_line(view, "ipv6.disable=1")):
        return Judgement.passed("the kernel's command line switches IPv6 off")
    names = ("all", "default", *_spoken(view, layout))
    breaches: list[Breach] = []
    for name in names:
        key = f"net.ipv6.conf.{name}.disable_ipv6"
        setting = parameters.in_effect(view, key)
        if setting is None and name in ("all", "default"):
            breaches.append(Breach("/etc/sysctl.d", 0, f"{key} is not set, and there is no firewall for IPv6", "1"))
        elif setting is not None and setting.value != "1":
            breaches.append(Breach(setting.path, setting.line, f"{key} = {harmless(setting.value)}", "1"))
    if not breaches and parameters.reader(view) is None:
        return Judgement.unverifiable("nothing in the image is seen to apply sysctl settings at boot")
    return Judgement.of(breaches, "IPv6 is off for all interfaces")


def _spoken(view: ImageView, layout: Layout) -> tuple[str, ...]:
    try:
        return network(view, layout).names
    except PipelineError:
        return ()


def _drops(file: Document) -> bool:
    """Whether rules for IPv6 drop by default and accept nothing but answers, ICMP and the loopback."""
    try:
        table = iptables.parse(file.text, file.path, six=True).table("filter")
    except PipelineError:
        return False
    chain = table.chain("INPUT") if table else None
    if table is None or chain is None or chain.policy != "DROP":
        return False
    harmless_rules = (
        rule.value("-i") == "lo"
        or "icmp" in rule.value("-p")
        or any(c.option in ("--state", "--ctstate") and "NEW" not in c.values[0] for c in rule.clauses)
        for name in table.reachable("INPUT")
        for rule in table.of(name)
        if rule.target == "ACCEPT"
    )
    return all(harmless_rules)


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.custom_script",
        title="the custom firewall script opens nothing",
        why="The custom script runs after the rules are loaded, so one line in it opens what they closed.",
        severity=Severity.HIGH,
        documents=("A:113", "A:188"),
        references=("62443 CR 7.7", "CRA I.1(2)(j)"),
        profile="documents",
        check=on_esf(_custom_script),
        remedy="open ports in the console of the golden sample, not in the script",
        enforced_by="firewall",
    ),
    Rule(
        id="firewall.hooks",
        title="no other script opens the firewall",
        why="Scripts that run when an interface comes up can open the firewall again, hours after the boot.",
        severity=Severity.HIGH,
        documents=("A:113", "A:118"),
        references=("62443 CR 7.7",),
        profile="documents",
        check=on_esf(_hooks),
        remedy="take the command out of the script",
    ),
    Rule(
        id="firewall.ipv6",
        title="IPv6 is off, or has a firewall of its own",
        why="IPv4 rules say nothing about IPv6: over it, every service would be open to the local network.",
        severity=Severity.HIGH,
        documents=("A:113", "A:118"),
        references=("CVE-2017-7649", "CIS 4.4.3.1", "62443 CR 7.7"),
        profile="documents",
        check=on_esf(_ipv6),
        remedy="net.ipv6.conf.all.disable_ipv6 = 1 and the same for default",
        enforced_by="firewall",
    ),
)
