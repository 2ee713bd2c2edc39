"""sysctl, inittab and monit files: what a service or key is taken out of, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.boot import inittab, monitrc, sysctl_conf

WHY = "off"


@pytest.mark.parametrize(
    ("line", "sets"),
    [
        ("kernel.sysrq=1", True),
        ("  kernel.sysrq = 438  ", True),
        ("kernel/sysrq=1", True),
        ("-kernel.sysrq = 1", True),
        ("kernel.sys* = 1", True),
        ("kernel.sysrq=1\r", True),
        ("#kernel.sysrq=1", False),
        ("; kernel.sysrq=1", False),
        ("kernel.sysrq", False),
        ("kernel.sysrq2=1", False),
    ],
)
def test_an_assignment_is_found_in_every_form(line: str, sets: bool) -> None:
    (read,) = sysctl_conf.parse(line.encode())
    assert read.sets("kernel.sysrq") is sets
    changed = sysctl_conf.render(sysctl_conf.comment_out((read,), {"kernel.sysrq": "0"}, WHY))
    assert changed.startswith(b"# off: ") is sets


def test_a_dot_in_a_name_is_no_separator_after_a_slash() -> None:
    (line,) = sysctl_conf.parse(b"net/ipv4/conf/eth0.1/rp_filter = 1\n")
    assert line.key == "net.ipv4.conf.eth0/1.rp_filter"


@given(st.binary(max_size=200))
def test_sysctl_files_keep_every_byte(data: bytes) -> None:
    assert sysctl_conf.render(sysctl_conf.parse(data)) == data


INITTAB = """\
# /etc/inittab
id:2:initdefault:
a:2345:respawn:/usr/sbin/avahi-daemon -f x
b:2345:respawn:+/usr/sbin/avahi-daemon
::respawn:-/bin/sh
#a:2345:respawn:/usr/sbin/avahi-daemon
T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100
odd line
"""


def test_inittab_no_longer_runs_the_program() -> None:
    after = inittab.without(INITTAB.encode(), ["avahi-daemon"], WHY).decode()
    assert after == INITTAB.replace("\na:2345", "\n# off: a:2345").replace("\nb:2345", "\n# off: b:2345")
    assert inittab.without(after.encode(), ["avahi-daemon"], WHY).decode() == after


MONITRC = """\
set daemon 5
check process kura with pidfile "/var/run/kura.pid"
   start program = "/etc/init.d/kura start"
   depends on avahi, network
# the mDNS daemon
check process avahi with pidfile /var/run/avahi-daemon/pid
   start program = "/etc/init.d/avahi-daemon start"
   # a note

   stop program = "/etc/init.d/avahi-daemon stop"
check host other with address 192.0.2.1
   depends on avahi
   if failed port 22 then exec "/etc/init.d/avahi-daemon restart"
include /etc/monit/conf.d/*
"""
WITHOUT_AVAHI = """\
set daemon 5
check process kura with pidfile "/var/run/kura.pid"
   start program = "/etc/init.d/kura start"
   depends on network
# the mDNS daemon
# off: check process avahi with pidfile /var/run/avahi-daemon/pid
# off:    start program = "/etc/init.d/avahi-daemon start"
   # a note

# off:    stop program = "/etc/init.d/avahi-daemon stop"
# off: check host other with address 192.0.2.1
# off:    depends on avahi
# off:    if failed port 22 then exec "/etc/init.d/avahi-daemon restart"
include /etc/monit/conf.d/*
"""


def test_monit_no_longer_starts_the_service_nor_depends_on_it() -> None:
    after = monitrc.without(MONITRC.encode(), ["avahi-daemon"], WHY).decode()
    assert after == WITHOUT_AVAHI
    assert monitrc.without(after.encode(), ["avahi-daemon"], WHY).decode() == after


@pytest.mark.parametrize(
    "check",
    [
        "check process avahi-daemon with pidfile /x\n",
        'CHECK PROCESS "avahi-daemon" MATCHING x\n',
        'check process a with pidfile /x\n  start = "/bin/systemctl start avahi-daemon.service"\n',
        "check process a with pidfile /x\n  restart program = '/usr/sbin/service avahi-daemon restart'\n",
    ],
)
def test_a_check_is_found_by_name_or_by_what_it_starts(check: str) -> None:
    assert monitrc.without(check.encode(), ["avahi-daemon"], WHY).startswith(b"# off: ")


@given(st.binary(max_size=200))
def test_nothing_is_touched_without_the_service(data: bytes) -> None:
    assert monitrc.without(data, ["avahi-daemon"], WHY) == data or b"avahi" in data
    assert inittab.without(data, ["avahi-daemon"], WHY) == data or b"avahi" in data
