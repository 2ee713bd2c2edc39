"""What breaks the rules about services and SysRq."""

from __future__ import annotations

from tests.support.breakages import (
    Breakage,
    append,
    both,
    edit,
    link,
    put,
    remove,
)
from tests.support.uboot import an_environment

AVAHI_BUS = "/usr/share/dbus-1/system-services/org.freedesktop.Avahi.service"
BUS_FILE = (
    "[D-BUS Service]\nName=org.freedesktop.Avahi\nExec=/usr/sbin/avahi-daemon\n"
    "SystemdService=dbus-org.freedesktop.Avahi.service\n"
)

BREAKAGES = (
    Breakage(
        "a start link",
        "services.disabled",
        "/etc/rc2.d/S03avahi-daemon",
        link("/etc/rc2.d/S03avahi-daemon", "../init.d/avahi-daemon"),
    ),
    Breakage(
        "a start link of another name",
        "services.disabled",
        "/etc/rc3.d/S99zeroconf",
        link("/etc/rc3.d/S99zeroconf", "../init.d/avahi-daemon"),
    ),
    Breakage(
        "a line of inittab",
        "services.disabled",
        "/etc/inittab",
        append("/etc/inittab", "av:2345:respawn:/usr/sbin/avahi-daemon -s\n"),
        "av:2345:respawn:/usr/sbin/avahi-daemon -s",
    ),
    Breakage(
        "monit",
        "services.disabled",
        "/etc/monitrc",
        append(
            "/etc/monitrc", 'check process a with pidfile /run/a\n start program = "/etc/init.d/avahi-daemon start"\n'
        ),
        "check process a ",
    ),
    Breakage(
        "monit, when it is not there",
        "services.disabled",
        "/etc/monitrc",
        append(
            "/etc/monitrc",
            'check process a with pidfile /run/a\n if not exist then exec "/etc/init.d/avahi-daemon restart"\n',
        ),
        "check process a ",
    ),
    Breakage(
        "monit by systemctl",
        "services.disabled",
        "/etc/monit/conf.d/x",
        put(
            "/etc/monit/conf.d/x",
            'check process avahi-daemon matching avahi\n start "/bin/systemctl start avahi-daemon.service"\n',
        ),
        "check",
    ),
    Breakage("the bus", "services.disabled", AVAHI_BUS, put(AVAHI_BUS, BUS_FILE), "Exec"),
    Breakage(
        "rc.local",
        "services.disabled",
        "/etc/rc.local",
        put("/etc/rc.local", "#!/bin/sh\n/usr/sbin/avahi-daemon -D\n"),
        "/usr/sbin",
    ),
    Breakage(
        "a hook of the network",
        "services.disabled",
        "/etc/network/if-up.d/mdns",
        put("/etc/network/if-up.d/mdns", "#!/bin/sh\n/etc/init.d/avahi-daemon start\n", 0o755),
        "/etc/init.d",
    ),
    Breakage(
        "a job at start",
        "services.disabled",
        "/etc/cron.d/mdns",
        put("/etc/cron.d/mdns", "# mdns\n@reboot root /usr/sbin/avahi-daemon -D\n"),
        "@reboot",
    ),
    Breakage(
        "a unit that wants it",
        "services.disabled",
        "/etc/systemd/system/printing.service",
        both(
            remove("/etc/systemd/system/avahi-daemon.service"),
            put(
                "/etc/systemd/system/printing.service",
                "[Unit]\nWants=avahi-daemon.service\n[Service]\nExecStart=/bin/true\n",
            ),
            link("/etc/systemd/system/multi-user.target.wants/printing.service", "../printing.service"),
        ),
        "Wants",
        "systemd",
    ),
    Breakage(
        "a unit enabled again",
        "services.disabled",
        "/etc/systemd/system/multi-user.target.wants/avahi-daemon.service",
        both(
            remove("/etc/systemd/system/avahi-daemon.service"),
            link(
                "/etc/systemd/system/multi-user.target.wants/avahi-daemon.service",
                "/lib/systemd/system/avahi-daemon.service",
            ),
        ),
        base="systemd",
    ),
    Breakage(
        "a socket that starts it",
        "services.disabled",
        "/etc/systemd/system/sockets.target.wants/avahi-daemon.socket",
        both(
            remove("/etc/systemd/system/avahi-daemon.socket"),
            link(
                "/etc/systemd/system/sockets.target.wants/avahi-daemon.socket",
                "/lib/systemd/system/avahi-daemon.socket",
            ),
        ),
        base="systemd",
    ),
    Breakage(
        "the bus by way of an alias",
        "services.disabled",
        AVAHI_BUS,
        both(
            put(AVAHI_BUS, BUS_FILE),
            remove("/etc/systemd/system/avahi-daemon.service"),
            link("/etc/systemd/system/dbus-org.freedesktop.Avahi.service", "/lib/systemd/system/avahi-daemon.service"),
        ),
        "SystemdService",
        "systemd",
    ),
    Breakage(
        "the first boot's presets",
        "services.disabled",
        "/usr/lib/systemd/system/avahi-daemon.service",
        both(
            remove("/etc/systemd/system/avahi-daemon.service"),
            remove("/etc/systemd/system/dbus-org.freedesktop.Avahi.service"),
            remove("/etc/systemd/system-preset/00-gateway-avahi-daemon.preset"),
            put("/etc/machine-id", "uninitialized\n"),
        ),
        base="systemd",
    ),
    Breakage(
        "BusyBox",
        "services.disabled",
        "/etc/init.d/S50avahi-daemon",
        put("/etc/init.d/S50avahi-daemon", "#!/bin/sh\n", 0o755),
        base="busybox",
    ),
    Breakage(
        "telnet at start",
        "services.unnecessary",
        "/etc/rc2.d/S20telnetd",
        both(put("/etc/init.d/telnetd", "#!/bin/sh\n"), link("/etc/rc2.d/S20telnetd", "../init.d/telnetd")),
    ),
    Breakage(
        "telnet by init",
        "services.unnecessary",
        "/etc/inittab",
        append("/etc/inittab", "::respawn:/usr/sbin/telnetd -F\n"),
        "::respawn",
    ),
    Breakage(
        "a debugger by monit",
        "services.unnecessary",
        "/etc/monitrc",
        append("/etc/monitrc", 'check process g matching g\n start program = "/usr/bin/gdbserver :2345 x"\n'),
        "check process g ",
    ),
    Breakage(
        "an ftp server's unit",
        "services.unnecessary",
        "/etc/systemd/system/multi-user.target.wants/vsftpd.service",
        both(
            put("/usr/lib/systemd/system/vsftpd.service", "[Service]\n"),
            link("/etc/systemd/system/multi-user.target.wants/vsftpd.service", "/lib/systemd/system/vsftpd.service"),
        ),
        base="systemd",
    ),
    Breakage(
        "rpcbind's socket",
        "services.unnecessary",
        "/etc/systemd/system/sockets.target.wants/rpcbind.socket",
        both(
            put("/usr/lib/systemd/system/rpcbind.socket", "[Socket]\n"),
            link("/etc/systemd/system/sockets.target.wants/rpcbind.socket", "/lib/systemd/system/rpcbind.socket"),
        ),
        base="systemd",
    ),
    Breakage(
        "telnet by BusyBox",
        "services.unnecessary",
        "/etc/init.d/S50telnetd",
        put("/etc/init.d/S50telnetd", "#!/bin/sh\n", 0o755),
        base="busybox",
    ),
    Breakage(
        "inetd serves telnet",
        "services.super_server",
        "/etc/inetd.conf",
        put("/etc/inetd.conf", "telnet stream tcp nowait root /usr/sbin/telnetd telnetd\n"),
        "telnet",
    ),
    Breakage(
        "xinetd serves tftp",
        "services.super_server",
        "/etc/xinetd.d/tftp",
        put("/etc/xinetd.d/tftp", "# x\nservice tftp\n{\n disable = no\n}\n"),
        "service tftp",
    ),
    Breakage(
        "SysRq by the main file",
        "services.sysrq",
        "/etc/sysctl.conf",
        append("/etc/sysctl.conf", "kernel.sysrq=438\n"),
        "kernel.sysrq=438",
    ),
    Breakage(
        "SysRq by the last file",
        "services.sysrq",
        "/etc/sysctl.d/zzz.conf",
        put("/etc/sysctl.d/zzz.conf", "# late\nkernel/sysrq = 1\n"),
        "kernel/sysrq",
    ),
    Breakage(
        "SysRq by a pattern",
        "services.sysrq",
        "/etc/sysctl.d/zzz.conf",
        put("/etc/sysctl.d/zzz.conf", "kernel.sys* = 1\n"),
        "kernel.sys*",
    ),
    Breakage(
        "nothing about SysRq",
        "services.sysrq",
        "/etc/sysctl.conf",
        edit("/etc/sysctl.d/zz-gateway-hardening.conf", "kernel.sysrq = 0\n", ""),
    ),
    Breakage(
        "SysRq on the command line",
        "services.sysrq",
        "/boot/cmdline.txt",
        put("/boot/cmdline.txt", "root=/dev/mmcblk0p2 sysrq_always_enabled\n"),
        "root=",
    ),
    Breakage(
        "SysRq in U-Boot's arguments",
        "services.sysrq",
        "/boot/uboot.env",
        put("/boot/uboot.env", an_environment({"bootdelay": "0", "bootargs": "sysrq_always_enabled=1 quiet"}, flags=1)),
    ),
    Breakage(
        "SysRq in the other copy of U-Boot's environment",
        "services.sysrq",
        "/boot/uboot-redund.env",
        put(
            "/boot/uboot-redund.env",
            an_environment({"bootdelay": "0", "bootargs": "quiet sysrq_always_enabled"}, flags=1),
        ),
    ),
    Breakage(
        "SysRq in a boot script",
        "services.sysrq",
        "/boot/boot.scr",
        put(
            "/boot/boot.scr",
            b"\x27\x05\x19\x56" + b"\0" * 68 + b"setenv bootargs root=/dev/sda2 sysrq_always_enabled\n",
        ),
    ),
    *(
        Breakage(f"SysRq in {path}", "services.sysrq", path, put(path, f"# kernel\n{line}\n"), line)
        for path, line in (
            ("/boot/uEnv.txt", "bootargs=console=ttyS0 sysrq_always_enabled"),
            ("/boot/extlinux/extlinux.conf", "APPEND root=/dev/mmcblk0p2 sysrq_always_enabled ro"),
            ("/etc/default/grub", 'GRUB_CMDLINE_LINUX="sysrq_always_enabled=1"'),
            ("/boot/grub/grub.cfg", "linux /vmlinuz root=/dev/sda1 sysrq_always_enabled"),
            ("/boot/firmware/cmdline.txt", "root=/dev/sda1 sysrq_always_enabled"),
            ("/boot/config-6.1.0", 'CONFIG_CMDLINE="console=ttyS0 sysrq_always_enabled"'),
        )
    ),
)
