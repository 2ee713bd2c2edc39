"""``/var/lib/dpkg/status`` or opkg's file of the same form (deb822, Debian Policy 5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

# "Source: glibc (2.36-9)": the version stands there only where it differs from the binary package's (Policy 5.6.1).
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^)\s]+)\))?\Z")


@dataclass(frozen=True)
class Installed:
    """A package that is really installed.

    Attributes:
        architecture: empty where the file does not say.
        source: the source package it was built from; its own name where the file does not say.
        source_version: of the source package.
    """

    name: str
    version: str
    architecture: str
    source: str
    source_version: str


@lru_cache(maxsize=4)
def installed(data: bytes) -> tuple[Installed, ...]:
    """The packages that are really installed, in the order of the file.

    A stanza without name, version or status is passed over: the file is the image's, not ours to judge.
    """
    found: list[Installed] = []
    for fields in _stanzas(data):
        status = fields.get("status", "").split()
        if "package" in fields and "version" in fields and status[-1:] == ["installed"]:
            name, version = fields["package"], fields["version"]
            source = _SOURCE.match(fields.get("source", ""))
            found.append(
                Installed(
                    name=name,
                    version=version,
                    architecture=fields.get("architecture", ""),
                    source=source[1] if source is not None else name,
                    source_version=(source[2] if source is not None else None) or version,
                )
            )
    return tuple(found)


def versions(data: bytes) -> Mapping[str, str]:
    """Version of each package that is really installed, by name."""
    return {package.name: package.version for package in installed(data)}


def _stanzas(data: bytes) -> Iterator[Mapping[str, str]]:
    for stanza in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.split("\n"):
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                fields.setdefault(name.strip().lower(), value.strip())
        yield fields
