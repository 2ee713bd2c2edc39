"""What the rules take to be in force is what the real sshd says, however odd the files; so are the rules' verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry, sshd
from tests.support.sshd import run_sshd, sshd_says
from tests.support.vanilla import a_vanilla

MAIN = "/etc/ssh/sshd_config"
A, B, C = (f"/etc/ssh/sshd_config.d/{name}.conf" for name in ("10-a", "20-b", "30-c"))
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
HARD = (
    "Port 49153\nPermitRootLogin no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
    "AuthenticationMethods publickey\n"
)

CONFIGURATIONS: dict[str, dict[str, str]] = {
    "empty": {MAIN: ""},
    "as the documents ask": {MAIN: HARD},
    "comments only": {MAIN: "#Port 22\n # PermitRootLogin yes\n\n"},
    "two ports": {MAIN: "Port 22\nPort 49153\n"},
    "first value wins": {MAIN: "PermitRootLogin yes\nPermitRootLogin no\nUsePAM yes\nUsePAM no\n"},
    "appended too late": {MAIN: f"PermitRootLogin yes\nPasswordAuthentication yes\n{HARD}"},
    "any case": {MAIN: "pOrT 2222\nPERMITROOTLOGIN YES\nusepam YES\n"},
    "equals signs": {MAIN: "Port=2222\nPermitRootLogin = no\nUsePAM =yes\n"},
    "quotes": {MAIN: '"Port" "2222"\nPermitRootLogin "no"\n"UsePAM" yes\n'},
    "CRLF": {MAIN: "Port 2222\r\nPermitRootLogin no\r\nUsePAM yes\r\n"},
    "tabs and blanks": {MAIN: "\tPort\t2222  \n   PermitRootLogin   no\t\n"},
    "comment behind": {MAIN: "Port 2222 # ours\nPermitRootLogin no # never\n"},
    "no newline at the end": {MAIN: "Port 2222\nPermitRootLogin no"},
    "aliases": {MAIN: "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\nDSAAuthentication no\n"},
    "alias of old": {MAIN: "skeyauthentication yes\nPasswordAuthentication no\n"},
    "drop-in before": {MAIN: f"{INCLUDE}{HARD}", A: "PermitRootLogin yes\n"},
    "drop-in behind": {MAIN: f"{HARD}{INCLUDE}", A: "PermitRootLogin yes\nPasswordAuthentication yes\n"},
    "drop-ins in order": {
        MAIN: INCLUDE,
        B: "PermitRootLogin yes\nUsePAM yes\n",
        A: "PermitRootLogin no\n",
        C: "UsePAM no\n",
    },
    "drop-in with a port": {MAIN: f"{INCLUDE}Port 49153\n", A: "Port 22\n"},
    "relative include": {MAIN: "Include more\nPort 22\n", "/etc/ssh/more": "PermitRootLogin no\nPort 2222\n"},
    "several patterns": {MAIN: f"Include {A} {B}\n", A: "UsePAM yes\n", B: "UsePAM no\nPermitRootLogin no\n"},
    "include of nothing": {MAIN: "Include /etc/ssh/none/*.conf\nPermitRootLogin no\n"},
    "nested includes": {MAIN: f"Include {A}\n", A: f"Include {B}\nPermitRootLogin yes\n", B: "PermitRootLogin no\n"},
    "address with a port": {MAIN: "Port 49153\nListenAddress 127.0.0.1:22\n"},
    "addresses with and without": {MAIN: "Port 49153\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2:2222\n"},
    "IPv6 address with a port": {MAIN: "ListenAddress [::1]:2222\nListenAddress ::1\nPort 49153\n"},
    "address before the port": {MAIN: "ListenAddress 0.0.0.0\nPort 49153\n"},
    "Match at the end": {MAIN: f"{HARD}Match User root\nPermitRootLogin yes\n"},
    "Match for an address": {MAIN: f"{HARD}Match Address 10.0.0.0/8\nPasswordAuthentication yes\n"},
    "Match all": {MAIN: f"{HARD}Match all\nPasswordAuthentication yes\n"},
    "Match in a drop-in ends with it": {MAIN: f"{INCLUDE}{HARD}", A: "Match User nobody\nPasswordAuthentication yes\n"},
    "include inside Match": {MAIN: f"{HARD}Match User root\nInclude {A}\n", A: "PermitRootLogin yes\n"},
    "a wrong line nobody sees": {MAIN: 'Per"mitRootLogin yes\nPermitRootLogin no\n'},
}
# What stops sshd from starting; the rules must say so.
REFUSED: dict[str, dict[str, str]] = {
    "a quotation mark not closed": {MAIN: 'Banner "x\n'},
    "no argument": {MAIN: "Port\n"},
    "a port in a Match block": {MAIN: "Match User a\nPort 22\n"},
    "a port there is not": {MAIN: "Port 70000\n"},
    "UsePAM in a Match block": {MAIN: "Match User a\nUsePAM yes\n"},
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
CONNECTIONS = ("user=root,host=h,addr=10.1.2.3", "user=nobody,host=h,addr=192.0.2.1", "user=a,host=h,addr=::1")
RULES = {rule.id: rule.check for rule in registry.LINUX}
SAME = {"without-password": "prohibit-password"}


def the_view(files: dict[str, str]) -> ImageView:
    return ImageView.of(a_vanilla(files))


# sshd -T counts "Match all" in; to the rules it is a Match block like any other, which the next test sees.
@pytest.mark.tools
@pytest.mark.parametrize("name", [name for name in CONFIGURATIONS if name != "Match all"])
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
