"""What the product itself says of an input, without asking anybody: True where it would let it pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from pipeline.errors import PipelineError
from pipeline.formats.accounts import sudoers
from pipeline.formats.boot import fw_env_config
from pipeline.formats.java.jar_manifest import parse_manifest
from pipeline.formats.network import chat_script, interfaces
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.ssh import sshd_config
from pipeline.rules.grammar import hostapd, pppd, udhcpd, wpa_supplicant
from pipeline.rules.grammar.sshd import refusals as sshd_refusals
from pipeline.rules.grammar.sshd.keywords import Build

Emulation = Callable[[bytes, str], bool]
"""Of an input and the version's words."""


def _sshd(data: bytes, version: str) -> bool:
    found = re.search(r"(\d+)\.(\d+)", version)
    assert found is not None
    try:
        read = sshd_config.statements("/etc/ssh/sshd_config", data, lambda pattern: [])
    except sshd_config.SshdConfigError:
        return False
    return not [*sshd_refusals.refusals(read, Build((int(found[1]), int(found[2])), debian=True))]


def _tables(*, six: bool) -> Emulation:
    def passes(data: bytes, version: str) -> bool:
        del version
        return _parsed(lambda text: iptables.parse(text, "f", six=six), data)

    return passes


def _parser(parse: Callable[[str, str], object]) -> Emulation:
    def passes(data: bytes, version: str) -> bool:
        del version
        return _parsed(lambda text: parse(text, "f"), data)

    return passes


def _sudoers(data: bytes, version: str) -> bool:
    """What is included is not there, in the corpus."""
    del version
    found = sudoers.parse(data)
    return not found.refused and all(path.endswith("/*") for path in found.includes)


def rootly(data: bytes) -> list[list[object]]:
    """Who may do everything as root, and whether a password is asked for, as the corpus records it."""
    found = sudoers.parse(data)
    return [[grant.who, grant.password] for grant in found.grants if grant.as_root and grant.everything]


def _judged(refusals: Callable[[str], Iterable[object]]) -> Emulation:
    def passes(data: bytes, version: str) -> bool:
        del version
        return not [*refusals(data.decode("utf-8", "surrogateescape"))]

    return passes


def _pppd(data: bytes, version: str) -> bool:
    old = version.startswith("2.4")
    return not [*pppd.refusals(data.decode("utf-8", "surrogateescape"), ipx=old)]


def _fw_env(data: bytes, version: str) -> bool:
    """Debian 12's libubootenv was built without the YAML form."""
    if version == "0.3.2" and re.search(rb"(?m)^\w+\s*:\s*$", data):
        return False
    try:
        places = fw_env_config.parse(data)
    except fw_env_config.FwEnvConfigError:
        return False
    return len({place.size for place in places}) == 1  # what two copies must agree in, the transforms and rules say


def _manifest(data: bytes, version: str) -> bool:
    del version
    try:
        parse_manifest(data, "f")
    except PipelineError:
        return False
    return True


def _parsed(parse: Callable[[str], object], data: bytes) -> bool:
    try:
        parse(data.decode("utf-8", "surrogateescape"))
    except PipelineError:
        return False
    return True


EMULATIONS: dict[str, Emulation] = {
    "chat": _parser(chat_script.parse),
    "fw_printenv": _fw_env,
    "hostapd": _judged(hostapd.refusals),
    "ifup": _parser(interfaces.parse),
    "ip6tables-restore": _tables(six=True),
    "iptables-restore": _tables(six=False),
    "java-manifest": _manifest,
    "pppd": _pppd,
    "sshd": _sshd,
    "udhcpd": _judged(udhcpd.refusals),
    "visudo": _sudoers,
    "wpa_supplicant": _judged(wpa_supplicant.refusals),
}
