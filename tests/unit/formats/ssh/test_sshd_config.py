"""The reader of sshd_config against OpenSSH's rules."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.ssh.sshd_config import SshdConfigError, effective, parse, render, statements
from tests.support.programs.sshd import run_sshd, sshd_says

MAIN = "/etc/ssh/sshd_config"


def read(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Effective values outside Match, as `sshd -T` would list them."""

    def find(pattern: str) -> list[tuple[str, bytes]]:
        return [(name, files[name].encode()) for name in sorted(files) if fnmatch(name, pattern)]

    everywhere = effective(statements(MAIN, files[MAIN].encode(), find)).everywhere
    return {keyword: [" ".join(each.arguments) for each in found] for keyword, found in everywhere.items()}


# Every form here is read by the real sshd too, below.
FORMS = [
    "Port 50000\n",
    "Port=50000\n",
    "Port = 50000\n",
    "Port =50000\n",
    '"Port" 50000\n',
    'Port "50000"\n',
    "pOrT 50000\r\n",
    "  \t Port\t50000   \n",
    "=Port 50000\n",
    "Port 50000 # a comment\n",
    "Port 50000",
    "Port 50000\f\n",
    "Port '50000'\n",
    "#Port 22\nPort 50000\n",
    '"Port 22\nPort 50000\n',
]


@pytest.mark.parametrize("text", FORMS)
def test_every_legal_form_is_understood(text: str) -> None:
    assert read({MAIN: text})["port"] == ["50000"]


@pytest.mark.tools
@pytest.mark.parametrize("text", FORMS)
def test_sshd_reads_the_same_of_every_form(text: str, tmp_path: Path) -> None:
    assert sshd_says({MAIN: text.encode()}, tmp_path)["port"] == ["50000"]


CONFIGURATIONS: list[tuple[str, dict[str, str], str, list[str]]] = [
    ("the first one wins", {MAIN: "PermitRootLogin yes\nPermitRootLogin no\n"}, "permitrootlogin", ["yes"]),
    ("ports add up", {MAIN: "Port 50000\nPort 50001\n"}, "port", ["50000", "50001"]),
    (
        "an alias is the same keyword",
        {MAIN: "ChallengeResponseAuthentication yes\nKbdInteractiveAuthentication no\n"},
        "kbdinteractiveauthentication",
        ["yes"],
    ),
    (
        "a drop-in included first wins",
        {MAIN: "Include sshd_config.d/*.conf\nUsePAM no\n", "/etc/ssh/sshd_config.d/a.conf": "UsePAM yes\n"},
        "usepam",
        ["yes"],
    ),
    (
        "drop-ins go by name",
        {
            MAIN: "Include /etc/ssh/sshd_config.d/*.conf\n",
            "/etc/ssh/sshd_config.d/b.conf": "X11Forwarding yes\n",
            "/etc/ssh/sshd_config.d/a.conf": "X11Forwarding no\n",
        },
        "x11forwarding",
        ["no"],
    ),
    (
        "what a Match block says is not for everybody",
        {MAIN: "Match User nobody\nPermitRootLogin yes\nMatch all\n#\n"},
        "permitrootlogin",
        [],
    ),
    (
        "what is included inside a Match block is not for everybody",
        {MAIN: "Match User nobody\nInclude a\n", "/etc/ssh/a": "PermitRootLogin yes\n"},
        "permitrootlogin",
        [],
    ),
    (
        "a Match block ends with its included file",
        {MAIN: "Include a\nPermitRootLogin no\n", "/etc/ssh/a": "Match User nobody\nX11Forwarding yes\n"},
        "permitrootlogin",
        ["no"],
    ),
]


@pytest.mark.parametrize(("_what", "files", "keyword", "values"), CONFIGURATIONS)
def test_what_is_in_effect(_what: str, files: dict[str, str], keyword: str, values: list[str]) -> None:
    assert read(files).get(keyword, []) == values


@pytest.mark.tools
@pytest.mark.parametrize(("_what", "files", "keyword", "values"), CONFIGURATIONS)
def test_sshd_finds_the_same_in_effect(
    _what: str, files: dict[str, str], keyword: str, values: list[str], tmp_path: Path
) -> None:
    said = sshd_says({name: text.encode() for name, text in files.items()}, tmp_path)[keyword]
    assert said == (values or ["without-password"])


def test_match_blocks_are_kept_apart() -> None:
    text = "Match User a\nPermitRootLogin yes\nMatch Address 10.0.0.0/8\nPermitRootLogin no\nPermitRootLogin yes\n"
    matches = effective(statements(MAIN, text.encode(), lambda _: [])).matches
    assert {match: values["permitrootlogin"][0].arguments for match, values in matches.items()} == {
        ("User a",): ("yes",),
        ("Address 10.0.0.0/8",): ("no",),
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Port\n", "line 1: no argument"),
        ('UsePAM yes\nBanner "open\n', "line 2: a quotation mark"),
        ("Include sshd_config\n", "levels deep"),
    ],
)
def test_what_sshd_would_refuse_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SshdConfigError, match=complaint):
        statements(MAIN, text.encode(), lambda _: [(MAIN, text.encode())])


@pytest.mark.tools
@pytest.mark.parametrize("text", ["Port\n", 'Banner "open\n', "Include /etc/ssh/sshd_config\n"])
def test_sshd_really_refuses_it(text: str, tmp_path: Path) -> None:
    assert run_sshd({MAIN: text.encode()}, tmp_path).returncode != 0


@given(st.binary(max_size=300))
def test_reading_keeps_every_byte(data: bytes) -> None:
    try:
        lines = parse(data)
    except SshdConfigError:
        return
    assert render(lines) == data
