"""Installed packages, from ``/var/lib/dpkg/status`` or opkg's file of the same form (deb822, Debian Policy 5.1)."""

from __future__ import annotations

from collections.abc import Mapping


def versions(data: bytes) -> Mapping[str, str]:
    """Version of each package that is really installed, by name.

    A stanza without name, version or status is passed over: the file is the image's, not ours to judge.
    """
    found: dict[str, str] = {}
    for stanza in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                fields.setdefault(name.strip().lower(), value.strip())
        status = fields.get("status", "").split()
        if "package" in fields and "version" in fields and status[-1:] == ["installed"]:
            found[fields["package"]] = fields["version"]
    return found
