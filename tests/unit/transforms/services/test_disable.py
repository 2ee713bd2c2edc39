"""Avahi stays off and SysRq is off, whatever init the image has and whatever else would start them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Services, Ssh
from pipeline.model.tree import Kind, Tree
from pipeline.model.vanilla import Vanilla
from pipeline.rules.services import startup
from pipeline.transforms.services import services
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

UNITS = "/usr/lib/systemd/system"
SYSTEM = "/etc/systemd/system"
UNIT = """\
[Unit]
Requires=avahi-daemon.socket
[Service]
ExecStart=/usr/sbin/avahi-daemon -s
[Install]
WantedBy=multi-user.target
Also=avahi-daemon.socket
Alias=dbus-org.freedesktop.Avahi.service
"""
SOCKET = "[Socket]\nListenStream=/run/avahi-daemon/socket\n[Install]\nWantedBy=sockets.target\n"
BUS = "/usr/share/dbus-1/system-services/org.freedesktop.Avahi.service"

SYSV_FILES = {"/etc/init.d/avahi-daemon": "#!/bin/sh\n", BUS: "[D-BUS Service]\nExec=/usr/sbin/avahi-daemon\n"}
SYSV_LINKS = {
    "/etc/rc2.d/S03avahi-daemon": "../init.d/avahi-daemon",
    "/etc/rc5.d/S99mdns": "/etc/init.d/avahi-daemon",
    "/etc/rc0.d/K01avahi-daemon": "../init.d/avahi-daemon",
    "/etc/rc2.d/S04avahi-daemon-other": "../init.d/other",
}
SYSTEMD_FILES = {
    f"{UNITS}/avahi-daemon.service": UNIT,
    f"{UNITS}/avahi-daemon.socket": SOCKET,
    f"{UNITS}/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd\n",
    BUS: "[D-BUS Service]\nSystemdService=dbus-org.freedesktop.Avahi.service\nExec=/bin/false\n",
}
SYSTEMD_LINKS = {
    f"{SYSTEM}/multi-user.target.wants/avahi-daemon.service": f"{UNITS}/avahi-daemon.service",
    f"{SYSTEM}/sockets.target.wants/avahi-daemon.socket": f"{UNITS}/avahi-daemon.socket",
    f"{SYSTEM}/dbus-org.freedesktop.Avahi.service": f"{UNITS}/avahi-daemon.service",
    f"{SYSTEM}/multi-user.target.wants/ssh.service": f"{UNITS}/ssh.service",
}


def off(vanilla: Vanilla) -> Tree:
    """The tree once services are off."""
    return vanilla.tree.apply(services.disable(vanilla, a_release()))


def names(tree: Tree, directory: str) -> set[str]:
    return {path.name for path in tree.children(GuestPath(directory))}


def test_sysv_links_become_stop_links() -> None:
    tree = off(a_vanilla(SYSV_FILES, SYSV_LINKS))
    assert names(tree, "/etc/rc2.d") == {"S01ssh", "K01avahi-daemon", "S04avahi-daemon-other"}
    assert names(tree, "/etc/rc5.d") == {"K01avahi-daemon"}
    assert names(tree, "/etc/rc0.d") == {"K01avahi-daemon"}
    assert GuestPath(BUS) not in tree.nodes


def test_systemd_units_are_masked_and_wanted_by_nobody() -> None:
    tree = off(a_vanilla(SYSTEMD_FILES, SYSTEMD_LINKS, init="systemd"))
    masked = {path.name for path in tree.children(GuestPath(SYSTEM)) if tree.nodes[path].target == "/dev/null"}
    assert masked == {"avahi-daemon.service", "avahi-daemon.socket", "dbus-org.freedesktop.Avahi.service"}
    assert names(tree, f"{SYSTEM}/multi-user.target.wants") == {"ssh.service"}
    assert not names(tree, f"{SYSTEM}/sockets.target.wants")


def test_a_script_that_systemd_would_make_a_unit_of_is_masked() -> None:
    tree = off(a_vanilla(SYSV_FILES, SYSV_LINKS, init="systemd"))
    assert tree.nodes[GuestPath(f"{SYSTEM}/avahi-daemon.service")].target == "/dev/null"


@pytest.mark.tools
def test_systemctl_says_masked(tmp_path: Path) -> None:
    vanilla = a_vanilla(SYSTEMD_FILES, SYSTEMD_LINKS, init="systemd")
    _write(off(vanilla), vanilla, services.disable(vanilla, a_release()), tmp_path)
    said = {}
    for unit in ("avahi-daemon.service", "avahi-daemon.socket", "ssh.service"):
        command = ["systemctl", f"--root={tmp_path}", "is-enabled", unit]
        said[unit] = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
    assert said == {"avahi-daemon.service": "masked", "avahi-daemon.socket": "masked", "ssh.service": "enabled"}
    # What a first boot does must not bring it back.
    subprocess.run(["systemctl", f"--root={tmp_path}", "preset-all"], capture_output=True, check=False, timeout=60)
    assert not list(tmp_path.glob("etc/systemd/system/*.wants/avahi*"))


def test_busybox_has_no_start_script_left() -> None:
    files = {"/etc/init.d/S50avahi-daemon": "#!/bin/sh\n", "/etc/init.d/S50sshd": "#!/bin/sh\n"}
    left = names(off(a_vanilla(files, init="busybox")), "/etc/init.d")
    assert "S50sshd" in left
    assert "S50avahi-daemon" not in left


def test_a_service_that_is_not_there_needs_nothing() -> None:
    layer = services.disable(a_vanilla(), a_release())
    assert [entry.path for entry in layer.entries] == [services.HARDENING]


def test_an_unknown_init_is_refused() -> None:
    with pytest.raises(PipelineError, match="not known"):
        services.disable(a_vanilla(init="openrc"), a_release())


def test_monit_and_inittab_do_not_start_it_again() -> None:
    files = {
        "/etc/monitrc": "set daemon 5\ncheck process avahi-daemon with pidfile /x\n",
        "/etc/monit/conf.d/a": 'check process x with pidfile /x\n start program = "/etc/init.d/avahi-daemon start"\n',
        "/etc/inittab": "a:2:respawn:/usr/sbin/avahi-daemon\n",
    }
    links = {"/etc/monit/monitrc": "../monitrc"}
    layer = services.disable(a_vanilla(files, links), a_release())
    for path in files:
        entry = layer.by_path[GuestPath(path)]
        assert isinstance(entry, FileEntry)
        assert b"# switched off for production: " in entry.content
    assert GuestPath("/etc/monit/monitrc") not in layer.by_path


@pytest.mark.parametrize(
    ("files", "commented"),
    [
        ({"/etc/sysctl.conf": "kernel.sysrq=1\n"}, "/etc/sysctl.conf"),
        ({"/etc/sysctl.d/zzz.conf": "kernel/sysrq = 438\n"}, "/etc/sysctl.d/zzz.conf"),
        ({"/usr/lib/sysctl.d/50-x.conf": "-kernel.sysrq = 16\n"}, "/usr/lib/sysctl.d/50-x.conf"),
        ({services.HARDENING: "kernel.sysrq = 1\n"}, services.HARDENING),
    ],
)
def test_nothing_else_sets_sysrq(files: dict[str, str], commented: str) -> None:
    layer = services.disable(a_vanilla(files), a_release())
    entry = layer.by_path[GuestPath(commented)]
    assert isinstance(entry, FileEntry)
    assert entry.content.startswith(b"# switched off for production: ")
    assert b"\nkernel.sysrq = 0\n" in b"\n" + _text(layer, services.HARDENING)


def test_the_ssh_port_is_kept_free_beside_those_the_vendor_keeps_free() -> None:
    vanilla = a_vanilla({"/etc/sysctl.d/10-vendor.conf": "net.ipv4.ip_local_reserved_ports = 8080, 9000-9010\n"})
    layer = services.disable(vanilla, a_release(ssh=Ssh(port=50022), services=Services(sysrq=16)))
    expected = b"kernel.sysrq = 16\nnet.ipv4.ip_local_reserved_ports = 8080,9000-9010,50022\n"
    assert _text(layer, services.HARDENING) == expected
    assert _text(layer, GuestPath("/etc/sysctl.d/10-vendor.conf")).startswith(b"# switched off")


def test_an_image_without_sysctl_d_gets_it_into_the_one_file() -> None:
    vanilla = a_vanilla({"/etc/sysctl.conf": "kernel.sysrq=1\nnet.ipv4.ip_forward=1"})
    tree = Tree({path: node for path, node in vanilla.tree.nodes.items() if path != "/etc/sysctl.d"})
    bare = Vanilla(**{**vars(vanilla), "tree": tree})
    assert _text(services.disable(bare, a_release()), GuestPath("/etc/sysctl.conf")) == (
        b"# switched off for production: kernel.sysrq=1\nnet.ipv4.ip_forward=1\n"
        b"kernel.sysrq = 0\nnet.ipv4.ip_local_reserved_ports = 49153\n"
    )


@pytest.mark.parametrize("init", ["sysv", "systemd"])
def test_disabling_twice_changes_nothing(init: str) -> None:
    files = {"/etc/sysctl.conf": "kernel.sysrq=1\n", "/etc/inittab": "a:2:respawn:/usr/sbin/avahi-daemon\n"}
    mine, links = (SYSV_FILES, SYSV_LINKS) if init == "sysv" else (SYSTEMD_FILES, SYSTEMD_LINKS)
    vanilla = a_vanilla({**files, **mine}, links, init=init)
    once = services.disable(vanilla, a_release())
    contents = {**vanilla.files, **{entry.path: entry.content for entry in once.files()}}
    again = Vanilla(**{**vars(vanilla), "tree": vanilla.tree.apply(once), "files": contents})
    assert again.tree.apply(services.disable(again, a_release())).nodes == again.tree.nodes


def _text(layer: Layer, path: GuestPath) -> bytes:
    entry = layer.by_path[path]
    assert isinstance(entry, FileEntry)
    return entry.content


def _write(tree: Tree, vanilla: Vanilla, layer: Layer, root: Path) -> None:
    contents = {**vanilla.files, **{entry.path: entry.content for entry in layer.files()}}
    for path in tree:
        place = root / path.lstrip("/")
        node = tree.nodes[path]
        if node.kind is Kind.DIRECTORY:
            place.mkdir(exist_ok=True)
        elif node.kind is Kind.LINK:
            place.symlink_to(node.target)
        else:
            place.write_bytes(contents[path])


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        ("/usr/sbin/telnetd -F", True),
        ("telnetd -F &", True),
        ("exec telnetd", True),
        ("/etc/init.d/telnetd start", True),
        ("if [ -x /x ]; then systemctl --no-block restart telnetd.service; fi", True),
        ("[ -x /usr/sbin/telnetd ] && /usr/sbin/telnetd -F", True),
        ("! test -x /x || telnetd", True),
        ("systemctl --no-block restart telnetd.service", True),
        ("invoke-rc.d telnetd start", True),
        ("@reboot root telnetd", True),
        ("/etc/init.d/telnetd stop", False),
        ("systemctl stop telnetd", False),
        ("systemctl status telnetd", False),
        ("log_warning_msg 'see telnetd for more'", False),
        ("ENABLED=telnetd", False),
        ("# telnetd", False),
        ("[ -x /usr/sbin/telnetd ] || exit 0", False),
        ("start-stop-daemon --stop --exec /usr/sbin/telnetd", False),
    ],
)
def test_what_a_script_s_line_starts(line: str, starts: bool) -> None:
    files = {"/etc/rc.local": f"#!/bin/sh\n{line}\n"}
    view = ImageView.of(a_vanilla({**files, "/usr/sbin/telnetd": "ELF"}))
    assert [breach.line for breach in startup.starts(view, "telnetd")] == ([2] if starts else [])
    assert not list(startup.starts(ImageView.of(a_vanilla(files)), "telnetd")), "nothing there to start"
