"""The network section of a snapshot: ``net.interfaces`` and ``net.interface.<name>.<key>`` (formats 2).

Interfaces may have dots in their names (a VLAN, a modem behind a hub), so the list of names decides where one ends.
"""

from __future__ import annotations

from collections.abc import Mapping

_LIST = "net.interfaces"
_PREFIX = "net.interface."


def interfaces_of(properties: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the section says of each interface it lists, by name, and there by key; the loopback is among them.

    Properties of interfaces that are not in the list are what the gateway passes over, too.
    """
    names = [name.strip() for name in properties.get(_LIST, "").split(",")]
    found: dict[str, dict[str, str]] = {name: {} for name in sorted(names) if name}
    # Longest first: eth0.100 is not eth0 with a key that begins with 100.
    by_length = sorted(found, key=len, reverse=True)
    for key, value in properties.items():
        if not key.startswith(_PREFIX):
            continue
        rest = key[len(_PREFIX) :]
        owner = next((name for name in by_length if rest.startswith(f"{name}.")), None)
        if owner is not None:
            found[owner][rest[len(owner) + 1 :]] = value
    return found
