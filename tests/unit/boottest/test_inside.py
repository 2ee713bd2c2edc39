"""The script a user runs inside, and its answers."""

from __future__ import annotations

import subprocess

import pytest

from pipeline.boottest.inside import read_answers, script

ANSWERS = """=== host
gw-1
=== user
technician
=== init
systemd
=== machine
0123456789abcdef0123456789abcdef
=== sysrq
0
=== accounts
root:x:0:0:root:/root:/bin/bash
technician:x:1500:1500::/home/technician:/bin/bash
broken line
=== processes
init
sshd
=== tcp
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000:C001 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0F02000A:C001 0202000A:D903 01 00000000:00000000 02:00000000 00000000     0
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A
=== udp
   1: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   100
=== units
avahi-daemon masked inactive
nonsense
=== root
root
=== firewall
*filter
:INPUT DROP [0:0]
COMMIT
"""


def test_every_answer_is_read() -> None:
    inside = read_answers(ANSWERS)
    assert (inside.host_name, inside.user, inside.sysrq, inside.root) == ("gw-1", "technician", "0", True)
    assert inside.accounts == {"root": (0, "/bin/bash"), "technician": (1500, "/bin/bash")}
    assert inside.init == "systemd"
    assert inside.processes == {"init", "sshd"}
    assert inside.tcp == {49153, 22}
    assert inside.udp == {5353}
    assert inside.units == {"avahi-daemon": ("masked", "inactive")}
    assert inside.firewall == "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    assert inside.machine_id not in repr(inside)


@pytest.mark.parametrize("text", ["", "=== root\nsudo: a password is required\n", "=== host\n=== root\n"])
def test_a_gateway_that_says_nothing(text: str) -> None:
    inside = read_answers(text)
    assert inside.host_name == ""
    assert not inside.root
    assert inside.firewall is None


@pytest.mark.tools
def test_the_script_is_one_for_any_shell_and_asks_only_for_names() -> None:
    text = script(["avahi-daemon", "x; touch /tmp/owned", "getty@tty1.service"])
    assert "touch" not in text
    done = subprocess.run(["busybox", "sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    here = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert read_answers(here.stdout).host_name
    assert read_answers(here.stdout).accounts["root"][0] == 0
