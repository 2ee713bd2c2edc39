"""What statuses and messages of programs mean; the wording is that of the real programs (tests/appliance asks them)."""

from __future__ import annotations

import pytest

from pipeline.model.reader import Ask, Command, Meaning, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.all_readers import READERS
from pipeline.readers.programs import (
    dhcp,
    fw_env,
    ifupdown,
    iptables,
    java,
    monit,
    ppp,
    sshd,
    sudo,
    sysctl,
    systemd,
    wifi,
)

YES, NO, NOT_ASKED = ReaderVerdict.YES, ReaderVerdict.NO, ReaderVerdict.NOT_ASKED
SUDO_GROUP = (
    '{"User_Specs":[{"User_List":[{"usergroup":"sudo"}],"Cmnd_Specs":[{"Commands":[{"command":"ALL"}],%s}]}]%s}'
)
FREE = '"Options":[{"authenticate":false}]'
NEVER = ',"Defaults":[{"Options":[{"authenticate":false}]}]'


def ask(*expected: str) -> Ask:
    return Ask("/etc/x", (Command(("/bin/x",)),), ("/etc/x",), expected=expected)


@pytest.mark.parametrize(
    ("reader", "replies", "meaning"),
    [
        (sshd.READER, [Reply(0), Reply(0, "port 22\n")], Meaning(YES)),
        (
            sshd.READER,
            [Reply(255, "", "/etc/ssh/sshd_config line 115: Subsystem 'sftp' already defined.\n")],
            Meaning(NO, "/etc/ssh/sshd_config line 115: Subsystem 'sftp' already defined.", 115),
        ),
        (
            sshd.READER,
            [Reply(127, "", "chroot: failed to run command '/usr/sbin/sshd': No such file or directory")],
            Meaning(NOT_ASKED, "chroot: failed to run command '/usr/sbin/sshd': No such file or directory"),
        ),
        (
            sshd.READER,
            [Reply(127, "", "sshd: error while loading shared libraries: libcrypto.so.3: cannot open")],
            Meaning(NOT_ASKED, "sshd: error while loading shared libraries: libcrypto.so.3: cannot open"),
        ),
        (sshd.READER, [Reply(None)], Meaning(NOT_ASKED, "it did not end in time")),
        (sshd.READER, [Reply(137)], Meaning(NOT_ASKED, "it did not end in time")),
        (sshd.READER, [Reply(139)], Meaning(NOT_ASKED, "it was ended by signal 11")),
        (sshd.READER, [], Meaning(NOT_ASKED, "it was not run")),
        (
            ifupdown.READER,
            [Reply(1, "", 'ifup: unknown method dchp\nifup: couldn\'t read interfaces file "/etc/network/interfaces"')],
            Meaning(NO, "ifup: unknown method dchp"),
        ),
        (
            ifupdown.READER,
            [Reply(0), Reply(0, "", "Missing required variable: address\nifup: failed to bring up eth1\n")],
            Meaning(NO, "Missing required variable: address"),
        ),
        (
            monit.READER,
            [Reply(1, "", "/etc/monitrc:2: syntax error 'bar'\n")],
            Meaning(NO, "/etc/monitrc:2: syntax error 'bar'", 2),
        ),
        (
            wifi.READER_HOSTAPD,
            [Reply(1, "Line 2: unknown hw_mode 'x'\n1 errors found in configuration file '/etc/h'\n")],
            Meaning(NO, "Line 2: unknown hw_mode ...", 2),
        ),
        (wifi.READER_HOSTAPD, [Reply(1, "nl80211 driver initialization failed.\n")], Meaning(YES)),
        (wifi.READER_SUPPLICANT, [Reply(255, "Successfully initialized")], NOT_ASKED),
        (
            wifi.READER_SUPPLICANT,
            [Reply(255, "Line 4: failed to parse psk 'hunter22'.\nFailed to read or parse configuration '/etc/w'.\n")],
            Meaning(NO, "Line 4: failed to parse psk ....", 4),
        ),
        (dhcp.READER_UDHCPD, [Reply(1, "", "udhcpd: SIOCGIFINDEX failed: No such device\n")], Meaning(YES)),
        (
            dhcp.READER_UDHCPD,
            [Reply(1, "", "udhcpd: can't parse line 3 in /etc/u\nudhcpd: SIOCGIFINDEX failed: No such device\n")],
            Meaning(NO, "udhcpd: can't parse line 3 in /etc/u", 3),
        ),
        (ppp.READER_PPPD, [Reply(4, "", "no kernel")], Meaning(NOT_ASKED, "the appliance's kernel has no PPP")),
        (ppp.READER_PPPD, [Reply(2, "", "pppd: no device specified and stdin is not a tty")], Meaning(YES)),
        (
            ppp.READER_CHAT,
            [Reply(1, "send (secret)\nunterminated quote (line 3)\n")],
            Meaning(NO, "unterminated quote (line 3)", 3),
        ),
        (ppp.READER_CHAT, [Reply(3, "send (secret)\nFailed\n")], Meaning(YES)),
        (
            sysctl.READER,
            [Reply(1, "", "sysctl: unrecognized option '--dry-run'")],
            Meaning(NOT_ASKED, "this sysctl cannot do without setting anything"),
        ),
        (
            sysctl.READER,
            [Reply(0, "", "sysctl: /etc/sysctl.d/x.conf(1): invalid syntax, continuing...")],
            Meaning(NO, "sysctl: /etc/sysctl.d/x.conf(1): invalid syntax, continuing...", 1),
        ),
        (sudo.READER_RIGHTS, [Reply(0, SUDO_GROUP % (FREE, ""))], Meaning(NO, "%sudo: root without a password")),
        (
            sudo.READER_RIGHTS,
            [Reply(0, SUDO_GROUP % ('"Options":[]', NEVER))],
            Meaning(NO, "%sudo: root without a password"),
        ),
        (sudo.READER_RIGHTS, [Reply(0, SUDO_GROUP % ('"Options":[]', ""))], Meaning(YES)),
        (sudo.READER_RIGHTS, [Reply(0, "[1, 2")], Meaning(NOT_ASKED, "its JSON is not what sudo 1.9 writes")),
        (java.READER, [Reply(1, "", "no main manifest attribute, in /tmp/0.jar")], Meaning(YES)),
        (
            java.READER,
            [Reply(1, "", "Caused by: java.io.IOException: line too long")],
            Meaning(NO, "Caused by: java.io.IOException: line too long"),
        ),
    ],
)
def test_what_programs_say(reader: object, replies: list[Reply], meaning: Meaning | ReaderVerdict) -> None:
    found = reader.meaning(ask(), replies)  # type: ignore[attr-defined]
    assert (found if isinstance(meaning, Meaning) else found.verdict) == meaning


