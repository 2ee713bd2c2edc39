"""What was seen of a running gateway against what its manifest promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.boottest.expectations import Expected, Way, way_of
from pipeline.boottest.inside import Inside
from pipeline.boottest.observation import Knocked, Login, Observed
from pipeline.boottest.wire import Answer
from pipeline.errors import PipelineError
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.network.iptables.rules import ALL_PORTS
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.plan.access_facts import open_ports

_NO_LOGIN = ("/nologin", "/false", "/sync")
_PEOPLE = range(1000, 60000)  # user ids of people, as useradd gives them
_MDNS = 5353
_EVERYTHING = frozenset({Way("", ALL_PORTS, None, ())})  # without rules


@dataclass
class _Judging:
    """A verdict as it grows."""

    findings: list[Finding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def check(self, what: str, findings: Iterator[Finding]) -> None:
        found = list(findings)
        self.findings += found
        if not found:
            self.checks.append(what)


def judge(expected: Expected, observed: Observed) -> Verdict:
    """All findings about one gateway that was started."""
    judging = _Judging()
    judging.check(f"login prompt of {expected.gateway}", _console(expected, observed))
    if observed.came_up:
        judging.check(f"SSH on port {expected.ssh_port} with the manifest's host keys", _ssh(expected, observed))
        if observed.banner:
            judging.check("root and passwords refused", _refusals(observed))
        judging.check(_firewall_words(expected, observed), _firewall(expected, observed))
        judging.check("silent on mDNS's port", _multicast(expected, observed))
    if observed.login is not None:
        judging.check("login with the key", _login(observed.login))
    if observed.inside is not None:
        inside = observed.inside
        judging.check(f"started by {expected.init}", _init(expected, inside))
        judging.check("host name and machine id", _identity(expected, observed.machine_id, inside))
        judging.check(f"{len(expected.disabled)} services off", _services(expected, inside))
        judging.check("users", _users(expected, inside))
        judging.check("sysrq", _sysrq(expected, inside))
        if inside.firewall is not None and expected.ways is not None:
            judging.check("firewall rules in the kernel", _rules(expected, inside.firewall))
    return Verdict(expected.gateway, tuple(judging.findings), tuple(judging.checks))


def not_asked(expected: Expected, observed: Observed) -> tuple[str, ...]:
    """What nobody could look at by the nature of this run; no fault of the gateway, and no pass either."""
    left = []
    if observed.login is None and not observed.banner:
        left.append("inside the gateway: no SSH server to log in to")
    elif observed.login is None:
        left.append("inside the gateway: no --identity to log in with")
    elif observed.inside is not None and observed.inside.firewall is None:
        left.append(f"firewall rules in the kernel: {observed.inside.user} may not read them")
    elsewhere = {name for way in expected.ways or () for name in way.interfaces} - {
        one.vantage.interface for one in observed.knocked
    }
    if elsewhere:
        left.append(f"the firewall at {', '.join(sorted(elsewhere))}: no such interface here")
    if observed.came_up and observed.console.host_name is None:
        left.append("login prompt: none on the serial console")
    return tuple(left)


def noticed(expected: Expected, observed: Observed) -> tuple[str, ...]:
    """What people should know though no promise speaks of it."""
    told = []
    own = sorted(key.split()[0] for key in _foreign_keys(expected, observed, known=False))
    if own:
        told.append(f"the SSH server also shows keys that the gateway made itself: {', '.join(own)}")
    if observed.console.failed:
        told.append(f"did not start here, for lack of hardware or not: {'; '.join(observed.console.failed[:5])}")
    return tuple(told)


def _console(expected: Expected, observed: Observed) -> Iterator[Finding]:
    console = observed.console
    if console.panic:
        yield Finding("console", "start", "a system that starts", console.panic)
    elif not observed.came_up:
        yield Finding("console", "start", "", "neither a login prompt nor SSH in the time given", Outcome.NOT_LOOKED)
    if console.host_name is not None and console.host_name != expected.gateway:
        yield Finding("login prompt", "host name", expected.gateway, console.host_name)


def _ssh(expected: Expected, observed: Observed) -> Iterator[Finding]:
    subject = f"port {expected.ssh_port}"
    if not observed.banner:
        yield Finding(subject, "SSH", "an SSH server", "no answer")
        return
    if not observed.banner.startswith("SSH-2.0-"):
        yield Finding(subject, "SSH", "an SSH server", observed.banner)
    if not observed.host_keys:
        yield Finding(subject, "host key", "", "the server showed none", Outcome.NOT_LOOKED)
    for key in sorted(_foreign_keys(expected, observed, known=True)):
        yield Finding(subject, "host key", "that of the manifest", key)


def _foreign_keys(expected: Expected, observed: Observed, *, known: bool) -> set[str]:
    """Host keys shown that are not the manifest's: of a kind of which it has one (`known`), or of another kind."""
    kinds = {key.split()[0] for key in expected.host_keys}
    return {key for key in observed.host_keys - expected.host_keys if (key.split()[0] in kinds) is known}


