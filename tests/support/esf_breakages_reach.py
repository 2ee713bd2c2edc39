"""Breakages of what else opens the firewall, and of what must stay open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from tests.support.esf_breakage import NORTH, Breakage
from tests.support.esf_edits import (
    SNAPSHOT,
    Edit,
    add,
    both,
    gone,
    link,
    mode,
    put,
    remade,
    setting,
    sub,
    swap,
    unset,
    without,
)
from tests.support.esf_places import (
    CUSTOM_SCRIPT,
    KURANET,
    LOADER,
    RESTORED_RULES,
    SSHD,
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


def _reachability() -> Iterator[Breakage]:
    rule = "reachability.ssh"
    yield Breakage("SSH shut out", rule, IPTABLES, sub(IPTABLES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", ""))
    yield Breakage(
        "SSH shut out, told of sshd", rule, SSHD, sub(IPTABLES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", ""), "Port"
    )
    yield Breakage(
        "SSH dropped before it is accepted",
        rule,
        IPTABLES,
        _rule("-A INPUT -p tcp -m tcp --dport 49153 -j DROP"),
        "49153 -j DROP",
    )
    yield Breakage(
        "SSH let in from nobody", rule, IPTABLES, sub(IPTABLES, r"--dport 49153 ", "--dport 49153 -s 127.0.0.0/8 ")
    )
    yield Breakage("SSH on another port", rule, SSHD, sub(SSHD, r"^Port 49153", "Port 49999"), "49999")
    yield Breakage(
        "no interface in use",
        rule,
        KURANET,
        remade(KURANET, lambda data: data.replace(b"EnabledLAN", b"Disabled").replace(b"EnabledWAN", b"Disabled")),
    )
    rule = "reachability.console"
    yield Breakage(
        "the console shut to the VPN", rule, IPTABLES, sub(IPTABLES, r"^-A INPUT [^\n]*10.234.0.0/16[^\n]*\n", "")
    )
    yield Breakage(
        "the console on one interface only",
        rule,
        IPTABLES,
        sub(IPTABLES, r"-A INPUT -s 10.234.0.0/16", "-A INPUT -s 10.234.0.0/16 -i eth0"),
    )
    yield Breakage("the VPN dropped", rule, IPTABLES, _rule("-A INPUT -s 10.0.0.0/8 -j DROP"), "10.0.0.0/8")
    yield Breakage(
        "the console on one interface only, told of it",
        rule,
        KURANET,
        sub(IPTABLES, r"-A INPUT -s 10.234.0.0/16", "-A INPUT -s 10.234.0.0/16 -i eth0"),
        "eth1",
    )
    rule = "reachability.provisioning"
    yield Breakage("nothing gets out", rule, IPTABLES, sub(IPTABLES, r"(\*filter.*?):OUTPUT ACCEPT", r"\1:OUTPUT DROP"))
    yield Breakage(
        "nothing gets out, told of the broker",
        rule,
        SNAPSHOT,
        sub(IPTABLES, r"(\*filter.*?):OUTPUT ACCEPT", r"\1:OUTPUT DROP"),
        "broker-url",
    )
    yield Breakage(
        "the broker's port is shut", rule, IPTABLES, _rule("-A OUTPUT -p tcp -m tcp --dport 8883 -j REJECT"), "REJECT"
    )
    yield Breakage(
        "no names for the broker", rule, IPTABLES, _rule("-A OUTPUT -p udp -m udp --dport 53 -j DROP"), "53 -j DROP"
    )
    yield Breakage(
        "answers are dropped",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n", ""),
    )
    yield Breakage(
        "no way to a broker",
        rule,
        SNAPSHOT,
        remade(KURANET, lambda data: data.replace(b"EnabledWAN", b"EnabledLAN")),
        "broker-url",
    )
    rule = "reachability.leases"
    yield Breakage(
        "leases nobody can ask for",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 67 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "leases nobody can ask for, told of the server",
        rule,
        "/etc/dhcpd-eth0.conf",
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 67 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "names nobody can ask for",
        rule,
        IPTABLES,
        sub(IPTABLES, r"^-A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT\n", ""),
    )
    yield Breakage(
        "the loopback shut",
        "reachability.loopback",
        IPTABLES,
        swap(IPTABLES, _BEFORE, "-A INPUT -i lo -j DROP\n"),
        "-i lo -j DROP",
    )
    shut = sub(RESTORED_RULES, r"^-A INPUT [^\n]*--dport 49153 [^\n]*\n", "-A INPUT -p tcp --dport 22 -j ACCEPT\n")
    yield Breakage("a reset that shuts SSH out", "reachability.after_reset", RESTORED_RULES, shut, ":INPUT")
    yield Breakage("a reset that shuts SSH out, told of sshd", "reachability.after_reset", SSHD, shut, "Port")
    yield Breakage(
        "nothing is brought up",
        "reachability.interface",
        INTERFACES,
        put(INTERFACES, "auto lo\niface lo inet loopback\n"),
        gateway=NORTH,
    )


BREAKAGES = (
    *_other_places(),
    *_reachability(),
)
