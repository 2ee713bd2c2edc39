"""Breakages of what else opens the firewall, and of what must stay open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    SNAPSHOT,
    Edit,
    add,
    both,
    gone,
    link,
    mode,
    put,
    setting,
    sub,
    swap,
    unset,
    without,
)
from tests.support.esf.places import (
    CUSTOM_SCRIPT,
    LOADER,
    RESTORED_RULES,
)
from tests.support.network import INTERFACES, IPTABLES

FIREWALL = "org.eclipse.kura.net.admin.FirewallConfigurationService"
OPEN = "firewall.open.ports"
_SYSCTL = "/etc/sysctl.d/90-gateway-ipv6.conf"
_BEFORE = "-A INPUT -i lo -j ACCEPT\n"


def _not_started(view: ImageView) -> ImageView:
    links = [path for path in view.tree.nodes if re.fullmatch(r"/etc/rc[S0-9]\.d/S[0-9]+firewall", path)]
    assert links
    return both(*map(gone, links))(view)


def _rule(text: str) -> Edit:
    """A rule put before all others of INPUT."""
    return swap(IPTABLES, _BEFORE, f"{_BEFORE}{text}\n")


def _other_places() -> Iterator[Breakage]:
    rule = "firewall.snapshot"
    for entry in (
        "8000,tcp,,,,,,#",
        "1450,tcp,,eth0,,,,#",
        "7000:9000,tcp,,,,,,#",
        "22,tcp,,,,,,#",
        "80,tcp,,eth0,,,,#",
        "5002,tcp,10.0.0.0/8,,,,,#",
    ):
        yield Breakage(f"the snapshot opens {entry}", rule, SNAPSHOT, setting(FIREWALL, OPEN, entry), OPEN)
    yield Breakage("no firewall in the snapshot", rule, SNAPSHOT, without(FIREWALL))
    yield Breakage("no ports in the snapshot", rule, SNAPSHOT, unset(FIREWALL, OPEN), FIREWALL)
    yield Breakage("ports nobody can read", rule, SNAPSHOT, setting(FIREWALL, OPEN, "8000;80"), OPEN)
    yield Breakage(
        "the snapshot opens more", "firewall.in_step", SNAPSHOT, setting(FIREWALL, OPEN, "4840,tcp,,,,,,#"), OPEN
    )
    yield Breakage(
        "the file opens more",
        "firewall.in_step",
        IPTABLES,
        _rule("-A INPUT -p tcp -m tcp --dport 4840 -j ACCEPT"),
        "4840",
    )
    yield Breakage(
        "the snapshot forgets SSH", "firewall.in_step", IPTABLES, setting(FIREWALL, OPEN, "53,udp,,eth0,,,,#"), "49153"
    )
    for entry in ("eth1,eth0,192.168.10.5,tcp,8080,80,false,,,,#", "eth1,eth0,192.168.10.5,tcp,8000,9000,false,,,,#"):
        yield Breakage(
            f"the snapshot forwards {entry}",
            "firewall.snapshot_forwarding",
            SNAPSHOT,
            setting(FIREWALL, "firewall.port.forwarding", entry),
            "forwarding",
        )
    yield Breakage(
        "a reset opens 8000",
        "firewall.factory_restore",
        RESTORED_RULES,
        swap(RESTORED_RULES, _BEFORE, f"{_BEFORE}-A INPUT -p tcp --dport 8000 -j ACCEPT\n"),
        "8000",
    )
    yield Breakage(
        "a reset to what cannot be loaded",
        "firewall.factory_restore",
        RESTORED_RULES,
        put(RESTORED_RULES, "*filter\n:INPUT MAYBE\nCOMMIT\n"),
        "MAYBE",
    )
    yield Breakage("a reset alone", "firewall.factory_restore", RESTORED_RULES, gone(IPTABLES))
    yield Breakage("nobody loads the firewall", "firewall.loaded", LOADER, gone(LOADER))
    yield Breakage("the firewall is not started", "firewall.loaded", LOADER, _not_started)
    yield Breakage(
        "another file is loaded",
        "firewall.loaded",
        LOADER,
        swap(LOADER, "/etc/sysconfig/iptables", "/etc/iptables.rules"),
    )
    yield Breakage("the loader cannot be run", "firewall.loaded", LOADER, mode(LOADER, 0o644))
    yield from _other_loaders()
    rule = "firewall.custom_script"
    for command in (
        "iptables -I INPUT -p tcp --dport 8000 -j ACCEPT",
        "iptables -P INPUT ACCEPT",
        "iptables -F",
        "iptables -D INPUT 3",
        "iptables -t nat -A PREROUTING -p tcp --dport 1 -j REDIRECT --to-ports 80",
        "iptables-restore < /root/open",
        "IPT=iptables; $IPT -A INPUT -j ACCEPT",
        ". /root/more.sh",
        'eval "$X"',
        "nft flush ruleset",
        "ip6tables -P INPUT ACCEPT",
        "iptables -A INPUT \\\n  -j ACCEPT",
    ):
        yield Breakage(
            f"custom script: {command}",
            rule,
            CUSTOM_SCRIPT,
            add(CUSTOM_SCRIPT, f"{command}\n"),
            command.splitlines()[0],
        )
    yield Breakage("a custom script for all to write", rule, CUSTOM_SCRIPT, mode(CUSTOM_SCRIPT, 0o777))
    rule = "firewall.hooks"
    for path in ("/etc/network/if-up.d/open", "/etc/rc.local", "/etc/ppp/ip-up.d/10open", "/etc/cron.d/open"):
        yield Breakage(f"{path} opens", rule, path, add(path, "#!/bin/sh\niptables -I INPUT -j ACCEPT\n"), "-j ACCEPT")
    yield Breakage(
        "an interface that opens",
        rule,
        INTERFACES,
        sub(INTERFACES, r"(iface eth0 inet [^\n]*\n)", r"\1\tpost-up iptables -I INPUT -j ACCEPT\n"),
        "post-up",
    )
    sourced = "/etc/network/interfaces.d/bridge"
    opens = "iface br0 inet manual\n\tup iptables -I INPUT -j ACCEPT\n"
    yield Breakage("a sourced interface that opens", rule, sourced, put(sourced, opens), "-j ACCEPT")
    yield from _ipv6()


def _other_loaders() -> Iterator[Breakage]:
    """Who comes last wins."""
    rule = "firewall.only_loader"
    opened = put("/etc/iptables/rules.v4", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")
    persistent = "#!/bin/sh\niptables-restore < /etc/iptables/rules.v4\n"
    flush = put("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n}\n")
    for name, edits, script, line in (
        ("a script that loads open rules", opened, persistent, "iptables-restore"),
        ("netfilter-persistent", opened, "#!/bin/sh\n/usr/sbin/netfilter-persistent start\n", "/usr/sbin/netf"),
        ("nftables that flush", flush, "#!/bin/sh\nnft -f /etc/nftables.conf\n", "nft -f"),
        ("a flush of nftables", flush, "#!/bin/sh\nnft flush ruleset\n", "nft flush"),
        ("ufw", flush, "#!/bin/sh\n/lib/ufw/ufw-init start\n", "/lib/ufw"),
        ("firewalld", flush, "#!/bin/sh\nfirewalld --nopid\n", "firewalld"),
    ):
        place = "/etc/init.d/zzother"
        started = link("/etc/rc2.d/S99zzother", place)
        yield Breakage(f"at boot: {name}", rule, place, both(edits, put(place, script, 0o755), started), line)
    dispatcher = "/etc/NetworkManager/dispatcher.d/90-open"
    for path in (dispatcher, "/etc/cron.hourly/open", "/etc/networkd-dispatcher/routable.d/open"):
        script = "#!/bin/sh\niptables -P INPUT ACCEPT\n"
        yield Breakage(f"{path} opens", "firewall.hooks", path, put(path, script, 0o755), "iptables -P")
    yield Breakage(
        "a dispatcher that loads rules",
        "firewall.hooks",
        dispatcher,
        put(dispatcher, "#!/bin/sh\niptables-restore < /etc/iptables/open\n", 0o755),
        "iptables-restore",
    )


def _ipv6() -> Iterator[Breakage]:
    rule = "firewall.ipv6"
    yield Breakage("IPv6 without firewall", rule, "/etc/sysctl.d", gone(_SYSCTL))
    yield Breakage(
        "IPv6 on again later",
        rule,
        "/etc/sysctl.d/99-x.conf",
        put("/etc/sysctl.d/99-x.conf", "net.ipv6.conf.all.disable_ipv6=0\n"),
        "all",
    )
    yield Breakage(
        "IPv6 on for one interface",
        rule,
        "/etc/sysctl.conf",
        add("/etc/sysctl.conf", "net.ipv6.conf.eth0.disable_ipv6 = 0\n"),
        "eth0",
    )
    yield Breakage(
        "IPv6 on for new interfaces",
        rule,
        _SYSCTL,
        sub(_SYSCTL, r"default.disable_ipv6 = 1", "default.disable_ipv6 = 0"),
        "default",
    )
    chains = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    rules = f"*filter\n{chains}-A INPUT -s fe80::/10 -p tcp --dport 80 -j ACCEPT\nCOMMIT\n"
    yield Breakage(
        "IPv6 with a firewall that is open",
        rule,
        "/etc/sysctl.d",
        both(gone(_SYSCTL), put("/etc/sysconfig/ip6tables", rules)),
    )


BREAKAGES = (*_other_places(),)