def _refusals(observed: Observed) -> Iterator[Finding]:
    for who, login in (("root", observed.root), ("a user without a key", observed.stranger)):
        if login is None or (not login.entered and not login.methods):
            said = login.said if login is not None else "not tried"
            yield Finding(f"SSH as {who}", "refusal", "", said, Outcome.NOT_LOOKED)
        elif login.entered:
            yield Finding(f"SSH as {who}", "refusal", "refused", "let in")
        elif login.methods != ("publickey",):
            yield Finding(f"SSH as {who}", "methods", "publickey", ", ".join(login.methods))


def _login(login: Login) -> Iterator[Finding]:
    if not login.entered:
        yield Finding("SSH with the identity", "login", "let in", login.said)


def _firewall_words(expected: Expected, observed: Observed) -> str:
    counted = [one for one in observed.knocked if _counts(expected, one)]
    places = ", ".join(dict.fromkeys(one.vantage.kind.value for one in counted))
    return f"firewall: {len(expected.knocks) + 1} ports, {len(counted)} sources ({places})"


def _counts(expected: Expected, knocked: Knocked) -> bool:
    """Whether the gateway can answer to that place at all, which the SSH port shows: it is open to everybody."""
    return knocked.vantage.on_link or knocked.answers.get(expected.ssh_port) is Answer.OPEN


def _firewall(expected: Expected, observed: Observed) -> Iterator[Finding]:
    if expected.ways is None:
        yield Finding("firewall", "packets", "", "the manifest says nothing of open ports", Outcome.NOT_LOOKED)
        return
    counted = [one for one in observed.knocked if one.answers and _counts(expected, one)]
    for wanted, what in ((True, "another network than the VPN"), (False, "the VPN")):
        if (wanted or expected.vpn) and not any(one.vantage.outside is wanted for one in counted):
            yield Finding("firewall", "packets", "", f"no packet from {what} reached it", Outcome.NOT_LOOKED)
    for one in counted:
        yield from _packets(expected, one)


def _packets(expected: Expected, one: Knocked) -> Iterator[Finding]:
    where = f"from {one.vantage.kind.value} ({one.vantage.source} at {one.vantage.interface})"
    for port, answer in sorted(one.answers.items()):
        let_in = expected.lets_in(port, one.vantage.source, one.vantage.interface)
        if port == expected.ssh_port and let_in:
            wanted, right = "open", answer is Answer.OPEN
        elif let_in:
            wanted, right = "let in", answer in (Answer.OPEN, Answer.REFUSED)
        else:
            wanted, right = "kept out", answer in (Answer.SILENT, Answer.REJECTED)
        if not right:
            yield Finding(f"port {port}", f"firewall, {where}", wanted, _in_words(answer))


def _in_words(answer: Answer) -> str:
    return {
        Answer.OPEN: "it answers",
        Answer.REFUSED: "let in, though nobody listens",
        Answer.REJECTED: "rejected",
        Answer.SILENT: "silence",
    }[answer]


