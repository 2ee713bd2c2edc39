"""``/etc/network/interfaces`` and ``named.conf`` of one gateway."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from pipeline.formats.network import interfaces, named_conf
from pipeline.transforms.network.adapter import Adapter

# What an address brings with it, and what only fits the golden sample's own hardware.
_ADDRESSING = ("address", "netmask", "gateway", "broadcast", "network", "dns-nameservers")
_DEVICE_UNIQUE = ("hwaddress",)


def interfaces_text(file: interfaces.Interfaces, adapters: Mapping[str, Adapter]) -> str:
    """The file with every changed interface rewritten as ESF does, and no hardware address in any."""
    for name, adapter in sorted(adapters.items()):
        stanza = file.iface(name)
        if stanza is None:
            continue
        if adapter.changed and adapter.enabled:
            stanza = _rewritten(stanza, adapter)
        stanza = interfaces.Stanza(
            stanza.keyword, stanza.words, _without(stanza, _DEVICE_UNIQUE), kura=stanza.kura, line=stanza.line
        )
        started = name in file.automatic if not adapter.changed else adapter.enabled
        # A disabled interface keeps its stanza and loses its start, as ESF leaves it (formats 6).
        file = file.with_iface(stanza, start=started and adapter.enabled)
    return interfaces.render(file)


def _rewritten(stanza: interfaces.Stanza, adapter: Adapter) -> interfaces.Stanza:
    # Behind the ESF mark, an option without it would go to the stanza above in ifupdown's eyes.
    mark = interfaces.KURA_MARK if stanza.kura else ""
    name = adapter.name
    route = interfaces.Option("post-up", f"route del default dev {name}", mark)
    body = [entry for entry in _without(stanza, _ADDRESSING) if entry != route]
    new: list[interfaces.Option] = []
    if adapter.method == "static" and adapter.address:
        new.append(interfaces.Option("address", str(adapter.address.ip), mark))
        new.append(interfaces.Option("netmask", str(adapter.address.netmask), mark))
        if adapter.router:
            new.append(interfaces.Option("gateway", adapter.router, mark))
    if adapter.dns:
        # ESF writes name servers as a comment on purpose: they go into resolv.conf by ESF's own hand (formats 6).
        new.append(interfaces.Option("dns-nameservers", " ".join(adapter.dns), "#"))
    if adapter.method == "dhcp" and adapter.state == "lan":
        new.append(route)
    return interfaces.Stanza("iface", (name, "inet", adapter.method), (*new, *body), kura=stanza.kura, line=stanza.line)


def _without(stanza: interfaces.Stanza, names: tuple[str, ...]) -> tuple[interfaces.Option | interfaces.Remark, ...]:
    return tuple(e for e in stanza.body if not (isinstance(e, interfaces.Option) and e.name in names))


def networks(adapters: Mapping[str, Adapter]) -> dict[str, IPv4Network]:
    """The networks behind the gateway, by interface."""
    return {
        adapter.name: adapter.address.network
        for adapter in adapters.values()
        if adapter.state == "lan" and adapter.address
    }


def named_text(file: named_conf.NamedConf, before: Mapping[str, Adapter], after: Mapping[str, Adapter]) -> str:
    """The file answering the networks of this gateway, and asking the name servers the inventory gives it."""
    old, new = networks(before), networks(after)
    options = file.find("options")
    asked = options.find("allow-query") if options else None
    entries = [statement.words[0] for statement in asked.block or ()] if asked else []
    kept: list[str] = []
    for entry in entries:
        network = network_of(entry)
        owner = next((name for name, net in old.items() if network is not None and net == network), None)
        if owner is None:
            kept.append(entry)
        elif owner in new:
            kept.append(str(new[owner]))
    servers = list(dict.fromkeys(server for a in after.values() if a.changed and a.state == "wan" for server in a.dns))
    forwarders = options.find("forwarders") if options else None
    text = file.text
    # From the end, so that the places of the earlier one stay right.
    edits = [(asked, kept)] if asked and kept != entries else []
    edits += [(forwarders, servers)] if forwarders and servers else []
    for statement, values in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = named_conf.NamedConf(text, ()).with_list(statement, values)
    return text


def entries_of(
    file: named_conf.NamedConf, statement: named_conf.Statement, seen: frozenset[str] = frozenset()
) -> list[str]:
    """Entries of a list, names of ``acl`` statements replaced by what they stand for; what is negated is left out."""
    acls = {acl.words[1]: acl for acl in file.every("acl") if len(acl.words) == 2}
    found: list[str] = []
    for entry in statement.block or ():
        name = entry.words[0] if len(entry.words) == 1 else ""
        if name in acls and name not in seen:
            found += entries_of(file, acls[name], seen | {name})
        elif entry.block is not None and not entry.words:
            found += entries_of(file, entry, seen)
        elif name and not name.startswith("!"):
            found.append(name)
    return found


def network_of(entry: str) -> IPv4Network | None:
    """A network as an access list writes it; None for names and IPv6."""
    try:
        return IPv4Network(entry, strict=False)
    except ValueError:
        return None  # an acl's name, "any", "localhost", an IPv6 network