def test_a_table_without_commit_is_a_no_though_nothing_is_said() -> None:
    replies = [Reply(0), Reply(0, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")]
    question = Ask("/r", (Command(("/r",)), Command(("/s",))), ("/r",), expected=("filter 2",))
    found = iptables.meaning(question, replies)
    assert found.verdict is NO
    assert "of the 2 rules of table filter only 0" in found.message
    loaded = [Reply(0), Reply(0, "*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n")]
    assert iptables.meaning(question, loaded).verdict is YES


def test_what_the_kernel_lacks_is_no_answer() -> None:
    lacking = Reply(1, "", "Warning: Extension foo revision 0 not supported, missing kernel module?\n")
    assert iptables.meaning(ask(), [lacking]).verdict is NOT_ASKED


def test_an_environment_on_a_device_is_not_there() -> None:
    reply = Reply(243, "", "Cannot read environment, using default\n")
    assert fw_env.READER.meaning(ask("outside"), [reply]).verdict is NOT_ASKED
    assert fw_env.READER.meaning(ask(), [reply]).verdict is NO


def test_systemd_is_compared_with_what_the_rules_believe() -> None:
    question = ask("avahi-daemon.service=off", "ssh.service=on")
    assert systemd.READER_ENABLED.meaning(question, [Reply(1, "disabled\nenabled\n")]).verdict is YES
    wrong = systemd.READER_ENABLED.meaning(question, [Reply(0, "enabled\nenabled\n")])
    assert wrong == Meaning(NO, "avahi-daemon.service is enabled; the rules take it to be off")
    assert systemd.READER_ENABLED.meaning(question, [Reply(1, "enabled\n")]).verdict is NOT_ASKED


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.id)
def test_nobody_who_did_not_run_says_yes(reader: object) -> None:
    for replies in ([], [Reply(None)], [Reply(139)], [Reply(126)], [Reply(137)]):
        assert reader.meaning(ask(), replies).verdict is not YES  # type: ignore[attr-defined]
