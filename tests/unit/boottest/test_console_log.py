"""Serial consoles as SysV and systemd write them."""

from __future__ import annotations

from pipeline.boottest.console_log import ConsoleLog, read_console

SYSV = """
INIT: version 3.06 booting
Starting enhanced syslogd: rsyslogd.
Configuring network interfaces...failed.
Starting hostapd: hostapd failed!

Debian GNU/Linux 12 gw-1 ttyS0

gw-1 login: """
SYSTEMD = """
[   11.099885] systemd[1]: Failed to find module 'autofs4'
[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mnetwork.target\x1b[0m - Network.
[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mhostapd.service\x1b[0m - Access point.
[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mhostapd.service\x1b[0m - Access point.

Debian GNU/Linux 12 gw-2 ttyS0

gw-2 login: """


def test_init_scripts() -> None:
    assert read_console(SYSV.splitlines()) == ConsoleLog("gw-1", "", ("Starting hostapd: hostapd",))


def test_systemd() -> None:
    assert read_console(SYSTEMD.splitlines()) == ConsoleLog(
        "gw-2", "", ("Failed to start hostapd.service - Access point.",)
    )


def test_nothing_yet() -> None:
    assert read_console([]) == ConsoleLog(None, "", ())
    assert read_console(["please login: no"]) == ConsoleLog(None, "", ())


def test_a_system_that_cannot_go_on() -> None:
    for line in (
        "[    3.1] Kernel panic - not syncing: VFS",
        "initramfs: /dev/vda2 cannot be mounted as ext4",
        "You are in emergency mode. After logging in, type",
    ):
        assert read_console(["one", line]).panic == line
