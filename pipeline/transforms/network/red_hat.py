"""``ifcfg-<interface>`` files, which ESF keeps where Linux is like Red Hat's, and which family an image is of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Interface

from pipeline.errors import PipelineError, Problem
from pipeline.formats.java import start_script
from pipeline.formats.network.ifcfg import Ifcfg
from pipeline.formats.network.ifcfg import render as render_ifcfg
from pipeline.model.guest_path import GuestPath
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.network.adapter import Adapter

DIRECTORY = GuestPath("/etc/sysconfig/network-scripts")
FILE = re.compile(r"/etc/sysconfig/network-scripts/ifcfg-([^/]+)")

_OS_VERSION = "-Dkura.os.version="
# For these Kura writes /etc/network/interfaces, for all others ifcfg files (formats 6). Generation A knows these names
# and no other; later ones were named after releases that came after it.
_DEBIAN_LIKE = frozenset({"yocto_1.2.1", "raspbian", "debian", "yocto_1.6.1_edison", "ubuntu_14.04"})
_DEBIAN_LATER = re.compile(r"(?:debian|raspbian|ubuntu|yocto)(?:[_. -].*)?", re.IGNORECASE)
_DEVICE_UNIQUE = ("HWADDR", "MACADDR", "UUID")
_DNS = re.compile(r"DNS[1-9][0-9]*")
_REMEDY = "use an image of the golden sample's own system, or export the golden sample again (A:186)"


def is_started(file: Ifcfg) -> bool:
    """Whether the interface comes up at boot; without the key it does."""
    return file.get("ONBOOT").lower() != "no"


def address_of(file: Ifcfg, here: str) -> IPv4Interface | None:
    """The static address; None without one. `PipelineError` when it is none."""
    address = file.get("IPADDR")
    if file.get("BOOTPROTO").lower() == "dhcp" or not address:
        return None
    try:
        return IPv4Interface(f"{address}/{file.get('PREFIX') or file.get('NETMASK') or '32'}")
    except ValueError as error:
        raise PipelineError(
            f"{here}: line {file.line_of('IPADDR')}: {error}", "give it a valid IPADDR and PREFIX"
        ) from None


def dns_of(file: Ifcfg) -> tuple[str, ...]:
    """The name servers in their order."""
    return tuple(file.get(key) for key in sorted(filter(_DNS.fullmatch, file.keys), key=lambda key: int(key[3:])))


def ifcfg_text(file: Ifcfg, adapter: Adapter) -> str:
    """The file of one gateway as ESF writes it: what the inventory changed, and no hardware address.

    A disabled interface keeps its file and is not started.
    """
    values: dict[str, str | None] = dict.fromkeys(_DEVICE_UNIQUE)
    if adapter.changed or not adapter.enabled:
        values["ONBOOT"] = "yes" if adapter.enabled else "no"
    if adapter.changed and adapter.enabled:
        static = adapter.method == "static" and adapter.address is not None
        values |= dict.fromkeys([key for key in file.keys if _DNS.fullmatch(key)])
        values |= {"BOOTPROTO": "static" if static else "dhcp", "NETMASK": None, "BROADCAST": None, "NETWORK": None}
        values["IPADDR"] = str(adapter.address.ip) if static and adapter.address else None
        values["PREFIX"] = str(adapter.address.network.prefixlen) if static and adapter.address else None
        values["GATEWAY"] = adapter.router if static and adapter.router else None
        values["DEFROUTE"] = "yes" if adapter.state == "wan" else "no"
        values |= {f"DNS{number}": server for number, server in enumerate(adapter.dns, 1)}
    return render_ifcfg(file.changed(values))


def other_family(vanilla: Vanilla, *, has_interfaces: bool, has_ifcfg: bool) -> Iterator[Problem]:
    """Files the image's framework would neither read nor write."""
    if has_interfaces and has_ifcfg:
        yield Problem(f"golden: has both /etc/network/interfaces and {DIRECTORY}", _REMEDY)
        return
    for version in sorted(_os_versions(vanilla)):
        debian = _is_like_debian(version, vanilla.layout.generation)
        if debian and has_ifcfg:
            yield Problem(
                f"golden: {DIRECTORY}: the image's framework keeps /etc/network/interfaces ({_OS_VERSION}{version})",
                _REMEDY,
            )
        if not debian and has_interfaces:
            yield Problem(
                f"golden: /etc/network/interfaces: the image's framework keeps ifcfg files ({_OS_VERSION}{version})",
                _REMEDY,
            )


def _is_like_debian(version: str, generation: str) -> bool:
    if generation == "A":
        return version in _DEBIAN_LIKE
    return _DEBIAN_LATER.fullmatch(version) is not None


def _os_versions(vanilla: Vanilla) -> set[str]:
    """What the start scripts tell the framework about its system."""
    found: set[str] = set()
    for path in vanilla.layout.start_scripts:
        content = vanilla.find(path) or b""
        for command in start_script.java_commands(content.decode("utf-8", "surrogateescape")):
            found |= {
                word.value.removeprefix(_OS_VERSION) for word in command.options if word.value.startswith(_OS_VERSION)
            }
    return {version for version in found if version and "$" not in version}
