"""Images with dropbear are judged by its flags, wherever an init takes them from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry
from tests.support.breakages import Change, both, link, put, remove
from tests.support.hardened import BUSYBOX_RCS, a_hardened_view, a_neglected_vanilla

DEFAULTS = "/etc/default/dropbear"
UNIT = "/usr/lib/systemd/system/dropbear@.service"
RULES = {rule.id: rule.check for rule in registry.LINUX}
GOOD = 'DROPBEAR_PORT=49153\nDROPBEAR_EXTRA_ARGS="-w -s"\n'


def with_dropbear(init: str, *changes: Change) -> ImageView:
    view = replace(a_hardened_view("sysv"), init=init)
    if init == "busybox":
        view = put("/etc/init.d/rcS", BUSYBOX_RCS, 0o755)(view)
    return both(remove("/usr/sbin/sshd"), put("/usr/sbin/dropbear", "ELF", 0o755), *changes)(view)


def breaches(view: ImageView, rule: str) -> list[tuple[str, int, str]]:
    judgement = RULES[rule](view, Expected())
    return [(breach.path, breach.line, breach.found) for breach in judgement.breaches]


@pytest.mark.parametrize("rule", ["ssh.no_root", "ssh.no_passwords", "ssh.port", "access.login"])
def test_good_flags_pass(rule: str) -> None:
    assert RULES[rule](with_dropbear("sysv", put(DEFAULTS, GOOD)), Expected()).outcome is RuleOutcome.PASS


@pytest.mark.parametrize("rule", ["ssh.public_key", "ssh.use_pam", "ssh.rsa_authentication"])
def test_what_it_does_not_know_does_not_apply(rule: str) -> None:
    view = with_dropbear("sysv", put(DEFAULTS, GOOD))
    assert RULES[rule](view, Expected()).outcome is RuleOutcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("flags", "rule", "found"),
    [
        ("-s", "ssh.no_root", "dropbear lets root in"),
        ("-g", "ssh.no_root", "dropbear lets root in"),
        ("-w", "ssh.no_passwords", "dropbear takes passwords"),
        ("-w -s -B", "ssh.no_passwords", "flag -B: dropbear takes empty passwords"),
        ("-w -s", "ssh.port", "SSH listens on port 22"),
        ("-w -s -p 22 -p 49153", "ssh.port", "SSH listens on port 22"),
        ("-w -s -p 192.0.2.1:2222", "ssh.port", "SSH listens on port 2222"),
    ],
)
def test_bad_flags_are_named(flags: str, rule: str, found: str) -> None:
    view = with_dropbear("sysv", put(DEFAULTS, f"# flags\nDROPBEAR_EXTRA_ARGS='{flags}'\n"))
    assert (DEFAULTS, 2, found) in breaches(view, rule)


def test_without_any_flags_the_program_itself_is_named() -> None:
    assert breaches(with_dropbear("sysv"), "ssh.no_root") == [("/usr/sbin/dropbear", 0, "dropbear lets root in")]


def test_an_init_script_of_busybox() -> None:
    script = "/etc/init.d/S50dropbear"
    view = with_dropbear("busybox", put(script, "#!/bin/sh\n# dropbear -w\n/usr/sbin/dropbear -R -p 49153\n", 0o755))
    assert breaches(view, "ssh.no_root") == [(script, 3, "dropbear lets root in")]
    assert breaches(view, "ssh.port") == []


def test_a_unit_of_systemd_and_its_socket() -> None:
    view = with_dropbear(
        "systemd",
        put(UNIT, "[Service]\nExecStart=-/usr/sbin/dropbear -i -r /etc/dropbear/key $DROPBEAR_EXTRA_ARGS\n"),
        put("/usr/lib/systemd/system/dropbear.socket", "[Socket]\nListenStream=22\nAccept=yes\n"),
        link("/etc/systemd/system/sockets.target.wants/dropbear.socket", "/lib/systemd/system/dropbear.socket"),
    )
    assert breaches(view, "ssh.no_passwords") == [(UNIT, 2, "dropbear takes passwords")]
    port = ("/usr/lib/systemd/system/dropbear.socket", 2, "SSH listens on port 22")
    assert breaches(view, "ssh.port") == [port]


@pytest.mark.parametrize("content", ["DROPBEAR_EXTRA_ARGS=$(flags)\n", "DROPBEAR_EXTRA_ARGS='-?'\n"])
def test_flags_nobody_can_read_are_no_pass(content: str) -> None:
    view = with_dropbear("sysv", put(DEFAULTS, f"DROPBEAR_PORT=49153\n{content}"))
    assert RULES["ssh.port"](view, Expected()).outcome is RuleOutcome.UNVERIFIABLE
    assert RULES["ssh.no_root"](view, Expected()).outcome is not RuleOutcome.PASS


def test_an_image_without_ssh() -> None:
    view = remove("/usr/sbin/sshd")(replace(ImageView.of(a_neglected_vanilla()), layout=None))
    for rule in ("ssh.no_root", "ssh.port", "ssh.starts", "access.login", "identity.host_keys"):
        assert RULES[rule](view, Expected()).outcome is RuleOutcome.NOT_APPLICABLE, rule
