"""What breaks the rules about booting, and about the release of the system."""

from __future__ import annotations

from tests.support.breakages import (
    Breakage,
    about,
    both,
    put,
)
from tests.support.uboot import an_environment

OS_RELEASE = "/etc/os-release"
ENV, SECOND_ENV = "/boot/uboot.env", "/boot/uboot-redund.env"
BREAKAGES = (
    *(
        Breakage(
            f"{name} in every copy",
            "identity.bootloader",
            path,
            put(path, an_environment({"bootdelay": "0", name: "02:00:00:00:00:01"}, flags=1)),
        )
        for path, name in ((ENV, "ethaddr"), (ENV, "serial#"), (SECOND_ENV, "eth1addr"))
    ),
    Breakage("a delay", "bootloader.delay", ENV, put(ENV, an_environment({"bootdelay": "3"}, flags=1))),
    Breakage(
        "a delay in the other copy",
        "bootloader.delay",
        SECOND_ENV,
        put(SECOND_ENV, an_environment({"bootdelay": "3"}, flags=1)),
    ),
    Breakage("the compiled-in delay", "bootloader.delay", ENV, put(ENV, an_environment({"bootcmd": "boot"}, flags=1))),
    Breakage("never boots by itself", "bootloader.delay", ENV, put(ENV, an_environment({"bootdelay": "-1"}, flags=1))),
    Breakage("a wrong CRC", "bootloader.delay", ENV, put(ENV, b"\0" * 1024)),
    Breakage(
        "one copy of two with a wrong CRC",
        "bootloader.delay",
        ENV,
        put(ENV, an_environment({"bootdelay": "0"}, flags=1) + b"\0" * 1024),
    ),
    Breakage(
        "a delay in uEnv.txt",
        "bootloader.overrides",
        "/boot/uEnv.txt",
        put("/boot/uEnv.txt", "# board\nbootdelay=5\n"),
        "bootdelay",
    ),
    Breakage(
        "a prompt of extlinux",
        "bootloader.overrides",
        "/boot/extlinux/extlinux.conf",
        put("/boot/extlinux/extlinux.conf", "PROMPT 1\nTIMEOUT 0\n"),
        "PROMPT",
    ),
    Breakage(
        "a wait of extlinux",
        "bootloader.overrides",
        "/boot/extlinux/extlinux.conf",
        put("/boot/extlinux/extlinux.conf", "TIMEOUT 50\nLABEL x\n"),
        "TIMEOUT",
    ),
    Breakage(
        "an old release",
        "system.release",
        OS_RELEASE,
        both(about(os_release={"ID": "debian", "VERSION_ID": "10"}), put(OS_RELEASE, "ID=debian\nVERSION_ID=10\n")),
    ),
    Breakage("no release", "system.release", OS_RELEASE, both(about(os_release={}), put(OS_RELEASE, ""))),
)
