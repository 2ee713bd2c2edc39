"""What breaks the rules about passwords."""

from __future__ import annotations

from pipeline.formats.accounts.crypt_hash import sha512crypt
from tests.support.breakages import (
    Breakage,
    append,
    both,
    field,
    link,
    put,
    remove,
)
from tests.support.linux_places import GROUP, GSHADOW, MD5, PASSWD, SHADOW, STRONG, YESCRYPT, root

BREAKAGES = (
    *(
        Breakage(
            f"a hash {library} cannot verify",
            "accounts.verifiable_hashes",
            SHADOW,
            both(root(YESCRYPT), remove("/usr/lib/libcrypt.so.1.1.0"), put(library, "ELF")),
            "root:",
        )
        for library in ("/lib/arm-linux-gnueabihf/libcrypt-2.19.so", "/lib/ld-musl-armhf.so.1", "/lib/libcrypt.so.1")
    ),
    Breakage("root without password", "accounts.root_password", SHADOW, root(""), "root:"),
    Breakage("root with a DES hash", "accounts.root_password", SHADOW, root("abJnggxhB/yWI"), "root:"),
    Breakage("root with an MD5 hash", "accounts.root_password", SHADOW, root(MD5), "root:"),
    Breakage("root with a Blowfish hash", "accounts.root_password", SHADOW, root("$2b$05$" + "a" * 53), "root:"),
    Breakage("root's password is root", "accounts.root_password", SHADOW, root(sha512crypt("root", "s")), "root:"),
    Breakage("root's password is toor", "accounts.root_password", SHADOW, root(sha512crypt("toor", "s")), "root:"),
    Breakage(
        "root's password is eurotech", "accounts.root_password", SHADOW, root(sha512crypt("eurotech", "s")), "root:"
    ),
    Breakage(
        "root's password is changeit", "accounts.root_password", SHADOW, root(sha512crypt("changeit", "s")), "root:"
    ),
    Breakage(
        "root's password is empty, but hashed", "accounts.root_password", SHADOW, root(sha512crypt("", "s")), "root:"
    ),
    Breakage("root locked in front of the old hash", "accounts.root_password", SHADOW, root(f"!{STRONG}"), "root:"),
    Breakage(
        "root must change the password first", "accounts.root_password", SHADOW, field(SHADOW, "root", 2, "0"), "root:"
    ),
    Breakage(
        "root's hash for everybody to read", "accounts.root_password", PASSWD, field(PASSWD, "root", 1, STRONG), "root:"
    ),
    Breakage("root's passwd field empty", "accounts.root_password", PASSWD, field(PASSWD, "root", 1, ""), "root:"),
    Breakage(
        "a user without password", "accounts.inherited", SHADOW, field(SHADOW, "technician", 1, ""), "technician:"
    ),
    Breakage("a service with an MD5 hash", "accounts.inherited", SHADOW, field(SHADOW, "daemon", 1, MD5), "daemon:"),
    Breakage(
        "an old hash behind a lock", "accounts.inherited", SHADOW, field(SHADOW, "nobody", 1, f"!{STRONG}"), "nobody:"
    ),
    Breakage(
        "a user's name as password",
        "accounts.inherited",
        SHADOW,
        field(SHADOW, "technician", 1, sha512crypt("technician", "s")),
        "technician:",
    ),
    Breakage(
        "a hash of nobody's account",
        "accounts.inherited",
        SHADOW,
        append(SHADOW, f"vendor:{STRONG}:1::::::\n"),
        "vendor:",
    ),
    Breakage("a group with a password", "accounts.inherited", GROUP, field(GROUP, "sudo", 1, STRONG), "sudo:"),
    Breakage(
        "a group with a password in gshadow", "accounts.inherited", GSHADOW, field(GSHADOW, "adm", 1, STRONG), "adm:"
    ),
    Breakage("accounts from the network", "accounts.inherited", PASSWD, append(PASSWD, "+::::::\n"), "+:"),
    Breakage("a line with too few fields", "accounts.inherited", PASSWD, append(PASSWD, "half:x:77\n"), "half:"),
    Breakage(
        "the backup of passwd's tools", "accounts.backups", "/etc/shadow-", put("/etc/shadow-", "root:x:1::::::\n")
    ),
    Breakage(
        "a backup below /var/backups",
        "accounts.backups",
        "/var/backups/shadow.bak",
        put("/var/backups/shadow.bak", "x"),
    ),
    Breakage("a copy somebody made", "accounts.backups", "/etc/shadow.old", put("/etc/shadow.old", "x")),
    Breakage(
        "old passwords of PAM", "accounts.backups", "/etc/security/opasswd", put("/etc/security/opasswd", "x:1:1:y\n")
    ),
    Breakage(
        "a shell without login",
        "accounts.console_login",
        "/etc/inittab",
        append("/etc/inittab", "s0:2345:askfirst:-/bin/sh\n"),
        "s0:",
    ),
    Breakage(
        "an automatic login",
        "accounts.console_login",
        "/etc/inittab",
        append("/etc/inittab", "s0:2345:respawn:/sbin/agetty --autologin root ttyS0\n"),
        "s0:",
    ),
    Breakage(
        "a shell in place of login",
        "accounts.console_login",
        "/etc/inittab",
        append("/etc/inittab", "s0::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS0\n"),
        "s0:",
    ),
    Breakage(
        "an automatic login by a drop-in",
        "accounts.console_login",
        "/etc/systemd/system/serial-getty@ttyS0.service.d/auto.conf",
        put(
            "/etc/systemd/system/serial-getty@ttyS0.service.d/auto.conf",
            "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root %I\n",
        ),
        "ExecStart=-",
        "systemd",
    ),
    Breakage(
        "systemd's debug shell",
        "accounts.console_login",
        "/etc/systemd/system/sysinit.target.wants/debug-shell.service",
        both(
            put("/etc/systemd/system/x.service", "[Service]\n"),
            link(
                "/etc/systemd/system/sysinit.target.wants/debug-shell.service",
                "/lib/systemd/system/debug-shell.service",
            ),
        ),
        base="systemd",
    ),
)
