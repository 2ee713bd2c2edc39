"""What inittab, monit and shell files say, entry by entry with its line."""

from __future__ import annotations

from pipeline.formats.boot import inittab, monitrc, shell_variables


def test_entries_of_inittab() -> None:
    data = (
        b"# 9:2:respawn:/sbin/x\nid:2:initdefault:\n\n"
        b"1:2345:respawn:/sbin/getty 38400 tty1\n::askfirst:-/bin/sh\nhalf:2\n"
    )
    assert [(entry.line, entry.id, entry.action, entry.process) for entry in inittab.entries(data)] == [
        (2, "id", "initdefault", ""),
        (4, "1", "respawn", "/sbin/getty 38400 tty1"),
        (5, "", "askfirst", "-/bin/sh"),
    ]
    assert inittab.entries(b"\xff\xfe") == ()


def test_checks_of_monit() -> None:
    data = (
        b'set daemon 30\n\ncheck process "kura" with pidfile /run/kura\n  start program = "/etc/init.d/kura start"\n'
        b'  # start program = "/bin/no"\nCHECK FILE x with path /x\n  if failed then restart\n'
    )
    assert [(check.line, check.name, check.starts) for check in monitrc.checks(data)] == [
        (3, "kura", ("/etc/init.d/kura", "start")),
        (6, "x", ()),
    ]
    assert monitrc.checks(b"") == ()


def test_assignments_of_a_shell_file() -> None:
    data = b"A=1\n export B='two words' # x\n#C=3\nD=$(date)\nE=a b\nif x; then F=1\n"
    assert [(one.line, one.name, one.value) for one in shell_variables.assignments(data)] == [
        (1, "A", "1"),
        (2, "B", "two words"),
        (4, "D", None),
        (5, "E", None),
    ]
