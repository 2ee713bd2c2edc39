"""Images for judging: a neglected one of each init, and what the transforms make of it for one gateway."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import Layer, combine
from pipeline.model.release import Accounts, Release, Rules
from pipeline.model.rule import Expected
from pipeline.model.tree import Tree
from pipeline.model.trust import GatewaySecrets, HostKey
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import land
from pipeline.rules.expectations import expected_of
from pipeline.transforms.accounts import accounts
from pipeline.transforms.boot import bootloader
from pipeline.transforms.identity import identity
from pipeline.transforms.services import services
from pipeline.transforms.ssh import openssh
from tests.support.keys.ssh_keys import ecdsa, ed25519
from tests.support.release import OPERATOR, a_gateway, a_release, some_secrets
from tests.support.uboot import an_environment
from tests.support.vanilla import a_vanilla

_ENV = {"bootcmd": "run distro_bootcmd", "bootdelay": "2", "bootargs": "root=/dev/mmcblk0p2 console=ttyS0,115200"}
_NEGLECTED: Mapping[str, bytes | str | None] = {
    "/etc/ssh/sshd_config": (
        "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nPermitRootLogin yes\nPasswordAuthentication yes\nUsePAM yes\n"
        "Subsystem sftp /usr/lib/openssh/sftp-server\nMatch User root\n\tPasswordAuthentication yes\n"
    ),
    "/etc/default/ssh": "SSHD_OPTS='-o PermitRootLogin=yes -p 22'\n",
    "/etc/inittab": (
        "id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n1:2345:respawn:/sbin/getty 38400 tty1\n"
        "av:2345:respawn:/usr/sbin/avahi-daemon\n"
    ),
    "/etc/monitrc": (
        "set daemon 30\n"
        'check process avahi with pidfile /run/avahi.pid\n  start program = "/etc/init.d/avahi-daemon start"\n'
        'check process kura with pidfile /run/kura.pid\n  start program = "/etc/init.d/kura start"\n'
    ),
    "/etc/sysctl.conf": "kernel.sysrq=438\n",
    "/etc/sysctl.d/10-vendor.conf": "kernel.sysrq = 1\n",
    "/boot/uboot.env": an_environment(_ENV, flags=1),
    "/boot/uboot-redund.env": an_environment(_ENV, flags=2),
    "/usr/share/dbus-1/system-services/org.freedesktop.Avahi.service": (
        "[D-BUS Service]\nName=org.freedesktop.Avahi\nExec=/usr/sbin/avahi-daemon\nUser=root\n"
        "SystemdService=dbus-org.freedesktop.Avahi.service\n"
    ),
    "/etc/init.d/avahi-daemon": "#!/bin/sh\n",
    "/etc/init.d/procps": "#!/bin/sh\n",
    "/etc/machine-id": "11111111111111111111111111111111\n",
    "/var/lib/dbus/machine-id": "11111111111111111111111111111111\n",
    "/etc/ssh/ssh_host_rsa_key": "-----BEGIN RSA PRIVATE KEY-----\nnone\n-----END RSA PRIVATE KEY-----\n",
    "/var/lib/urandom/random-seed": b"\1" * 64,
    "/var/lib/dhcp/dhclient.eth0.leases": "lease {}\n",
    "/etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net", ATTR{address}=="02:00:00:00:00:01", NAME="eth0"\n',
    "/var/log/syslog": "started\n",
    "/root/.bash_history": "passwd\n",
    "/root/.ssh/authorized_keys": f"{ed25519(9)}\n",
    "/etc/shadow-": "root:$1$old$hash:1::::::\n",
    "/etc/hosts.bak": "127.0.0.1 localhost\n",
    "/var/mail/root": "From cron\n",
    "/tmp/left": "over\n",
    "/usr/bin/su": "ELF\n",
    "/usr/lib/libcrypt.so.1.1.0": "ELF\n",
    "/etc/login.defs": "UMASK\t\t027\n",
}
_LINKS: Mapping[str, str | None] = {
    "/etc/rc2.d/S03avahi-daemon": "../init.d/avahi-daemon",
    "/etc/rc3.d/S03avahi-daemon": "../init.d/avahi-daemon",
    "/etc/rcS.d/S02procps": "../init.d/procps",
}
_SYSTEMD: Mapping[str, bytes | str | None] = {
    "/usr/lib/systemd/system/avahi-daemon.service": (
        "[Service]\nExecStart=/usr/sbin/avahi-daemon -s\n[Install]\nWantedBy=multi-user.target\n"
        "Alias=dbus-org.freedesktop.Avahi.service\n"
    ),
    "/usr/lib/systemd/system/avahi-daemon.socket": (
        "[Socket]\nListenStream=/run/avahi-daemon/socket\n[Install]\nWantedBy=sockets.target\n"
    ),
    "/usr/lib/systemd/system/ssh.service": (
        "[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    "/usr/lib/systemd/system/ssh.socket": "[Socket]\nListenStream=22\nAccept=no\n[Install]\nWantedBy=sockets.target\n",
    "/etc/inittab": None,
}
_SYSTEMD_LINKS: Mapping[str, str | None] = {
    "/etc/systemd/system/multi-user.target.wants/avahi-daemon.service": "/lib/systemd/system/avahi-daemon.service",
    "/etc/systemd/system/sockets.target.wants/avahi-daemon.socket": "/lib/systemd/system/avahi-daemon.socket",
    "/etc/systemd/system/dbus-org.freedesktop.Avahi.service": "/lib/systemd/system/avahi-daemon.service",
    "/etc/systemd/system/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
}
# The start script of a BusyBox system, as Buildroot has it, in few words.
BUSYBOX_RCS = '#!/bin/sh\nfor script in /etc/init.d/S??*; do\n\t[ -x "$script" ] && "$script" start\ndone\n'
_MODES = {"/usr/bin/sudo": 0o4755, "/usr/bin/su": 0o4755, "/etc/monitrc": 0o600}


def a_neglected_vanilla(init: str = "sysv") -> Vanilla:
    """An image that breaks about every rule a transform enforces; without ESF, whose rules have their own."""
    files, links = dict(_NEGLECTED), dict(_LINKS)
    if init == "systemd":
        files |= _SYSTEMD
        links |= dict.fromkeys(_LINKS) | _SYSTEMD_LINKS
    if init == "busybox":
        files |= {
            "/etc/init.d/rcS": BUSYBOX_RCS,
            "/etc/init.d/S50avahi-daemon": "#!/bin/sh\n",
            "/etc/init.d/S02sysctl": "#!/bin/sh\nsysctl -p /etc/sysctl.conf\n",
        }
        links |= dict.fromkeys(_LINKS)
    vanilla = a_vanilla(files, links, init=init)
    nodes = dict(vanilla.tree.nodes)
    for path, mode in _MODES.items():
        nodes[GuestPath(path)] = replace(nodes[GuestPath(path)], mode=mode)
    return replace(vanilla, tree=Tree(nodes))


@cache
def a_hardened_view(base: str = "sysv") -> ImageView:
    """What the transforms make of it; ESF's files are left out, others judge those.

    Args:
        base: the init, or ``strict`` for SysV hardened by the strict profile.
    """
    vanilla = a_neglected_vanilla("sysv" if base == "strict" else base)
    release = a_release(rules=Rules(profile="strict" if base == "strict" else "documents"))
    product = land(vanilla.tree, product_layer(vanilla, release))
    middle = ImageView.of(vanilla).after(product)
    device = land(middle.tree, device_layer(vanilla, release, secrets()))
    return replace(middle.after(device), layout=None)


def product_layer(vanilla: Vanilla, release: Release) -> Layer:
    """What the Linux transforms want for all gateways."""
    return combine(
        (
            openssh.harden(vanilla, release),
            services.disable(vanilla, release),
            bootloader.protect(vanilla, release),
            identity.forget(vanilla),
        )
    )


def device_layer(vanilla: Vanilla, release: Release, own: GatewaySecrets) -> Layer:
    """What they want for one."""
    gateway = a_gateway()
    return combine((accounts.set_up(vanilla, release, gateway, own), identity.give(vanilla, release, gateway, own)))


def expected() -> Expected:
    """The release's decisions as checks see them."""
    return expected_of(a_release())


def secrets() -> GatewaySecrets:
    """Secrets of which the checks can see that they are whole."""
    keys = (a_host_key("ssh-ed25519", ed25519(3)), a_host_key("ecdsa-sha2-nistp256", ecdsa(256)))
    return some_secrets(root_hash="$6$c2FsdHNhbHRzYWx0$" + "A" * 86, host_keys=keys)


def a_host_key(algorithm: str, public: str) -> HostKey:
    """An OpenSSH private key file with a public half, and nothing secret in it (PROTOCOL.key)."""
    blob = base64.b64decode(public.split()[1])

    def framed(part: bytes) -> bytes:
        return len(part).to_bytes(4, "big") + part

    raw = (
        b"openssh-key-v1\0" + framed(b"none") + framed(b"none") + framed(b"") + b"\0\0\0\1" + framed(blob) + framed(b"")
    )
    body = base64.encodebytes(raw)
    return HostKey(
        algorithm, b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"-----END OPENSSH PRIVATE KEY-----\n", public
    )


def as_vanilla(vanilla: Vanilla, view: ImageView) -> Vanilla:
    """An image as inspection would see it after a layer."""
    return replace(vanilla, tree=view.tree, files=view.files)


LOCKED = Accounts(root="locked", users=(OPERATOR,))
