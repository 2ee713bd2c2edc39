"""Versions of everything that can change the bytes of an image; part of the manifest and of every step's key."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pipeline
from pipeline.host.digests import digest_of_tree
from pipeline.host.tools import run
from pipeline.image.appliance.appliance import guestfs_binding

_LIBRARIES = ("cryptography", "jinja2", "lxml", "pyjks")


@lru_cache(maxsize=1)
def toolchain() -> Mapping[str, str]:
    """Version by name, sorted."""
    versions = {name: version(name) for name in _LIBRARIES}
    versions["e2fsprogs"] = _e2fsprogs()
    versions["mtools"] = _mtools()
    versions["libguestfs"] = _libguestfs()
    versions["appliance-kernel"] = _appliance_kernel()
    versions["python"] = platform.python_version()
    return dict(sorted(versions.items()))


@lru_cache(maxsize=1)
def pipeline_digest() -> str:
    """Digest over the pipeline's own source, so that a changed pipeline rebuilds what it made."""
    return digest_of_tree(Path(pipeline.__file__).parent)


def _e2fsprogs() -> str:
    banner = run("debugfs", "-V", reason="write ext4 file systems").complaints
    found = re.search(r"debugfs (\S+)", banner)
    return found.group(1) if found else "unknown"


def _mtools() -> str:
    banner = run("mcopy", "--version", reason="write FAT file systems").text
    found = re.search(r"mtools\) (\S+)", banner)
    return found.group(1) if found else "unknown"


def _libguestfs() -> str:
    about = guestfs_binding().GuestFS(python_return_dict=True).version()
    return f"{about['major']}.{about['minor']}.{about['release']}{about['extra']}"


def _appliance_kernel() -> str:
    """The kernel supermin takes: the newest one that has its modules."""
    kernels = [
        path.name for path in Path("/lib/modules").glob("*") if (Path("/boot") / f"vmlinuz-{path.name}").exists()
    ]
    return max(kernels, key=_by_number, default="unknown")


def _by_number(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-+]", name))
