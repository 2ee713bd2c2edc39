"""What is left of monit's files when services are taken out is what the real monit takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.formats.boot import monitrc

BASE = "set daemon 60\n"
AVAHI = 'check process avahi with pidfile /run/avahi.pid\n  start program = "/etc/init.d/avahi-daemon start"\n'
OTHER = "check process other with pidfile /run/other.pid\n"
MORE = "check process more with pidfile /run/more.pid\n"

FILES = {
    "one line": f"{BASE}{AVAHI}{OTHER}  depends on avahi\n",
    "a list": f"{BASE}{AVAHI}{MORE}{OTHER}  depends on avahi, more\n",
    "a list over two lines": f"{BASE}{AVAHI}{MORE}{OTHER}  depends on more,\n    avahi\n",
    "a list that goes, over two lines": f"{BASE}{AVAHI}{OTHER}  depends on avahi,\n    avahi2\n  group x\n".replace(
        OTHER, AVAHI.replace("avahi ", "avahi2 ").replace("avahi.pid", "avahi2.pid") + OTHER
    ),
    "a comma on the next line": f"{BASE}{AVAHI}{MORE}{OTHER}  depends on more\n    , avahi\n",
    "quotation marks": f'{BASE}{AVAHI}{MORE}{OTHER}  depends on "avahi", "more"\n',
    "a comment behind": f"{BASE}{AVAHI}{OTHER}  depends on avahi # the bus\n",
    "something behind it": f"{BASE}{AVAHI}{OTHER}  depends on avahi group x\n",
    "something before it": f'{BASE}{AVAHI}{OTHER}  start program = "/bin/true" depends on avahi\n',
    "two lists": f"{BASE}{AVAHI}{MORE}{OTHER}  depends on avahi\n  depends on more\n",
    "a commented list": f"{BASE}{AVAHI}{OTHER}  # depends on avahi\n",
    "capitals": f"{BASE}{AVAHI}{OTHER}  DEPENDS ON avahi\n",
    "without on": f"{BASE}{AVAHI}{MORE}{OTHER}  depends avahi, more\n",
}


def monit(data: bytes, folder: Path) -> str:
    """What it says of a file; nothing where it takes it."""
    file = folder / "monitrc"
    file.write_bytes(data)
    file.chmod(0o600)
    done = subprocess.run(
        ["monit", "-t", "-c", str(file)], capture_output=True, text=True, check=False, env={"HOME": str(folder)},
        timeout=60,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr + done.stdout


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("monit") is None, reason="no monit on this machine")
@pytest.mark.parametrize("name", FILES)
def test_what_is_left_is_taken(name: str, tmp_path: Path) -> None:
    data = FILES[name].encode()
    assert monit(data, tmp_path) == "", "a file of ours that is none"
    left = monitrc.without(data, {"avahi-daemon"}, "off")
    assert monit(left, tmp_path) == ""
    assert not any(check.name == "avahi" for check in monitrc.checks(left))


@pytest.mark.parametrize(
    ("action", "starts"),
    [
        ('if not exist then exec "/etc/init.d/avahi-daemon restart"', True),
        ("if does not exist then exec '/usr/sbin/avahi-daemon -D'", True),
        ('if not exist then exec "/usr/bin/systemctl start avahi-daemon.service" as uid root', True),
        ('if failed port 1 then exec "/etc/init.d/avahi-daemon stop"', False),
        ('restart program = "/etc/init.d/avahi-daemon restart"', True),
        ('stop program = "/etc/init.d/avahi-daemon stop"', False),
        ('# if not exist then exec "/etc/init.d/avahi-daemon restart"', False),
    ],
)
def test_whatever_starts_a_service_is_seen(action: str, starts: bool) -> None:
    [check] = monitrc.checks(f"check process x with pidfile /run/x\n  {action}\n".encode())
    words = {word.rpartition("/")[2].removesuffix(".service") for word in check.starts}
    assert ("avahi-daemon" in words) is starts
