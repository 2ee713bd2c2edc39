"""What breaks the rules about whose image it is."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

from tests.support.breakages import (
    Breakage,
    append,
    both,
    edit,
    link,
    own,
    put,
    remove,
)
from tests.support.keys.ssh_keys import ed25519, rsa
from tests.support.linux_places import (
    HOST_KEY,
)

MACHINE, BUS_ID, MARKER = "/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/gateway-image.json"
SMALL = b"\0\0\0\x0bssh-ed25519\0\0\0\x40" + bytes(range(64))
# Version, modulus, exponent: all the check looks at, and no key.
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMAkCAQACAQ8CAQM=\n-----END RSA PRIVATE KEY-----\n"
_UNIT = "/etc/systemd/system/regenerate_ssh_host_keys.service"
_WANTS = "/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service"
_RC_LOCAL = "/etc/rc.local"
_SCRIPT = "/etc/init.d/keys"
_CMDLINE = "/boot/cmdline.txt"


def _unit(command: str, name: str = "regenerate") -> Breakage:
    text = f"[Unit]\nDescription=keys\n[Service]\nType=oneshot\n{command}\n[Install]\nWantedBy=multi-user.target\n"
    return Breakage(
        f"a unit that replaces host keys: {name}", "identity.first_boot", _UNIT,
        both(put(_UNIT, text), link(_WANTS, _UNIT)), command.splitlines()[0], "systemd",
    )  # fmt: skip


FIRST_BOOT = (
    _unit("ExecStartPre=-/bin/rm -f -v /etc/ssh/ssh_host_rsa_key\nExecStart=/usr/bin/ssh-keygen -A -v", "rm"),
    _unit("ExecStart=/bin/sh -c 'rm -f /etc/ssh/ssh_host_*; ssh-keygen -A'", "by a shell"),
    _unit("ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key", "ssh-keygen"),
    _unit("ExecStart=/usr/bin/find /etc/ssh -name 'ssh_host_*' -delete", "find"),
    Breakage(
        "a first boot that removes host keys", "identity.first_boot", _RC_LOCAL,
        put(_RC_LOCAL, "#!/bin/sh\nrm -f /etc/ssh/ssh_host_*\nssh-keygen -A\n", 0o755), "rm -f",
    ),
    Breakage(
        "an init script that removes host keys", "identity.first_boot", _SCRIPT,
        both(put(_SCRIPT, "#!/bin/sh\nif [ ! -e /etc/done ]; then\n  rm /etc/ssh/ssh_host_rsa_key*\nfi\n", 0o755),
             link("/etc/rc2.d/S01keys", "../init.d/keys")), "  rm /etc",
    ),
    Breakage(
        "a hook that makes host keys", "identity.first_boot", "/etc/network/if-up.d/keys",
        put("/etc/network/if-up.d/keys",
            "#!/bin/sh\ndropbearkey -t rsa -f /etc/dropbear/dropbear_rsa_host_key\n", 0o755),
        "dropbearkey",
    ),
    Breakage(
        "a script of the kernel's command line", "identity.first_boot", _CMDLINE,
        put(_CMDLINE, "root=/dev/mmcblk0p2 systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot\n"), "root=",
    ),
    Breakage(
        "a first boot in place of init", "identity.first_boot", _CMDLINE,
        put(_CMDLINE, "root=/dev/mmcblk0p2 init=/usr/lib/raspberrypi-sys-mods/firstboot\n"), "root=",
    ),
    Breakage(
        "a vendor's first run", "identity.first_boot", "/boot/firstrun.sh",
        put("/boot/firstrun.sh", "#!/bin/bash\nset +e\nrm -f /etc/ssh/ssh_host_*_key*\n", 0o755), "rm -f",
    ),
    Breakage(
        "cloud-init", "identity.first_boot", "/etc/cloud/cloud.cfg",
        both(put("/etc/cloud/cloud.cfg", "users:\n - default\nssh_deletekeys: true\n"),
             put("/lib/systemd/system/cloud-init.service", "[Service]\nExecStart=/usr/bin/cloud-init init\n"),
             link("/etc/systemd/system/multi-user.target.wants/cloud-init.service",
                  "/lib/systemd/system/cloud-init.service")), "ssh_deletekeys", "systemd",
    ),
    Breakage(
        "cloud-init that says nothing of keys", "identity.first_boot", "/etc/cloud/cloud.cfg",
        both(put("/etc/cloud/cloud.cfg", "users:\n - default\n"),
             put("/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n", 0o755)), base="systemd",
    ),
)  # fmt: skip
BREAKAGES = (
    *FIRST_BOOT,
    Breakage("no machine identity", "identity.machine_id", MACHINE, remove(MACHINE)),
    Breakage("a machine identity to be made up", "identity.machine_id", MACHINE, put(MACHINE, "uninitialized\n")),
    Breakage("a machine identity of another form", "identity.machine_id", MACHINE, put(MACHINE, "0123-4567\n"), "0123"),
    Breakage("a machine identity of zeros", "identity.machine_id", MACHINE, put(MACHINE, "0" * 32 + "\n"), "0000"),
    Breakage(
        "an identity of the bus", "identity.machine_id", BUS_ID, both(remove(BUS_ID), put(BUS_ID, "1" * 32 + "\n"))
    ),
    Breakage(
        "no host keys", "identity.host_keys", "/etc/ssh", both(remove(HOST_KEY), remove("/etc/ssh/ssh_host_ecdsa_key"))
    ),
    Breakage("an empty host key", "identity.host_keys", HOST_KEY, put(HOST_KEY, "")),
    Breakage("a host key for everybody to read", "identity.host_keys", HOST_KEY, own(HOST_KEY, mode=0o644)),
    Breakage("somebody else's host key", "identity.host_keys", HOST_KEY, own(HOST_KEY, uid=1500)),
    Breakage(
        "another public half",
        "identity.host_keys",
        f"{HOST_KEY}.pub",
        put(f"{HOST_KEY}.pub", f"{ed25519(8)}\n"),
        "ssh-ed25519",
    ),
    Breakage(
        "one key twice",
        "identity.host_keys",
        "/etc/ssh/ssh_host_rsa_key",
        lambda view: put("/etc/ssh/ssh_host_rsa_key", view.find(HOST_KEY) or b"", 0o600)(view),
    ),
    Breakage(
        "a PEM key beside another one's public half",
        "identity.host_keys",
        "/etc/ssh/ssh_host_rsa_key.pub",
        both(put("/etc/ssh/ssh_host_rsa_key", PEM, 0o600), put("/etc/ssh/ssh_host_rsa_key.pub", f"{rsa(3072)}\n")),
    ),
    Breakage(
        "two names of one key of dropbear",
        "identity.host_keys",
        "/etc/dropbear/dropbear_rsa_host_key",
        both(
            put("/usr/bin/dropbear", "ELF"),
            put("/etc/dropbear/dropbear_ed25519_host_key", SMALL, 0o600),
            put("/etc/dropbear/dropbear_rsa_host_key", SMALL, 0o600),
        ),
    ),
    Breakage("nothing of a key", "identity.host_keys", HOST_KEY, put(HOST_KEY, "\x00\x01\x02\x03", 0o600)),
    Breakage("a public key as private key", "identity.host_keys", HOST_KEY, put(HOST_KEY, f"{ed25519()}\n")),
    Breakage("no name", "identity.host_name", "/etc/hostname", put("/etc/hostname", "localhost\n"), "localhost"),
    Breakage(
        "a name that is none", "identity.host_name", "/etc/hostname", put("/etc/hostname", "gw_north 01\n"), "gw_north"
    ),
    Breakage("another gateway's name", "identity.host_name", MARKER, put("/etc/hostname", "gw-south-02\n")),
    Breakage(
        "an address of another name",
        "identity.host_name",
        "/etc/hosts",
        edit("/etc/hosts", "127.0.1.1\tgw-north-01", "127.0.1.1\tvanilla"),
        "127.0.1.1",
    ),
    Breakage("a marker nobody can read", "identity.host_name", MARKER, put(MARKER, "{")),
    Breakage(
        "a random seed",
        "identity.random_seed",
        "/var/lib/systemd/random-seed",
        put("/var/lib/systemd/random-seed", b"\1" * 32),
    ),
    Breakage(
        "a random seed for the boot loader",
        "identity.random_seed",
        "/boot/loader/random-seed",
        put("/boot/loader/random-seed", b"\1" * 32),
    ),
    Breakage(
        "a lease",
        "identity.leases",
        "/var/lib/dhcp/dhclient.leases",
        put("/var/lib/dhcp/dhclient.leases", "lease {}\n"),
    ),
    Breakage(
        "NetworkManager's secret",
        "identity.leases",
        "/var/lib/NetworkManager/secret_key",
        put("/var/lib/NetworkManager/secret_key", "x"),
    ),
    Breakage("a key of named", "identity.shared_keys", "/etc/bind/rndc.key", put("/etc/bind/rndc.key", "key {}\n")),
    Breakage(
        "Debian's snake oil",
        "identity.shared_keys",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        put("/etc/ssl/private/ssl-cert-snakeoil.key", "x"),
    ),
    Breakage(
        "systemd's secret",
        "identity.shared_keys",
        "/var/lib/systemd/credential.secret",
        put("/var/lib/systemd/credential.secret", "x"),
    ),
    Breakage(
        "a VPN's key",
        "identity.shared_keys",
        "/etc/wireguard/wg0.conf",
        put("/etc/wireguard/wg0.conf", "[Interface]\n"),
    ),
    Breakage(
        "persistent names",
        "identity.hardware",
        "/etc/udev/rules.d/70-persistent-net.rules",
        put("/etc/udev/rules.d/70-persistent-net.rules", "#\n"),
    ),
    Breakage(
        "a hardware address of an interface",
        "identity.hardware",
        "/etc/network/interfaces",
        append("/etc/network/interfaces", "  hwaddress ether 02:00:00:aa:bb:cc\n"),
        "  hwaddress",
    ),
    Breakage(
        "a hardware address of a link",
        "identity.hardware",
        "/etc/systemd/network/10-a.link",
        put("/etc/systemd/network/10-a.link", "[Match]\nMACAddress=02:00:00:aa:bb:cc\n"),
        "MACAddress",
    ),
    Breakage(
        "a hardware address of an access point",
        "identity.hardware",
        "/etc/hostapd-wlan0.conf",
        put("/etc/hostapd-wlan0.conf", "interface=wlan0\nbssid=02:00:00:aa:bb:cc\n", 0o600),
        "bssid",
    ),
    Breakage("a log", "identity.logs", "/var/log/messages", put("/var/log/messages", "x\n")),
    Breakage("records of logins", "identity.logs", "/var/log/wtmp", put("/var/log/wtmp", b"\7" * 384)),
    Breakage("a history of root", "identity.histories", "/root/.ash_history", put("/root/.ash_history", "passwd\n")),
    Breakage(
        "a history in a home nobody has",
        "identity.histories",
        "/home/left/.bash_history",
        put("/home/left/.bash_history", "x\n"),
    ),
    Breakage(
        "a private key of a person",
        "identity.credentials",
        "/root/.ssh/id_ed25519",
        put("/root/.ssh/id_ed25519", "x\n"),
    ),
    Breakage(
        "hosts a person knows",
        "identity.credentials",
        "/home/technician/.ssh/known_hosts",
        put("/home/technician/.ssh/known_hosts", "x\n"),
    ),
    Breakage("a password of a person", "identity.credentials", "/root/.netrc", put("/root/.netrc", "x\n")),
    Breakage("a copy of an editor", "identity.old_copies", "/etc/hosts~", put("/etc/hosts~", "x\n")),
    Breakage(
        "a copy of dpkg",
        "identity.old_copies",
        "/etc/ssh/sshd_config.dpkg-old",
        put("/etc/ssh/sshd_config.dpkg-old", "x\n"),
    ),
    Breakage(
        "an editor that still runs",
        "identity.old_copies",
        "/etc/ppp/.chap-secrets.swp",
        put("/etc/ppp/.chap-secrets.swp", "x\n"),
    ),
    Breakage("something in /tmp", "identity.remains", "/tmp/install.sh", put("/tmp/install.sh", "x\n")),
    Breakage("a dump of memory", "identity.remains", "/core", put("/core", "x\n")),
    Breakage(
        "somebody's jobs",
        "identity.remains",
        "/var/spool/cron/crontabs/root",
        put("/var/spool/cron/crontabs/root", "x\n"),
    ),
)
