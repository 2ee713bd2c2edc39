"""What systemd makes units of by itself: init scripts and rc.local, as long as it still has the generators for it."""

from __future__ import annotations

import re

from pipeline.formats.packages import dpkg_status
from pipeline.model.image_view import ImageView
from pipeline.rules.looking import paths

READS = ("/var/lib/dpkg/status", "/var/lib/opkg/status", "/usr/lib/opkg/status")

_DIRECTORIES = ("/lib/systemd/system-generators", "/usr/lib/systemd/system-generators")
# Version 260 (March 2026) has neither the generator for init scripts nor the one for rc.local.
_WITHOUT = 260


def makes_units_of_scripts(view: ImageView) -> bool:
    """Whether ``/etc/init.d`` scripts with links in ``/etc/rcN.d`` are started by systemd."""
    return _has(view, "systemd-sysv-generator")


def runs_rc_local(view: ImageView) -> bool:
    """Whether ``/etc/rc.local`` is started by systemd, where it can be run."""
    return _has(view, "systemd-rc-local-generator")


def _has(view: ImageView, generator: str) -> bool:
    """The program itself; in an image that shows no generators at all, what the version of systemd is known for."""
    if any(view.exists(f"{directory}/{generator}") for directory in _DIRECTORIES):
        return True
    if paths(view, *(f"{directory}/systemd-*" for directory in _DIRECTORIES)):
        return False
    version = _version(view)
    return version is None or version < _WITHOUT


def _version(view: ImageView) -> int | None:
    for library in paths(view, "/lib/systemd/libsystemd-shared-*.so", "/usr/lib/systemd/libsystemd-shared-*.so",
                         "/usr/lib/*/systemd/libsystemd-shared-*.so"):  # fmt: skip
        found = re.search(r"-shared-(\d+)", library.name)
        if found:
            return int(found[1])
    for path in READS:
        found = re.match(r"(?:\d+:)?(\d+)", dpkg_status.versions(view.find(path) or b"").get("systemd", ""))
        if found:
            return int(found[1])
    return None
