"""Unit files as systemd reads them: continuation, comments, and empty assignments that take back."""

from __future__ import annotations

import pytest

from pipeline.formats.boot.systemd_unit import in_effect, parse

UNIT = b"""\
# a comment
[Socket]
ListenStream=22
; another
Accept = no

[Service]
ExecStart=/usr/sbin/sshd \\
# between
  -D \\
  -p 22
Broken line
"""


def test_settings_with_their_lines() -> None:
    found = [(setting.line, setting.section, setting.key, setting.value.split()) for setting in parse(UNIT, "x")]
    assert found == [
        (3, "Socket", "ListenStream", ["22"]),
        (5, "Socket", "Accept", ["no"]),
        (8, "Service", "ExecStart", ["/usr/sbin/sshd", "-D", "-p", "22"]),
    ]


def test_an_empty_value_takes_back_what_came_before() -> None:
    settings = (*parse(UNIT, "unit"), *parse(b"[Socket]\nListenStream=\nListenStream=49153\n", "drop-in"))
    assert [(one.file, one.value) for one in in_effect(settings, "Socket", "ListenStream")] == [("drop-in", "49153")]
    assert in_effect(parse(b"[Socket]\nListenStream=22\nListenStream=\n", "x"), "Socket", "ListenStream") == ()


def test_sections_are_kept_apart() -> None:
    assert in_effect(parse(b"[Unit]\nListenStream=22\n", "x"), "Socket", "ListenStream") == ()


@pytest.mark.parametrize("data", [b"", b"\xff\xff", b"[", b"=", b"a\\", b"[x]\n\\\n"])
def test_what_says_nothing(data: bytes) -> None:
    assert [setting.key for setting in parse(data, "x") if setting.key] == []
