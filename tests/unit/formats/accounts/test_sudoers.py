"""Who may become root by sudoers, judged by cvtsudoers; and what is no rule at all."""

from __future__ import annotations

import json
import subprocess

import pytest

from pipeline.formats.accounts.sudoers import parse

RULES = [
    "root ALL=(ALL:ALL) ALL",
    "alice ALL=(ALL) NOPASSWD: ALL",
    "%wheel\tALL=(root) ALL",
    "bob ALL = (www-data) ALL",
    "carol ALL=/bin/ls, (root) NOPASSWD: /bin/true, PASSWD: /bin/false",
    "dave ALL=(ALL) NOPASSWD:ALL, PASSWD:/bin/ls",
    "#1000 ALL=(root) ALL # by number",
    "eve ALL=(root)\\\n  NOPASSWD: ALL",
    "frank, grace ALL=(ALL:ALL) ALL",
    "heidi ALL=(:adm) ALL",
]


def by_cvtsudoers(text: str) -> list[tuple[str, bool]]:
    """User and whether any command may be run as root."""
    done = subprocess.run(
        ["cvtsudoers", "-f", "json", "-e", "-o", "-", "-"], input=text, capture_output=True, text=True, check=True
    )
    found = []
    for specification in json.loads(done.stdout)["User_Specs"]:
        everything = any(
            (("runasusers" not in command and "runasgroups" not in command) or
             any(user.get("username") in ("root", "ALL") for user in command.get("runasusers", [])))
            and any(one.get("command") == "ALL" for one in command["Commands"])
            for command in specification["Cmnd_Specs"]
        )  # fmt: skip
        for user in specification["User_List"]:
            name = user.get("username") or (
                f"%{user['usergroup']}" if "usergroup" in user else f"#{user.get('userid')}"
            )
            found.append((name, everything))
    return found


@pytest.mark.tools
@pytest.mark.parametrize("rule", RULES)
def test_cvtsudoers_agrees(rule: str) -> None:
    grants = parse(f"{rule}\n".encode()).grants
    assert [(grant.who, grant.everything) for grant in grants] == by_cvtsudoers(f"{rule}\n")


@pytest.mark.parametrize(
    ("rule", "password"),
    [
        ("alice ALL=(ALL) NOPASSWD: ALL", False),
        ("alice ALL=(ALL) ALL", True),
        ("alice ALL=(ALL) NOPASSWD: /bin/ls, PASSWD: ALL", True),
        ("alice ALL=(ALL) NOPASSWD: SETENV: ALL", False),
    ],
)
def test_whether_a_password_is_asked_for(rule: str, password: bool) -> None:
    (grant,) = parse(rule.encode()).grants
    assert grant.password is password


def test_aliases_of_users_are_followed() -> None:
    read = parse(b"User_Alias ADMINS = alice, %wheel : OTHERS = bob\nADMINS ALL=(ALL) ALL\nOTHERS ALL=(ALL) ALL\n")
    assert [(grant.who, grant.line) for grant in read.grants] == [("alice", 2), ("%wheel", 2), ("bob", 3)]


def test_includes_and_rootpw() -> None:
    read = parse(
        b"Defaults env_reset\nDefaults:alice rootpw\nDefaults insults, rootpw\n#includedir /etc/sudoers.d\n"
        b'@include "/etc/sudoers.local"\n@includedir /etc/more/\n'
    )
    assert read.rootpw == {"alice", "ALL"}
    assert dict(read.includes) == {"/etc/sudoers.d/*": 4, "/etc/sudoers.local": 5, "/etc/more/*": 6}
    assert read.grants == ()


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"# alice ALL=(ALL) ALL\n", b"alice\n", b"= =\n", b"\xff\xfe\n", b"alice ALL\\"]
)
def test_what_grants_nothing(data: bytes) -> None:
    assert parse(data).grants == ()
