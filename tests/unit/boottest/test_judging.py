"""A gateway that keeps its promises passes; each promise broken is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from pipeline.boottest.console_log import ConsoleLog
from pipeline.boottest.judging import judge, not_asked, noticed
from pipeline.boottest.observation import Knocked, Login, Observed
from pipeline.boottest.wire import Answer
from pipeline.errors import PipelineError
from pipeline.model.verdict import Outcome
from tests.support.programs.boottest import HOST_KEY, RULES, a_look, all_answers, an_inside, around, promises, vantage

NEIGHBOUR = ("eth0", "192.168.11.129")
VPN = ("eth1", "10.234.0.2")


def answering(where: tuple[str, str], port: int, answer: Answer) -> Callable[[Observed], Observed]:
    """One port that answers differently to one place."""

    def change(look: Observed) -> Observed:
        spot = vantage(*where)
        knocked = tuple(
            replace(one, answers={**one.answers, port: answer}) if one.vantage == spot else one for one in look.knocked
        )
        assert knocked != look.knocked
        return replace(look, knocked=knocked)

    return change


def inside(**changed: Any) -> Callable[[Observed], Observed]:
    """Something else is seen from within."""
    return lambda look: replace(look, inside=replace(an_inside(), **changed))


def look(**changed: Any) -> Callable[[Observed], Observed]:
    """Something else is seen from outside."""
    return lambda seen: replace(seen, **changed)


def test_a_gateway_that_keeps_its_promises_passes() -> None:
    verdict = judge(promises(), a_look())
    assert verdict.findings == ()
    assert verdict.exit_status == 0
    assert "firewall: 15 ports, 6 sources (the same network, the VPN, elsewhere)" in verdict.checks
    assert "firewall rules in the kernel" in verdict.checks
    assert not_asked(promises(), a_look()) == ()


@pytest.mark.parametrize(
    ("change", "subject", "check", "seen"),
    [
        (look(console=ConsoleLog("gateway", "", ())), "login prompt", "host name", "gateway"),
        (look(console=ConsoleLog(None, "Kernel panic - not syncing", ())), "console", "start", "Kernel panic"),
        (look(banner=""), "port 49153", "SSH", "no answer"),
        (look(banner="220 ProFTPD"), "port 49153", "SSH", "220 ProFTPD"),
        (look(host_keys=frozenset({"ssh-ed25519 AAAAother"})), "port 49153", "host key", "AAAAother"),
        (look(root=Login(entered=True, methods=())), "SSH as root", "refusal", "let in"),
        (look(stranger=Login(entered=True, methods=())), "SSH as a user without a key", "refusal", "let in"),
        (
            look(root=Login(entered=False, methods=("publickey", "password"))),
            "SSH as root",
            "methods",
            "publickey, password",
        ),
        (look(multicast=True), "port 5353", "mDNS", "announces itself"),
        (look(login=Login(entered=False, methods=("publickey",), said="denied")), "identity", "login", "denied"),
        (answering(NEIGHBOUR, 22, Answer.OPEN), "port 22", "the same network", "it answers"),
        (answering(NEIGHBOUR, 80, Answer.REFUSED), "port 80", "192.168.11.129 at eth0", "nobody listens"),
        (answering(NEIGHBOUR, 502, Answer.SILENT), "port 502", "the same network", "silence"),
        (answering(NEIGHBOUR, 49153, Answer.REFUSED), "port 49153", "the same network", "nobody listens"),
        (answering(VPN, 80, Answer.SILENT), "port 80", "the VPN", "silence"),
        (answering(VPN, 8000, Answer.OPEN), "port 8000", "the VPN", "it answers"),
        (answering(VPN, 9443, Answer.REFUSED), "port 9443", "the VPN", "nobody listens"),
        (inside(host_name="gateway"), "host name", "identity", "gateway"),
        (inside(machine_id="f" * 32), "/etc/machine-id", "identity", "another one"),
        (inside(init="systemd"), "process 1", "init", "systemd"),
        (inside(sysrq="1"), "/proc/sys/kernel/sysrq", "value", "1"),
        (inside(processes=frozenset({"avahi-daemon"})), "avahi-daemon", "service", "its process runs"),
        (inside(units={"avahi-daemon": ("enabled", "inactive")}), "avahi-daemon", "service", "enabled"),
        (inside(units={"avahi-daemon": ("masked", "active")}), "avahi-daemon", "service", "active"),
        (inside(udp=frozenset({5353})), "port 5353", "listening", "something"),
        (inside(tcp=frozenset({22, 49153})), "port 22", "listening", "something"),
        (inside(tcp=frozenset()), "port 49153", "listening", "nobody"),
        (inside(accounts={"root": (0, "/bin/sh")}), "technician", "user", "not there"),
        (inside(accounts={"technician": (1501, "/bin/sh")}), "technician", "user", "uid 1501"),
        (
            inside(accounts={"technician": (1500, "/bin/sh"), "guest": (1000, "")}),
            "guest",
            "user",
            "uid 1000, shell (default)",
        ),
        (inside(root=False), "technician", "sudo", "may not"),
        (
            inside(firewall=RULES.replace("COMMIT", "-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT\nCOMMIT")),
            "iptables-save",
            "firewall",
            "8000",
        ),
    ],
)  # fmt: skip
def test_a_broken_promise_is_named(change: Callable[[Observed], Observed], subject: str, check: str, seen: str) -> None:
    verdict = judge(promises(), change(a_look()))
    named = [one for one in verdict.findings if subject in one.subject and check in one.check]
    assert [seen in one.seen for one in named] == [True], verdict.findings
    assert verdict.findings[0].outcome is Outcome.DEVIATION
    assert verdict.exit_status == 1


def test_rules_in_the_kernel_are_compared_both_ways() -> None:
    look = inside(firewall=RULES.replace(" --dport 502 ", " --dport 503 ").replace("-A INPUT -p icmp -j ACCEPT\n", ""))
    told = [(one.expected, one.seen) for one in judge(promises(), look(a_look())).findings]
    assert told == [
        ("closed", "open: tcp 503 from 192.168.11.0/24 at eth0"),
        ("open: tcp 502 from 192.168.11.0/24 at eth0", "closed"),
    ]
    none = judge(promises(), inside(firewall="*nat\nCOMMIT\n")(a_look())).findings
    assert none[0].seen == "open: all 0:65535 from anywhere at any"
    assert len(none) == 4


def test_a_secret_machine_id_is_not_told() -> None:
    verdict = judge(promises(), inside(machine_id="f" * 32)(a_look()))
    assert "f" * 32 not in repr(verdict)
    assert an_inside().machine_id not in repr(verdict)
    assert an_inside().machine_id not in repr(a_look())


@pytest.mark.parametrize(
    "change",
    [
        look(came_up=False, banner="", console=ConsoleLog(None, "", ())),
        look(host_keys=frozenset()),
        look(root=Login(entered=False, methods=(), said="Connection timed out")),
        look(knocked=()),
        look(knocked=tuple(one for one in all_answers(promises()) if one.vantage.outside)),
        look(knocked=tuple(one for one in all_answers(promises()) if not one.vantage.outside)),
        inside(firewall="*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n"),
    ],
)
def test_what_could_not_be_looked_at_is_no_pass(change: Callable[[Observed], Observed]) -> None:
    verdict = judge(promises(), change(a_look()))
    assert {one.outcome for one in verdict.findings} == {Outcome.NOT_LOOKED}
    assert verdict.exit_status == 2


def test_without_verdicts_of_the_firewall_nothing_is_judged() -> None:
    expected = promises(open_ports=None)
    assert judge(expected, a_look()).exit_status == 2


def test_a_place_without_a_way_back_says_nothing() -> None:
    """Silence of the SSH port, which is open to all, shows that the gateway has no route there."""
    far = vantage("eth0", "192.0.2.77")
    silent = Knocked(far, dict.fromkeys((*promises().knocks, 49153), Answer.SILENT))
    seen = replace(a_look(), knocked=tuple(silent if one.vantage == far else one for one in all_answers(promises())))
    assert judge(promises(), seen).exit_status == 0
    near = next(one for one in around()[0].vantages if one.on_link)
    deaf = replace(
        seen, knocked=tuple(replace(silent, vantage=near) if one.vantage == near else one for one in seen.knocked)
    )
    assert {one.subject for one in judge(promises(), deaf).findings} == {"port 49153", "port 502"}


def test_what_nobody_asked_for_is_told() -> None:
    ways = [{"protocol": "udp", "ports": "53", "source": "", "interfaces": ["eth0", "wlan0"]}]
    seen = replace(a_look(), login=None, inside=None, console=ConsoleLog(None, "", ("Raise network interfaces",)))
    left = not_asked(promises(open_ports=ways), seen)
    assert [line.split(":")[0] for line in left] == [
        "inside the gateway",
        "the firewall at wlan0",
        "login prompt",
    ]
    assert noticed(promises(), seen) == ("did not start here, for lack of hardware or not: Raise network interfaces",)
    forbidden = replace(a_look(), inside=replace(an_inside(), firewall=None))
    assert not_asked(promises(), forbidden) == ("firewall rules in the kernel: technician may not read them",)


def test_a_key_the_gateway_made_itself_is_told() -> None:
    """`ssh-keygen -A` at first boot makes the kinds that are missing; nobody can have promised those."""
    seen = replace(a_look(), host_keys=frozenset({HOST_KEY, "ssh-rsa AAAAB3Nza"}))
    assert judge(promises(), seen).passed
    assert noticed(promises(), seen) == ("the SSH server also shows keys that the gateway made itself: ssh-rsa",)
    assert noticed(promises(), a_look()) == ()


@pytest.mark.parametrize("facts", [{"ssh": {}}, {"users": None}, {"open_ports": [{}]}, {"host_keys": 3}])
def test_a_manifest_that_does_not_say_enough_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(PipelineError, match="the manifest's facts do not say what a boot test looks for"):
        promises(**facts)


def test_ways_in_are_told_apart_by_port_source_and_interface() -> None:
    ways = [
        {"protocol": "tcp", "ports": "7000:7002", "source": "", "interfaces": ["wlan+"]},
        {"protocol": "udp", "ports": "53", "source": "", "interfaces": []},
        {"protocol": "tcp", "ports": "", "source": "10.9.9.9", "interfaces": []},
    ]
    expected = promises(open_ports=ways)
    anybody, friend = IPv4Address("192.0.2.1"), IPv4Address("10.9.9.9")
    assert expected.lets_in(7001, anybody, "wlan0")
    assert not expected.lets_in(7001, anybody, "eth0")
    assert not expected.lets_in(7003, anybody, "wlan0")
    assert not expected.lets_in(53, anybody, "eth0")
    assert expected.lets_in(12345, friend, "eth0")
    assert {7000, 7002, 8000, 9443} <= set(expected.knocks)
    assert 49153 not in expected.knocks
