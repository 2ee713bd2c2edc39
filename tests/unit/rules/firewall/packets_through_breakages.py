"""Breakages of the firewall file itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    SNAPSHOT,
    Edit,
    both,
    gone,
    put,
    remade,
    setting,
    sub,
    swap,
)
from tests.support.network import CUSTOM, IPTABLES

_BEFORE = "-A INPUT -i lo -j ACCEPT\n"


def _rule(text: str) -> Edit:
    """A rule put before all others of INPUT."""
    return swap(IPTABLES, _BEFORE, f"{_BEFORE}{text}\n")


def _chain(rules: str) -> Edit:
    return both(swap(IPTABLES, ":INPUT DROP [0:0]\n", ":INPUT DROP [0:0]\n:own - [0:0]\n"), _rule(rules))


def _containers() -> Iterator[Breakage]:
    pid = "org.eclipse.kura.container.provider.ContainerInstance"
    for ports in ("8000:tcp, 9000", "9000,8000", "80-00", "9000, 1450:udp", "22", "web"):
        change = both(
            setting(pid, "container.enabled", "true", "Boolean"), setting(pid, "container.ports.external", ports)
        )
        yield Breakage(
            f"a container with {ports}", "firewall.container_ports", SNAPSHOT, change, "container.ports.external"
        )
    change = both(
        setting(pid, "container.enabled", "true", "Boolean"),
        both(
            setting(pid, "container.networking.mode", "host"), setting(pid, "container.privileged", "true", "Boolean")
        ),
    )
    yield Breakage("a container of the host", "firewall.container_ports", SNAPSHOT, change, "container.networking.mode")


def _firewall() -> Iterator[Breakage]:
    yield from _containers()
    for rule in (
        "firewall.readable",
        "firewall.policy",
        "firewall.restrict",
        "firewall.ssh_22",
        "firewall.console_from_vpn",
        "firewall.osgi_console",
        "firewall.translation",
        "firewall.forward",
    ):
        yield Breakage(f"no firewall ({rule})", rule, IPTABLES, gone(IPTABLES))
    yield Breakage(
        "a chain nobody declared", "firewall.readable", IPTABLES, _rule("-A INPUT -j input-kura"), "input-kura"
    )
    for name, text in (
        ("a list of ports without multiport", "-A INPUT -p tcp --dport 53,67 -j ACCEPT"),
        ("quotation marks of a shell", "-A INPUT -m comment --comment 'dns for lan' -j DROP"),
        ("a port without a protocol", "-A INPUT --dport 53 -j DROP"),
        ("a target of another table", "-A INPUT -j MASQUERADE"),
        ("an interface that goes out", "-A INPUT -o eth0 -j DROP"),
        ("a state there is not", "-A INPUT -m state --state NEWS -j DROP"),
        ("a match there is not", "-A INPUT -m nosuch -j DROP"),
        ("an option without its match", "-A INPUT --state NEW -j DROP"),
        ("a target there is not", "-A INPUT -j DENY"),
        ("a carriage return", "-A INPUT -i eth9 -j DROP\r"),
        ("a comment behind a rule", "-A INPUT -i eth9 -j DROP # ours"),
        ("a rate there is not", "-A INPUT -m limit --limit 5/fortnight -j DROP"),
        ("a service there is not", "-A INPUT -p tcp --dport shh -j DROP"),
        ("a name for an address", "-A INPUT -s gateway.example -j DROP"),
        ("an option twice", "-A INPUT -i eth8 -i eth9 -j DROP"),
        ("a reset for other protocols", "-A INPUT -j REJECT --reject-with tcp-reset"),
        ("a hardware address going out", "-A OUTPUT -m mac --mac-source 02:00:00:00:00:01 -j DROP"),
        ("sixteen ports", f"-A INPUT -p tcp -m multiport --dports {','.join(map(str, range(1, 17)))} -j DROP"),
    ):
        yield Breakage(name, "firewall.readable", IPTABLES, _rule(text), text.split("-A INPUT ")[-1].rstrip("\r"))
    yield Breakage(
        "a blank behind COMMIT",
        "firewall.readable",
        IPTABLES,
        remade(IPTABLES, lambda data: data.replace(b"COMMIT\n", b"COMMIT \n")),
        "COMMIT ",
    )
    yield Breakage(
        "carriage returns",
        "firewall.readable",
        IPTABLES,
        remade(IPTABLES, lambda data: data.replace(b"\n", b"\r\n")),
    )
    yield Breakage(
        "no COMMIT",
        "firewall.readable",
        IPTABLES,
        remade(IPTABLES, lambda data: data.replace(b"COMMIT\n", b"")),
    )
    yield Breakage(
        "a port that is none", "firewall.readable", IPTABLES, _rule("-A INPUT -p tcp --dport 70000 -j ACCEPT"), "70000"
    )
    yield Breakage(
        "no filter table", "firewall.readable", IPTABLES, put(IPTABLES, "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    )
    for name in ("INPUT", "FORWARD"):
        yield Breakage(
            f"{name} accepts",
            "firewall.policy",
            IPTABLES,
            sub(IPTABLES, rf":{name} DROP", f":{name} ACCEPT"),
            f":{name} ACCEPT",
        )
    yield Breakage("no policy of INPUT", "firewall.policy", IPTABLES, sub(IPTABLES, r":INPUT DROP \[0:0\]\n", ""))
    yield from _open_ports()


def _open_ports() -> Iterator[Breakage]:
    closed = "firewall.restrict"
    for text in (
        "-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 1450 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 7000:9000 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 22000,1400:1500 -j ACCEPT",
        "-A INPUT -s 192.168.10.0/24 -p tcp -m tcp --dport 8000 -j ACCEPT",
        "-A INPUT -i eth1 -p tcp -m tcp --dport 8000 -j ACCEPT",
        "-A INPUT -p tcp -m tcp ! --dport 80 -j ACCEPT",
        "-A INPUT -i eth0 -j ACCEPT",
        "-A INPUT -p udp -m udp --dport 1450 -j ACCEPT",
        "-A INPUT -s 10.234.0.0/16 -j ACCEPT",
        "-A INPUT -p tcp -m limit --limit 3/min -j ACCEPT",
        "-A INPUT ! -i eth0 -p tcp --dport 8000 -j ACCEPT",
        "-A INPUT -m conntrack --ctstate INVALID -j ACCEPT",
    ):
        yield Breakage(f"open by {text}", closed, IPTABLES, _rule(text), text)
    yield Breakage(
        "open by a chain of its own",
        closed,
        IPTABLES,
        _chain("-A INPUT -p tcp -j own\n-A own -p tcp --dport 8000 -j ACCEPT"),
        "-A own",
    )
    yield Breakage(
        "open by an inserted rule",
        closed,
        IPTABLES,
        remade(IPTABLES, lambda data: data.replace(b"COMMIT\n", b"-I INPUT -p tcp --dport 8000 -j ACCEPT\nCOMMIT\n")),
        "-I INPUT",
    )
    for text in (
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 1:1024 -s 192.0.2.0/24 -j ACCEPT",
    ):
        yield Breakage(f"SSH's old port by {text}", "firewall.ssh_22", IPTABLES, _rule(text), text)
    for text in (
        "-A INPUT -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A INPUT -s 10.234.0.0/15 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 79:81 -j ACCEPT",
        "-A INPUT -i wlan0 -p tcp -m mac --mac-source 02:00:00:00:00:01 --dport 80 -j ACCEPT",
    ):
        yield Breakage(f"console by {text}", "firewall.console_from_vpn", IPTABLES, _rule(text), text)
    for text in (
        "-A INPUT -p tcp -m tcp --dport 5002 -j ACCEPT",
        "-A INPUT -s 10.234.0.0/16 -p tcp -m tcp --dport 5000:5010 -j ACCEPT",
    ):
        yield Breakage(f"OSGi console by {text}", "firewall.osgi_console", IPTABLES, _rule(text), text)
    for text in (
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80",
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.10.1:80",
        "-A PREROUTING -i eth1 -p tcp -m tcp --dport 8000 -j DNAT --to-destination 192.168.10.5:80",
        "-A PREROUTING -i eth1 -p tcp -j DNAT --to-destination 192.168.10.1",
        "-A PREROUTING -p tcp --dport 9000 -j REDIRECT --to-ports 5000-5010",
    ):
        yield Breakage(
            f"around by {text}",
            "firewall.translation",
            IPTABLES,
            sub(IPTABLES, r"(\*nat\n(?::[^\n]*\n)*)", rf"\1{text}\n"),
            text,
        )
    for text in ("-A FORWARD -i eth1 -o eth0 -j ACCEPT", "-A FORWARD -j ACCEPT"):
        yield Breakage(f"through by {text}", "firewall.forward", IPTABLES, _rule(text), text)


def _by_snapshot(edit: Edit) -> Edit:
    """The same image, where the snapshot decides and the file is in force only until the framework has started."""

    def changed(view: ImageView) -> ImageView:
        assert view.layout is not None
        return edit(replace(view, layout=replace(view.layout, network_truth="snapshot")))

    return changed


def _before_start() -> Iterator[Breakage]:
    rule, head = "firewall.before_start", ":INPUT DROP [0:0]\n"
    for name, edit, at in (
        ("no file", gone(IPTABLES), ""),
        ("no filter table", put(IPTABLES, "*nat\nCOMMIT\n"), ""),
        ("what cannot be loaded", _rule("-A INPUT -j nowhere"), "nowhere"),
        ("everything is let in", swap(IPTABLES, head, ":INPUT ACCEPT [0:0]\n"), ":INPUT"),
        ("everything is forwarded", swap(IPTABLES, ":FORWARD DROP", ":FORWARD ACCEPT"), ":FORWARD"),
        ("port 22", _rule("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"), "--dport 22"),
        ("port 8000 in a range", _rule("-A INPUT -i eth0 -p tcp --dport 7000:9000 -j ACCEPT"), "7000:9000"),
        ("the console", _rule("-A INPUT -i eth0 -p tcp --dport 80 -j ACCEPT"), "-i eth0 -p tcp --dport 80"),
        ("the OSGi console", _rule("-A INPUT -p tcp --dport 5002 -j ACCEPT"), "--dport 5002"),
        ("SSH is shut", swap(IPTABLES, "--dport 49153", "--dport 49154"), ""),
        (
            "a rule that stays",
            both(swap(IPTABLES, head, f"{head}:input-kura - [0:0]\n"), _rule("-A INPUT -p udp --dport 9 -j ACCEPT")),
            "--dport 9",
        ),
    ):
        yield Breakage(f"before the start: {name}", rule, IPTABLES, _by_snapshot(edit), at)
    persistent = "/etc/iptables/rules.v4"
    opened = put(persistent, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n")
    yield Breakage("before the start: the other file", rule, persistent, _by_snapshot(opened), ":INPUT")


def _saved() -> Iterator[Breakage]:
    """What Kura makes an open port of, or cannot read, when somebody saves the firewall."""
    for text in (
        "-A INPUT -p tcp -m tcp --dport 9000 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 9000 -j LOG",
        "-A INPUT -p tcp -m tcp --dport 9000 -m limit --limit 5/sec -j ACCEPT",
        "-A INPUT ! -s 192.168.10.0/24 -p tcp -m tcp --dport 9000 -j ACCEPT",
        "-A INPUT -d 192.168.10.1/32 -p tcp -m tcp --dport 9000 -j ACCEPT",
        "-A INPUT -p icmp -j ACCEPT",
    ):
        yield Breakage(f"saved: {text}", "firewall.kept_by_kura", IPTABLES, _rule(text), text)
    dnat = "-A PREROUTING -i eth1 -p tcp --dport 8081 -j DNAT --to-destination 192.168.10.9"
    to_nat = sub(IPTABLES, r"(\*nat\n(?::[^\n]*\n)*)", rf"\1{dnat}\n")
    yield Breakage("saved: no port", "firewall.kept_by_kura", IPTABLES, to_nat, dnat)
    stays = "firewall.stays_closed"
    yield Breakage("saved: no custom script", stays, CUSTOM, gone(CUSTOM))
    for chain in ("INPUT", "FORWARD"):
        line = f"iptables -P {chain} DROP"
        yield Breakage(f"saved: no policy of {chain}", stays, CUSTOM, swap(CUSTOM, line, "true"))
    flood = "iptables -I INPUT -p tcp --syn -m connlimit --connlimit-above 20 -j DROP"
    added = remade(CUSTOM, lambda data: data + f"{flood}\n".encode())
    yield Breakage("saved: read as port 0", stays, CUSTOM, added, flood)


BREAKAGES = (*_firewall(), *_before_start(), *_saved())
