"""What is asked of an image, and that many equal gateways ask as much as one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.reader_answer import ReaderVerdict, digest_of_read
from pipeline.model.tree import Kind, Node, Tree
from pipeline.readers import sandbox
from pipeline.readers.emulators import emulator_for, is_native, machine_of
from pipeline.readers.programs.iptables import READER_V4, words_of
from pipeline.readers.questions import identity, questions_of, shape

IPTABLES, INTERFACES = "/etc/sysconfig/iptables", "/etc/network/interfaces"
RULES = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.%d.0.0/16 -j ACCEPT\nCOMMIT\n"
STATIC = b"auto lo eth0\niface lo inet loopback\niface eth0 inet static\n address 10.0.%d.2/24\n hostname gw-%d\n"


def the_view(files: dict[str, bytes], programs: tuple[str, ...]) -> ImageView:
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    for name in (*files, *programs):
        path = GuestPath(name)
        nodes |= {above: Node(Kind.DIRECTORY, 0o755) for above in path.ancestors() if above != "/"}
        nodes[path] = Node(Kind.FILE, 0o755 if name in programs else 0o644, size=len(files.get(name, b"")))
    contents = {GuestPath(name): content for name, content in files.items()}
    return ImageView({}, None, "", "sysv", None, Tree(nodes), contents)


def a_gateway(number: int) -> ImageView:
    files = {IPTABLES: RULES % (number % 250), INTERFACES: STATIC % (number % 250, number)}
    return the_view(files, ("/usr/sbin/iptables-restore", "/sbin/ifup"))


def test_many_equal_gateways_ask_as_much_as_one() -> None:
    own = frozenset({GuestPath(IPTABLES), GuestPath(INTERFACES)})
    keys, contents = set(), set()
    for number in range(200):
        view = a_gateway(number)
        for asked in questions_of(view):
            keys.add(shape(view, asked, own, (f"gw-{number}",)))
            contents.add(identity(view, asked))
    assert len(keys) == 2
    assert len(contents) > 200


def test_files_of_the_base_count_by_content() -> None:
    first, second = a_gateway(1), a_gateway(2)
    keys = [{shape(view, asked, frozenset(), ()) for asked in questions_of(view)} for view in (first, second)]
    assert not keys[0] & keys[1]


def test_a_copy_under_another_name_is_the_same_question() -> None:
    copy = "/opt/eurotech/esf/.data/iptables"
    view = the_view({IPTABLES: RULES % 1, copy: RULES % 1}, ("/usr/sbin/iptables-restore",))
    asked = questions_of(view, [READER_V4])
    assert [one.ask.subject for one in asked] == [IPTABLES, copy]
    assert len({identity(view, one) for one in asked}) == 1


def test_nobody_to_ask_is_said_once_for_each_file() -> None:
    (asked,) = questions_of(the_view({"/etc/ssh/sshd_config": b"Port 22\n"}, ()))
    assert asked.program == ""
    assert questions_of(the_view({}, ("/usr/sbin/sshd", "/usr/sbin/iptables-restore"))) == ()


def test_what_was_read_is_one_digest_without_secrets() -> None:
    def tree(sha256: str | None) -> Tree:
        return Tree({GuestPath("/a"): Node(Kind.FILE, 0o600, sha256=sha256)})

    assert digest_of_read(tree("1" * 64), ["/a"]) != digest_of_read(tree("2" * 64), ["/a"])
    assert digest_of_read(tree(None), ["/a"]) == digest_of_read(tree(None), ["/a", "/a"])
    assert digest_of_read(tree(None), ["/a"]) != digest_of_read(tree(None), ["/b"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-A INPUT -j ACCEPT", ["-A", "INPUT", "-j", "ACCEPT"]),
        ('--comment "dns for lan" -j X', ["--comment", "dns for lan", "-j", "X"]),
        ("--comment 'dns for lan'", ["--comment", "'dns", "for", "lan'"]),
        ('--comment "a \\"b\\" c"', ["--comment", 'a "b" c']),
        ('--comment ""', ["--comment", ""]),
    ],
)
def test_rules_are_split_as_iptables_restore_does(line: str, words: list[str]) -> None:
    assert words_of(line) == words


def test_processors_are_told_by_their_programs() -> None:
    def header(bits: int, machine: int) -> bytes:
        return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little")

    assert is_native(machine_of(header(2, 62)) or (0, 0))
    assert machine_of(header(2, 183)) == (2, 183)
    assert machine_of(b"#!/bin/sh\nexec something\n") is None
    assert "nobody emulates" in str(emulator_for((2, 9999)))


def test_scripts_of_the_sandbox_are_scripts(tmp_path: Path) -> None:
    view = a_gateway(1)
    questions = [sandbox.Question("g0", one.ask) for one in questions_of(view)]
    boxes = sandbox.boxes_of(questions, unlimited=False)
    main = sandbox.main_script([("", "ext4"), ("/boot", "vfat")], [sandbox.Root("g0", (), ("/etc/x y",))], boxes)
    texts = [main, sandbox.INSIDE_TEXT, sandbox.COMMANDS_TEXT]
    texts += [text for box in boxes for text in (sandbox.prepare_script(box), sandbox.questions_script(box, slower=1))]
    for number, text in enumerate(texts):
        script = tmp_path / str(number)
        script.write_text(text)
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0, text
    assert "/boot" in main
    assert "'/etc/x y'" in main


def test_verdicts_are_three() -> None:
    assert {verdict.value for verdict in ReaderVerdict} == {"yes", "no", "could not ask"}
