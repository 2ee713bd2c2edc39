"""An inventory of any number of gateways of the demonstration's three kinds, and a workspace that builds them."""

from __future__ import annotations

from pathlib import Path

from tests.support.workspaces import CHECKOUT, a_workspace


def inventory(count: int) -> str:
    """`devices.toml` with that many gateways: four in five of one kind, the others of two more."""
    return "\n".join(_gateway(number) for number in range(count))


def _gateway(number: int) -> str:
    high, low = divmod(number, 250)
    lines = [
        "[[gateway]]",
        f'name = "gw-{number:05d}"',
        f'serial = "SN-{number:06d}"',
        "",
    ]
    if number % 10 == 7:
        lines += [
            "[gateway.interfaces.wlan0]", 'state = "disabled"',
            "[gateway.interfaces.ppp0]", 'state = "wan"', 'method = "ppp"', 'apn = "south.example"',
        ]  # fmt: skip
    elif number % 10 == 8:
        lines += [
            "[gateway.interfaces.eth1]", 'state = "wan"', 'method = "static"',
            f'address = "198.{18 + high // 250}.{high % 250}.{low + 2}/15"', 'gateway = "198.18.0.1"',
            'dns = ["192.0.2.53"]',
            "[gateway.interfaces.wlan0]", 'state = "disabled"', "[gateway.interfaces.ppp0]", 'state = "disabled"',
        ]  # fmt: skip
    else:
        lines += [
            "[gateway.interfaces.eth0]", 'state = "lan"', 'method = "static"', 'address = "192.168.11.1/24"',
            'dhcp_range = ["192.168.11.100", "192.168.11.110"]',
            "[gateway.interfaces.wlan0]", 'state = "lan"', 'method = "static"', 'address = "172.16.11.1/24"',
            'dhcp_range = ["172.16.11.100", "172.16.11.110"]', f'ssid = "ap_{number}"', "channel = 6",
            "[gateway.interfaces.ppp0]", 'state = "disabled"',
        ]  # fmt: skip
    lines += ["[gateway.variables]", f'site = "Site {number}"', ""]
    return "\n".join(lines)


def fleet_workspace(place: Path, count: int, *, form: str = "fleet") -> Path:
    """The demonstration's workspace with that many gateways."""
    workspace = a_workspace(place, CHECKOUT / ".demo")
    (workspace / "devices.toml").write_text(inventory(count))
    release = workspace / "gateway.toml"
    release.write_text(release.read_text().replace("[output]\n", f'[output]\nform = "{form}"\n'))
    return workspace
