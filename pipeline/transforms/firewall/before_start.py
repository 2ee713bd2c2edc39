"""The firewall between power-on and the framework's first start, where the snapshot has it (Kura 5.1 and later).

``firewall.service`` loads ``/etc/sysconfig/iptables`` before the framework runs (formats 3.2 and 6), and the vendor's
has port 22 open and the console open to everybody. The framework makes the file anew from its snapshot at every start,
so writing it takes nothing from the snapshot: it only says earlier what the snapshot says. A gateway whose framework
does not start stays closed, and can be reached by SSH.

The rules stand in the framework's own chains, because it empties those and no others when it starts: anywhere else
they would be in force for ever, whatever the console says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.rules import Chain, Rule, Ruleset, Table
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Origin
from pipeline.model.vanilla import Vanilla

IPTABLES = GuestPath("/etc/sysconfig/iptables")
PERSISTENT = GuestPath("/etc/iptables/rules.v4")
"""Where Debian's netfilter-persistent looks; written where the image has it."""

INPUT, OUTPUT = "input-kura", "output-kura"
_POLICIES = {"INPUT": "DROP", "FORWARD": "DROP", "OUTPUT": "ACCEPT"}

# The chains of Kura 5 (formats 6), for an image without a file of its own.
_SKELETON = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:input-kura - [0:0]
:output-kura - [0:0]
:forward-kura - [0:0]
-A INPUT -j input-kura
-A FORWARD -j forward-kura
-A OUTPUT -j output-kura
-A input-kura -j RETURN
-A output-kura -j RETURN
-A forward-kura -j RETURN
COMMIT
"""
# What the framework begins each of its chains with, beside the rules for the loopback and for answers (formats 6).
_ECHO = (
    f"-A {INPUT} -p icmp -m icmp --icmp-type 8 -m state --state NEW,RELATED,ESTABLISHED -j ACCEPT",
    f"-A {OUTPUT} -p icmp -m icmp --icmp-type 0 -m state --state RELATED,ESTABLISHED -j ACCEPT",
)


def boot_rules(rules: Ruleset, vanilla: Vanilla) -> Ruleset:
    """Finished rules of INPUT in the framework's chain, and of the vendor's own file only the chains and their order.

    Nothing is forwarded or translated before the framework has started.
    """
    frame = _vendor(vanilla) or iptables.parse(_SKELETON, "skeleton")
    return Ruleset(tuple(_filled(table, rules) for table in frame.tables))


def entries(rules: Ruleset, vanilla: Vanilla) -> Iterator[FileEntry]:
    """The file that is loaded at boot, wherever the image has it, and the copy a factory reset brings back."""
    content = iptables.render(rules).encode()
    for path in (IPTABLES, PERSISTENT):
        if path == IPTABLES or vanilla.exists(path):
            yield _as_it_was(path, content, Origin("firewall.before_start", f"vanilla image: {path}", "A:113"), vanilla)
    copy = vanilla.layout.restore / IPTABLES.name
    if vanilla.exists(copy):
        yield _as_it_was(copy, content, Origin("firewall.factory_restore", f"vanilla image: {copy}", "A:113"), vanilla)


def _as_it_was(path: GuestPath, content: bytes, origin: Origin, vanilla: Vanilla) -> FileEntry:
    """With the owner and mode of the file it replaces: the framework, which is not root, writes it anew."""
    node = vanilla.tree.get(vanilla.tree.resolve(path)) if vanilla.exists(path) else None
    if node is None:
        return FileEntry(path, content, (origin,))
    return FileEntry(path, content, (origin,), mode=node.mode, uid=node.uid, gid=node.gid)


def _vendor(vanilla: Vanilla) -> Ruleset | None:
    """The vendor's file; None where there is none that the framework's chains are in."""
    content = vanilla.find(IPTABLES)
    if content is None:
        return None
    try:
        rules = iptables.parse(content.decode("utf-8", "replace"), f"vanilla image: {IPTABLES}")
    except PipelineError:
        return None  # it is replaced in any case
    table = rules.table("filter")
    return rules if table is not None and table.chain(INPUT) is not None else None


def _filled(table: Table, rules: Ruleset) -> Table:
    chains = tuple(replace(chain, counters="[0:0]") for chain in table.chains)
    frame = [rule for rule in table.rules if _leads(rule, chains)]
    if table.name != "filter":
        return Table(table.name, chains, tuple(frame))
    given = rules.table("filter")
    inward = [replace(rule, chain=INPUT) for rule in (given.of("INPUT") if given else ())]
    own = [*inward, *(iptables.rule(text) for text in _ECHO)]
    chains = tuple(replace(chain, policy=_POLICIES.get(chain.name, chain.policy)) for chain in chains)
    return Table(table.name, chains, tuple(_ordered(frame, own, chains)))


def _leads(rule: Rule, chains: Iterable[Chain]) -> bool:
    """Whether a rule only leads to another chain or back, for every packet."""
    return [clause.option for clause in rule.clauses] == ["-j"] and (
        rule.target == "RETURN" or any(chain.name == rule.target for chain in chains)
    )


def _ordered(frame: list[Rule], own: list[Rule], chains: Iterable[Chain]) -> Iterator[Rule]:
    """Chain by chain: what leads on, then our rules, then what leads back."""
    for chain in chains:
        here = [rule for rule in frame if rule.chain == chain.name]
        yield from (rule for rule in here if rule.target != "RETURN")
        yield from (rule for rule in own if rule.chain == chain.name)
        yield from (rule for rule in here if rule.target == "RETURN")
