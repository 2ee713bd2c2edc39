"""The programs that read these files on a gateway accept what is written for each, and refuse what is broken."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.model.gateway import Gateway, Interface
from pipeline.transforms import network
from tests.support.network import (
    AS_GOLDEN,
    DHCPD,
    GATEWAYS,
    HOSTAPD,
    INTERFACES,
    KURANET,
    NAMED,
    NONE,
    NORTH,
    PEER,
    SOUTH,
    STATION,
    a_gateway_with,
    a_golden,
    an_image,
    committed,
    replaced,
)
from tests.support.release import a_release, some_secrets

pytestmark = pytest.mark.tools
ADMIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def written(gateway: Gateway, root: Path, changes: Mapping[str, str | bytes | None] = NONE) -> dict[str, Path]:
    """The gateway's files below a directory."""
    layer, _ = network.restore(a_golden(changes), an_image(), a_release(), gateway, some_secrets())
    found = {}
    for entry in layer.files():
        place = root / entry.path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(entry.content)
        found[str(entry.path)] = place
    return found


def run(*command: str | Path) -> tuple[int, str]:
    """A program's exit status and all it says, in a network of its own."""
    isolated = ["unshare", "--map-root-user", "--net", *map(str, command)]
    done = subprocess.run(isolated, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=ADMIN, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def broken(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    place = path.with_name("broken")
    place.write_text(text.replace(old, new))
    return place


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_ifup(gateway: Gateway, tmp_path: Path) -> None:
    file = written(gateway, tmp_path)[INTERFACES]
    ifup = ("ifup", "--no-act", "--all", "--force", "--state-dir", tmp_path, "--interfaces")
    status, said = run(*ifup, file)
    assert status == 0, said
    address = {"gw-north-01": "192.168.11.1"}.get(gateway.name, "192.168.10.1")
    assert f"ip addr add {address}/255.255.255.0" in said
    _, started = run("ifquery", "--list", "--all", "--interfaces", file)
    used = {"lo", "eth0", "eth1", "wlan0"} - {name for name, i in gateway.interfaces.items() if i.state == "disabled"}
    assert set(started.split()) == used
    assert run(*ifup, broken(file, "iface eth0 inet static", "iface eth0 inet"))[0] != 0


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_named(gateway: Gateway, tmp_path: Path) -> None:
    file = written(gateway, tmp_path)[NAMED]
    (tmp_path / "var/named").mkdir(parents=True)
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "etc/named.rfc1912.zones").touch()
    assert run("named-checkconf", "-t", tmp_path, NAMED) == (0, "")
    broken(file, "allow-query", "allow-queries")
    assert run("named-checkconf", "-t", tmp_path, "/etc/bind/broken")[0] != 0


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_dhcpd(gateway: Gateway, tmp_path: Path) -> None:
    files = written(gateway, tmp_path)
    leases = tmp_path / "leases"
    leases.touch()
    for path in (path for path in files if path.startswith("/etc/dhcpd-")):
        status, said = run("dhcpd", "-t", "-lf", leases, "-cf", files[path])
        assert status == 0, said
    outside = broken(files[DHCPD], "range 192.168.1", "range 192.167.1")
    assert run("dhcpd", "-t", "-lf", leases, "-cf", outside)[0] != 0


def test_pppd(tmp_path: Path) -> None:
    file = broken(written(SOUTH, tmp_path)[PEER], "/var/log/", f"{tmp_path}/")  # it opens its log at once
    # Debian lets only its group dip start it, and everybody read it.
    pppd = tmp_path / "pppd"
    pppd.write_bytes(Path("/usr/sbin/pppd").read_bytes())
    pppd.chmod(0o755)
    # Without a modem it goes no further than the options, all of which it has read by then.
    assert f"{pppd}: no device specified and stdin is not a tty\n" in run(pppd, "file", file, "dryrun")[1]
    assert "unrecognized option 'novjx'" in run(pppd, "file", broken(file, "novj\n", "novjx\n"), "dryrun")[1]


@pytest.mark.parametrize("gateway", [NORTH, AS_GOLDEN], ids=lambda gateway: gateway.name)
def test_hostapd(gateway: Gateway, tmp_path: Path) -> None:
    file = written(gateway, tmp_path)[HOSTAPD]
    # There is no such interface: a good file fails there and nowhere before.
    said = run("hostapd", file)[1]
    assert "Failed to initialize driver" in said
    assert "errors found in configuration file" not in said
    channel = "channel=6" if gateway is NORTH else "channel=1"
    for old, new in ((channel, "chan=6"), ("wpa_passphrase=wifi-of-north-0123456789", "wpa_passphrase=short")):
        assert "errors found in configuration file" in run("hostapd", broken(file, old, new))[1]


def test_wpa_supplicant(tmp_path: Path) -> None:
    file = written(NORTH, tmp_path)[STATION]
    text = file.read_text().replace("/var/run/wpa_supplicant", str(tmp_path / "run"))
    file.write_text(text + 'network={\n    ssid="site"\n    psk="site-passphrase"\n}\n')
    refused = "Failed to read or parse configuration"
    assert refused not in run("wpa_supplicant", "-i", "none0", "-c", file)[1]
    assert refused in run("wpa_supplicant", "-i", "none0", "-c", broken(file, "psk=", "pks="))[1]


def test_wpa_supplicant_of_a_client(tmp_path: Path) -> None:
    station = f'ctrl_interface={tmp_path}/run\nnetwork={{\n    ssid="site"\n    psk="site-passphrase"\n}}\n'
    kuranet = replaced(KURANET, ("wlan0.config.wifi.mode=MASTER", "wlan0.config.wifi.mode=INFRA"))
    gateway = a_gateway_with(wlan0=Interface("wlan0", "lan", "static", "172.16.1.1/24", ssid="hall"))
    file = written(gateway, tmp_path, {**kuranet, STATION: station})[STATION]
    assert 'ssid="hall"' in file.read_text()
    refused = "Failed to read or parse configuration"
    assert refused not in run("wpa_supplicant", "-i", "none0", "-c", file)[1]
    assert refused in run("wpa_supplicant", "-i", "none0", "-c", broken(file, 'ssid="hall"', "ssid=hall"))[1]


@pytest.mark.parametrize("gateway", [NORTH, AS_GOLDEN], ids=lambda gateway: gateway.name)
def test_udhcpd(gateway: Gateway, tmp_path: Path) -> None:
    text = (
        "start 192.168.10.100\nend 192.168.10.110\ninterface eth0\nmax_leases 11\nauto_time 0\n"
        f"pidfile {tmp_path}/pid\nlease_file {tmp_path}/leases\nopt subnet 255.255.255.0\n"
        "opt router 192.168.10.1\nopt dns 192.168.10.1\nopt lease 7200\n"
    )
    file = written(gateway, tmp_path, {DHCPD: None, "/etc/udhcpd-eth0.conf": text})["/etc/udhcpd-eth0.conf"]
    # There is no such interface: a good file fails there and nowhere before.
    said = run("busybox", "udhcpd", "-f", file)[1]
    assert "is interface eth0 up and configured?" in said
    assert "can't parse" not in said
    assert "unknown option" not in said
    assert "can't parse line 2" in run("busybox", "udhcpd", "-f", broken(file, "end ", "end x"))[1]


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_named_where_systems_like_red_hat_have_it(gateway: Gateway, tmp_path: Path) -> None:
    text = committed(NAMED)
    file = written(gateway, tmp_path, {NAMED: None, "/etc/named.conf": text})["/etc/named.conf"]
    for directory in ("var/named", "var/log", "etc"):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    (tmp_path / "etc/named.rfc1912.zones").touch()
    assert run("named-checkconf", "-t", tmp_path, "/etc/named.conf") == (0, "")
    assert file.read_text().count("allow-query") == 1
