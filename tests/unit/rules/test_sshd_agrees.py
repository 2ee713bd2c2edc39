"""What the rules take to be in force is what the real sshd says, however odd the files; so are the rules' verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry
from pipeline.rules.ssh import sshd
from tests.support.breakages import both, link, put
from tests.support.hardened import a_hardened_view, expected
from tests.support.programs.sshd import run_sshd, sshd_says
from tests.support.programs.sshd_configurations import CONFIGURATIONS, CONNECTIONS, MAIN, A
from tests.support.vanilla import a_vanilla

# What stops sshd from starting; the rules must say so.
REFUSED: dict[str, dict[str, str]] = {
    "a quotation mark not closed": {MAIN: 'Banner "x\n'},
    "no argument": {MAIN: "Port\n"},
    "a port in a Match block": {MAIN: "Match User a\nPort 22\n"},
    "a port there is not": {MAIN: "Port 70000\n"},
    "UsePAM in a Match block": {MAIN: "Match User a\nUsePAM yes\n"},
    "a quoted keyword and an equals sign": {MAIN: '"PermitRootLogin"=no\n'},
    "the same of a port": {MAIN: '"Port"=2222\n'},
    "the same of a keyword nobody hardens": {MAIN: '"X11Forwarding"=no\n'},
    "a value there is not": {MAIN: "PermitRootLogin never\n"},
    "true is not yes": {MAIN: "UsePAM true\n"},
    "a second value": {MAIN: "PasswordAuthentication no maybe\n"},
    "two ports on a line": {MAIN: "Port 22 2222\n"},
    "a wrong value in a Match block": {MAIN: "Match User a\nPasswordAuthentication perhaps\n"},
    "a wrong value behind one that counts": {MAIN: "UsePAM no\nUsePAM maybe\n"},
    "a level there is not": {MAIN: "LogLevel LOUD\n"},
    "a misspelt keyword": {MAIN: "PermitRootLogon no\n"},
    "a circle of includes": {MAIN: f"Include {A}\n", A: f"Include {A}\n"},
}
KEYWORDS = {
    "permitrootlogin": "prohibit-password",
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "pubkeyauthentication": "yes",
    "usepam": "no",
    "authenticationmethods": "any",
}
RULES = {rule.id: rule.check for rule in registry.LINUX}
SAME = {"without-password": "prohibit-password"}


def the_view(files: dict[str, str]) -> ImageView:
    return ImageView.of(a_vanilla(files))


# sshd -T counts "Match all" in, and wants a connection to judge a port by; to the rules both are Match blocks like any
# other, which the next test sees.
@pytest.mark.tools
@pytest.mark.parametrize("name", sorted({*CONFIGURATIONS} - {"Match all", "Match for a port and a network"}))
def test_what_is_in_force(name: str, tmp_path: Path) -> None:
    files = CONFIGURATIONS[name]
    view = the_view(files)
    server = sshd.daemon(view)
    assert server is not None
    assert not server.refused
    said = sshd_says({path: text.encode() for path, text in files.items()}, tmp_path)
    for keyword, default in KEYWORDS.items():
        judge = said[keyword][0].lower()
        assert server.value(keyword, default) == SAME.get(judge, judge), keyword
    listening = {int(line.rpartition(":")[2]) for line in said["listenaddress"]}
    assert {place[0] for place in sshd.listening(view, server) if isinstance(place, tuple)} == listening


@pytest.mark.tools
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_the_rules_pass_nobody_can_get_around(name: str, tmp_path: Path) -> None:
    """Over a matrix of users and addresses: where a rule passes, sshd says the same of every one of them."""
    files = CONFIGURATIONS[name]
    view = the_view(files)
    for rule, wanted in (
        ("ssh.no_root", {"permitrootlogin": "no"}),
        ("ssh.no_passwords", {"passwordauthentication": "no", "kbdinteractiveauthentication": "no"}),
        ("ssh.public_key", {"authenticationmethods": "publickey", "pubkeyauthentication": "yes"}),
    ):
        passes = RULES[rule](view, Expected()).outcome is RuleOutcome.PASS
        seen = [sshd_says({path: text.encode() for path, text in files.items()}, tmp_path, one) for one in CONNECTIONS]
        everywhere = all(said[keyword] == [value] for said in seen for keyword, value in wanted.items())
        assert not passes or everywhere, rule
        # The other way round the rules may be stricter: a Match block nobody of ours falls into still counts.
        assert passes or not everywhere or "Match" in "".join(files.values()), rule


@pytest.mark.tools
@pytest.mark.parametrize("name", REFUSED)
def test_what_sshd_refuses_the_rules_refuse(name: str, tmp_path: Path) -> None:
    files = REFUSED[name]
    assert run_sshd({path: text.encode() for path, text in files.items()}, tmp_path).returncode != 0
    assert RULES["ssh.starts"](the_view(files), Expected()).outcome is RuleOutcome.FAIL


def test_debian_s_init_script_asks_sshd_and_starts_it() -> None:
    script = (
        "#!/bin/sh\ntest -x /usr/sbin/sshd || exit 0\n"
        "( /usr/sbin/sshd -\\? 2>&1 | grep -q OpenSSH ) 2>/dev/null || exit 0\n"
        "if test -f /etc/default/ssh; then . /etc/default/ssh; fi\n[ -d /run/sshd ] || mkdir /run/sshd\n"
        "/usr/sbin/sshd $SSHD_OPTS -t || exit 1\n"
        "start-stop-daemon --start --pidfile /run/sshd.pid --exec /usr/sbin/sshd -- $SSHD_OPTS; then\n"
        "start-stop-daemon --stop --pidfile /run/sshd.pid --exec /usr/sbin/sshd -- -p 22\n"
    )
    view = both(
        put("/etc/init.d/ssh", script, 0o755),
        put("/etc/init.d/other", script, 0o755),
        link("/etc/rc2.d/S01other", "../init.d/other"),
        link("/etc/rc2.d/S01ssh", "../init.d/ssh"),
    )(a_hardened_view())
    assert RULES["ssh.port"](view, expected()).outcome is RuleOutcome.PASS
    assert RULES["ssh.no_root"](view, expected()).outcome is RuleOutcome.PASS
