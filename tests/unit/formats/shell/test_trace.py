"""What a script would run, followed without running it: what is certain, what is not, and what cannot be seen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.formats.shell.expansion import UNKNOWN
from pipeline.formats.shell.run import Ran, System
from pipeline.formats.shell.structure import Lost
from pipeline.formats.shell.syntax import parse
from pipeline.formats.shell.trace import trace, trace_line

RULES = "/etc/sysconfig/iptables"
LOAD = f"iptables-restore < {RULES}\n"


def system(**others: str) -> System:
    files = {f"/{name.replace('__', '/')}": text for name, text in others.items()}

    def exists(kind: str, path: str) -> bool | None:
        if path.startswith("/run/"):
            return None
        return path in files or path == RULES or (kind == "d" and path == "/etc")

    return System(files.get, exists)


def ran(text: str, *arguments: str, **others: str) -> tuple[Ran, ...]:
    return trace("/s", system(s=text, **others), arguments)


def restores(text: str, *arguments: str, **others: str) -> list[tuple[str, bool]]:
    """File and certainty of everything that is loaded."""
    return [
        (item.reads, item.certain) for item in ran(text, *arguments, **others) if item.program == "iptables-restore"
    ]


@pytest.mark.parametrize(
    "text",
    [
        LOAD,
        f"#!/bin/bash\nconfig={RULES}\niptables-restore < $config\n",
        f'config="{RULES}"; readonly config\niptables-restore <"${{config}}"',
        f"cat {RULES} | iptables-restore\n",
        f"if [ -f {RULES} ]; then\n  {LOAD}fi\n",
        f"test -e {RULES} && {LOAD}",
        f"[ ! -f {RULES} ] || {LOAD}",
        f"load() {{\n  {LOAD}}}\nload\n",
        f"function load {{\n{LOAD}}}\nif true; then load; fi\n",
        f'case "$1" in\n  start|restart)\n    {LOAD}    ;;\n  stop) iptables -F ;;\nesac\n',
        f"for file in {RULES}; do iptables-restore < $file; done",
        f"iptables-restore \\\n  < {RULES}\n",
        f"exec iptables-restore < {RULES}\n",
        f"/usr/sbin/iptables-restore < {RULES}\n",
        f'cmd="iptables-restore"\n$cmd < {RULES}\n',
        f"eval 'iptables-restore < {RULES}'\n",
        f"sh -c 'iptables-restore < {RULES}'\n",
        f"cat <<EOF\niptables-restore < /wrong\nEOF\n{LOAD}",
        f"check() {{\n  [ -e /run/x ] || return 0\n  date\n}}\ncheck\n{LOAD}",
        f"while read line; do break; done < /x\n{LOAD}",
    ],
)
def test_what_is_loaded_in_any_case(text: str) -> None:
    assert restores(text, "start") == [(RULES, True)]


@pytest.mark.parametrize(
    "text",
    [
        f"# {LOAD}",
        f"echo hello # iptables-restore < {RULES}\n",
        f'echo "{LOAD}"\n',
        f": {LOAD}",
        f"load() {{ {LOAD}}}\n",
        f"exit 0\n{LOAD}",
        f"if false; then {LOAD}fi\n",
        f"[ -f /not/there ] && {LOAD}",
        f'case "$1" in stop) {LOAD} ;; esac\n',
        f"cat <<'EOF'\n{LOAD}EOF\n",
        f"[ -d /not/there ] || exit 0\n{LOAD}",
    ],
)
def test_what_is_not_loaded_at_all(text: str) -> None:
    assert [load for load in restores(text, "start") if load[0] == RULES and not text.startswith(": ")] == []


@pytest.mark.parametrize(
    "text",
    [
        f"if ping -c1 host; then {LOAD}fi\n",
        f"[ -e /run/firewall ] || exit 0\n{LOAD}",
        f'if [ "$(uname -m)" = arm ]; then exit 1; fi\n{LOAD}',
        f"modprobe ip_tables && {LOAD}",
        f"case $(uname -r) in\n 6*) {LOAD} ;;\nesac\n",
        f"check() {{ [ -e /run/x ] || exit 1; }}\ncheck\n{LOAD}",
    ],
)
def test_what_is_loaded_only_if_something_holds_that_cannot_be_seen(text: str) -> None:
    assert restores(text, "start") == [(RULES, False)]


def test_other_scripts_are_followed_with_their_variables_and_arguments() -> None:
    text = '. /etc/conf\nDIR=$(cd $(dirname $0)/..; pwd)\nsh "$TOOL" load\n. ${LIB:-/lib/nothing}\n'
    others = {
        "etc__conf": "TOOL=/opt/tool\nLIB=/opt/lib.sh\n",
        "opt__tool": f"case $1 in load) {LOAD} ;; esac\n",
        "opt__lib.sh": "iptables -P INPUT DROP\n",
    }
    found = ran(text, **others)
    assert [(item.path, item.words[0], item.certain) for item in found if item.program.startswith("iptables")] == [
        ("/opt/tool", "iptables-restore", True),
        ("/opt/lib.sh", "iptables", True),
    ]


def test_what_cannot_be_followed_is_told() -> None:
    for text in (". $CONFIG_DIR/$(hostname)\n", "sh $(mktemp)\n", 'eval "$(fetch)"\n', "$(fetch) x\n"):
        assert any(UNKNOWN in word for item in ran(text) for word in item.words), text
    assert restores("iptables-restore < $(ls /etc/rules | tail -1)\n") == [(UNKNOWN, True)]
    # A sourced file that is known not to be there is nothing, as the shell goes on.
    assert ran("source /etc/not-there 2>/dev/null\n") == ()


def test_a_script_nobody_read_is_told_as_unknown() -> None:
    (only,) = trace("/not/read", system())
    assert UNKNOWN in only.words[0]


def test_a_script_that_calls_itself_ends() -> None:
    assert len(ran("sh /s\ndate\n")) < 100
    assert len(ran("f() { f; date; }\nf\n")) < 100


def test_a_command_line_of_a_unit_with_its_variables() -> None:
    here = system(opt__kura__bin__firewall=LOAD)
    for command in ("/bin/bash /opt/kura/bin/firewall", "/bin/sh -c '$HERE/bin/firewall'", "/opt/kura/bin/firewall"):
        found = trace_line(command, "/unit", 7, here, {"HERE": "/opt/kura"})
        assert [item.reads for item in found if item.program == "iptables-restore"] == [RULES], command
    # As a released installer leaves it: a dollar that begins no name stays, and no such program is there.
    found = trace_line("/bin/sh -c '$/opt/kura/bin/firewall'", "/unit", 7, here)
    assert not [item for item in found if item.program == "iptables-restore"]


@pytest.mark.parametrize("text", ["if true; then", "case x in", "( date", "while true; do date", "fi", "date )"])
def test_what_does_not_fit_ends_with_lost(text: str) -> None:
    assert any(isinstance(c, Lost) for item in parse(text) for c in item.first.commands), text


def test_scripts_of_this_machine_are_read_to_their_end() -> None:
    """Real ones: everything the distribution starts, as bash itself reads it."""
    lost, read = [], 0
    for path in sorted(Path("/etc/init.d").iterdir()):
        if path.is_file() and path.read_bytes()[:2] == b"#!":
            text = path.read_text("utf-8", "replace")
            if subprocess.run(["bash", "-n", path], check=False, capture_output=True).returncode == 0:
                read += 1
                lost += [path for item in parse(text) for c in item.first.commands if isinstance(c, Lost)]
    assert read
    assert not lost
