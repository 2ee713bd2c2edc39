"""Images with dropbear: what starts it gets our flags, and the rules, which share no code with that, agree."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.image_view import ImageView
from pipeline.model.layer import Layer
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import land
from pipeline.rules.registry import LINUX
from pipeline.transforms.ssh import dropbear, openssh
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

DEFAULTS = "/etc/default/dropbear"
# As Debian, Yocto and Buildroot start it, reduced to the lines that count.
DEBIAN = (
    "#!/bin/sh\nDROPBEAR_PORT=22\nDROPBEAR_EXTRA_ARGS=\ntest ! -r /etc/default/dropbear || . /etc/default/dropbear\n"
    'start-stop-daemon --start --exec "$DAEMON" -- -p "$DROPBEAR_PORT" -W "$DROPBEAR_RECEIVE_WINDOW" '
    "$DROPBEAR_EXTRA_ARGS\n"
)
BUILDROOT = (
    '#!/bin/sh\n[ -r "/etc/default/dropbear" ] && . "/etc/default/dropbear"\nDROPBEAR_ARGS="$DROPBEAR_ARGS -R"\n'
    "start-stop-daemon -S -x /usr/sbin/dropbear -- $DROPBEAR_ARGS\n"
)
SERVICE = (
    "[Service]\nEnvironment=DROPBEAR_PORT=22 DROPBEAR_RECEIVE_WINDOW=65536\nEnvironmentFile=-/etc/default/dropbear\n"
    'ExecStart=/usr/sbin/dropbear -EF -p "$DROPBEAR_PORT" -W "$DROPBEAR_RECEIVE_WINDOW" $DROPBEAR_EXTRA_ARGS\n'
)
INSTANCE = (
    "[Service]\nEnvironmentFile=-/etc/default/dropbear\n"
    "ExecStart=-/usr/sbin/dropbear -i -r /etc/dropbear/dropbear_rsa_host_key $DROPBEAR_EXTRA_ARGS\n"
)
KEYS = "-r /etc/dropbear/dropbear_ed25519_host_key -r /etc/dropbear/dropbear_ecdsa_host_key"
CHECKS = {rule.id: rule.check for rule in LINUX}


def an_image(files: dict[str, str], init: str = "sysv", links: dict[str, str | None] | None = None) -> Vanilla:
    own: dict[str, bytes | str | None] = {"/usr/sbin/dropbear": "ELF\n", "/usr/sbin/sshd": None}
    own["/etc/ssh/sshd_config"] = None
    return a_vanilla({**own, **files}, links or {}, init, directories=("/etc/systemd/system",))


def hardened(vanilla: Vanilla) -> tuple[dict[str, str], ImageView]:
    layer = land(vanilla.tree, dropbear.harden(vanilla, a_release()))
    return {str(file.path): file.content.decode() for file in layer.files()}, ImageView.of(vanilla).after(layer)


def require_rules(view: ImageView) -> None:
    for rule in ("ssh.no_root", "ssh.no_passwords", "ssh.port"):
        judgement = CHECKS[rule](view, Expected(ssh_port=49153))
        assert judgement.outcome is RuleOutcome.PASS, (rule, judgement)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"DROPBEAR_EXTRA_ARGS='-w -s {KEYS}'\nDROPBEAR_PORT=49153\n"),
        ("#DROPBEAR_PORT=22\n", f"#DROPBEAR_PORT=22\nDROPBEAR_EXTRA_ARGS='-w -s {KEYS}'\nDROPBEAR_PORT=49153\n"),
        (
            "DROPBEAR_PORT=22\nDROPBEAR_EXTRA_ARGS='-B -j -p 2222 -R -I 300 -G wheel -g'\nNO_START=0",
            f"DROPBEAR_PORT=49153\nDROPBEAR_EXTRA_ARGS='-j -I 300 -w -s {KEYS}'\nNO_START=0",
        ),
    ],
)  # fmt: skip
def test_an_init_script_takes_them_from_its_defaults(before: str | None, after: str) -> None:
    files = {"/etc/init.d/dropbear": DEBIAN, **({DEFAULTS: before} if before is not None else {})}
    written, view = hardened(an_image(files))
    assert written == {DEFAULTS: after}
    require_rules(view)


def test_a_script_without_a_variable_for_the_port_gets_a_flag() -> None:
    written, view = hardened(an_image({"/etc/init.d/S50dropbear": BUILDROOT}, "busybox"))
    assert written == {DEFAULTS: f"DROPBEAR_ARGS='-w -s -p 49153 {KEYS}'\n"}
    require_rules(view)


def test_a_unit_gets_a_command_nothing_can_add_to() -> None:
    files = {"/usr/lib/systemd/system/dropbear.service": SERVICE, DEFAULTS: "DROPBEAR_EXTRA_ARGS=-B\n"}
    written, view = hardened(an_image(files, "systemd"))
    assert written["/etc/systemd/system/dropbear.service.d/zz-gateway.conf"] == (
        f"[Service]\nExecStart=\nExecStart=/usr/sbin/dropbear -E -F -w -s -p 49153 {KEYS}\n"
    )
    assert "-B" not in written[DEFAULTS]
    require_rules(view)


def test_with_socket_activation_the_socket_has_the_port() -> None:
    files = {
        "/usr/lib/systemd/system/dropbear@.service": INSTANCE,
        "/usr/lib/systemd/system/dropbear.socket": "[Socket]\nListenStream=22\nAccept=yes\n",
    }
    enabled: dict[str, str | None] = {
        "/etc/systemd/system/sockets.target.wants/dropbear.socket": "/usr/lib/systemd/system/dropbear.socket"
    }
    written, view = hardened(an_image(files, "systemd", enabled))
    assert written == {
        "/etc/systemd/system/dropbear.socket.d/zz-gateway.conf": "[Socket]\nListenStream=\nListenStream=49153\n",
        "/etc/systemd/system/dropbear@.service.d/zz-gateway.conf": (
            f"[Service]\nExecStart=\nExecStart=-/usr/sbin/dropbear -i -w -s {KEYS}\n"
        ),
    }
    require_rules(view)


@pytest.mark.parametrize(
    ("files", "init"),
    [
        ({"/etc/init.d/dropbear": DEBIAN, DEFAULTS: "DROPBEAR_EXTRA_ARGS=-B\n"}, "sysv"),
        ({"/usr/lib/systemd/system/dropbear.service": SERVICE, DEFAULTS: "\n"}, "systemd"),
    ],
)
def test_hardening_twice_changes_nothing(files: dict[str, str], init: str) -> None:
    written, _ = hardened(an_image(files, init))
    again, _ = hardened(an_image({**files, **written}, init))
    assert again == {}


@pytest.mark.parametrize(
    ("files", "init", "complaint"),
    [
        ({}, "sysv", "no init script starts it"),
        ({}, "systemd", "no unit of systemd starts it"),
        ({"/etc/init.d/dropbear": "#!/bin/sh\ndropbear -R\n"}, "sysv", "takes no flags from"),
        ({"/etc/init.d/dropbear": DEBIAN, DEFAULTS: 'DROPBEAR_EXTRA_ARGS="$X"\n'}, "sysv", "computed by the shell"),
        ({"/etc/init.d/dropbear": DEBIAN, DEFAULTS: "DROPBEAR_EXTRA_ARGS=-Q\n"}, "sysv", "option -Q not recognized"),
        ({"/etc/init.d/dropbear": DEBIAN, DEFAULTS: "DROPBEAR_EXTRA_ARGS=yes\n"}, "sysv", "takes no 'yes'"),
    ],
)
def test_what_cannot_be_hardened_is_refused(files: dict[str, str], init: str, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        hardened(an_image(files, init))


def test_each_transform_leaves_the_other_server_alone() -> None:
    assert dropbear.harden(a_vanilla(), a_release()) == Layer()
    assert openssh.harden(an_image({"/etc/init.d/dropbear": DEBIAN}), a_release()) == Layer()
    both = a_vanilla({"/usr/sbin/dropbear": "ELF\n", "/etc/init.d/dropbear": DEBIAN})
    assert openssh.harden(both, a_release()) != Layer()
    assert dropbear.harden(both, a_release()) != Layer()


@pytest.mark.parametrize("home", ["/root", "/home/root"])
def test_keys_of_root_are_found_where_dropbear_looks(home: str) -> None:
    """dropbear -w refuses root, until somebody drops the flag: no key of root may lie there either."""
    passwd = f"root:x:0:0:root:{home}:/bin/sh\n"
    files = {"/etc/default/dropbear": "DROPBEAR_EXTRA_ARGS='-w -s -g'\n", "/etc/init.d/dropbear": DEBIAN}
    _, view = hardened(an_image({**files, "/etc/passwd": passwd}))
    assert CHECKS["ssh.no_root"](view, Expected(ssh_port=49153)).outcome is RuleOutcome.PASS
    _, view = hardened(
        an_image({**files, "/etc/passwd": passwd, f"{home}/.ssh/authorized_keys": "ssh-ed25519 AAAA x\n"})
    )
    judgement = CHECKS["ssh.no_root"](view, Expected(ssh_port=49153))
    assert [breach.path for breach in judgement.breaches] == [f"{home}/.ssh/authorized_keys"]