def _multicast(expected: Expected, observed: Observed) -> Iterator[Finding]:
    if observed.multicast and "avahi-daemon" in expected.disabled:
        yield Finding(f"port {_MDNS}", "mDNS", "silence", "it announces itself")


def _init(expected: Expected, inside: Inside) -> Iterator[Finding]:
    """Those that are not systemd all call themselves init."""
    if (expected.init == "systemd") != (inside.init == "systemd"):
        yield Finding("process 1", "init", expected.init, inside.init)


def _identity(expected: Expected, machine_id: str, inside: Inside) -> Iterator[Finding]:
    if inside.host_name != expected.gateway:
        yield Finding("host name", "identity", expected.gateway, inside.host_name)
    if not machine_id:
        return
    if inside.machine_id != machine_id:
        yield Finding("/etc/machine-id", "identity", "the image's own", "another one")


def _services(expected: Expected, inside: Inside) -> Iterator[Finding]:
    # The kernel keeps fifteen characters of a process's name (proc(5)).
    running = [name for name in expected.disabled if name[:15] in inside.processes]
    for name in running:
        yield Finding(name, "service", "not running", "its process runs")
    for name in expected.disabled:
        enabled, active = inside.units.get(name, ("", ""))
        if enabled in ("enabled", "enabled-runtime", "static") or active in ("active", "activating"):
            yield Finding(name, "service", "disabled and inactive", f"{enabled}, {active}")
    if expected.ssh_port not in inside.tcp:
        yield Finding(f"port {expected.ssh_port}", "listening", "the SSH server", "nobody")
    if 22 in inside.tcp and expected.ssh_port != 22:
        yield Finding("port 22", "listening", "nobody", "something")
    if _MDNS in inside.udp and "avahi-daemon" in expected.disabled:
        yield Finding(f"port {_MDNS}", "listening", "nobody", "something")


def _users(expected: Expected, inside: Inside) -> Iterator[Finding]:
    for user in expected.users:
        seen = inside.accounts.get(user.name)
        if seen is None or seen[0] != user.uid:
            yield Finding(user.name, "user", f"uid {user.uid}", "not there" if seen is None else f"uid {seen[0]}")
    known = {user.name for user in expected.users}
    for name, (uid, shell) in sorted(inside.accounts.items()):
        if uid in _PEOPLE and name not in known and not shell.endswith(_NO_LOGIN):
            yield Finding(name, "user", "no such user", f"uid {uid}, shell {shell or '(default)'}")
    one = next((user for user in expected.users if user.name == inside.user), None)
    if one is not None and (one.sudo == "nopasswd") != inside.root:
        yield Finding(one.name, "sudo", one.sudo, "becomes root without a password" if inside.root else "may not")


def _sysrq(expected: Expected, inside: Inside) -> Iterator[Finding]:
    if expected.sysrq is not None and inside.sysrq != str(expected.sysrq):
        yield Finding("/proc/sys/kernel/sysrq", "value", str(expected.sysrq), inside.sysrq)


def _rules(expected: Expected, running: str) -> Iterator[Finding]:
    """The rules that run open the ports the manifest says, and no others; ICMP has none."""
    try:
        table = iptables.parse(running, "iptables-save").table("filter")
    except PipelineError as error:
        yield Finding("iptables-save", "firewall", "", error.problems[0].what, Outcome.NOT_LOOKED)
        return
    opened = frozenset(way_of(way) for way in open_ports(table)) if table is not None else _EVERYTHING
    wanted = frozenset(expected.ways or ())
    for way in sorted(_words(way) for way in opened - wanted if way.protocol != "icmp"):
        yield Finding("iptables-save", "firewall", "closed", f"open: {way}")
    for way in sorted(_words(way) for way in wanted - opened if way.protocol != "icmp"):
        yield Finding("iptables-save", "firewall", f"open: {way}", "closed")


def _words(way: Way) -> str:
    ports = ",".join(f"{first}" if first == last else f"{first}:{last}" for first, last in way.ports)
    return f"{way.protocol or 'all'} {ports} from {way.source or 'anywhere'} at {', '.join(way.interfaces) or 'any'}"
