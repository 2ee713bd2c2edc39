"""What this machine has and lacks for building, testing and verifying, with the remedy for each lack."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools


class Level(Enum):
    """How much a finding hinders: not, perhaps or only the tests, surely."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, how it is, what was found, and what to do about it (empty when ok)."""

    name: str
    level: Level
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Need:
    """A program that is run, and how to ask its version (no arguments: its presence has to do)."""

    program: str
    ask: tuple[str, ...] = ()
    reason: str = ""


# Every program a build, `doit plan` or `doit verify` runs; ci/packages-build.txt names them too (a test compares).
BUILD: tuple[Need, ...] = (
    Need("qemu-system-x86_64", ("--version",), "run the libguestfs appliance"),
    Need("qemu-img", ("--version",), "read qcow2 images"),
    Need("debugfs", ("-V",), "stamp ext4"),
    Need("dumpe2fs", (), "read ext4 superblocks"),
    Need("e2fsck", ("-V",), "check ext4"),
    Need("mke2fs", (), "make ext4"),
    Need("tune2fs", (), "seal ext4"),
    Need("mmdebstrap", ("--version",), "make the demo's vanilla image"),
    Need("mcopy", ("--version",), "read and write FAT"),
    Need("mformat", (), "make FAT"),
    Need("mdir", (), "say whose a block of FAT is"),
    Need("mshowfat", (), "say whose a block of FAT is"),
    Need("mkfs.vfat", ("--help",), "make FAT"),
    Need("fsck.vfat", (), "check FAT"),
    Need("mkenvimage", ("-V",), "make U-Boot environments"),
    Need("fw_printenv", ("--version",), "read U-Boot environments"),
    Need("ssh", ("-V",), "log in to the booted demo"),
    Need("ssh-keygen", (), "check signatures"),
    Need("unshare", ("--version",), "make the demo without root"),
    Need("xz", ("--version",), "read and write .xz"),
    Need("zstd", ("--version",), "read and write .zst"),
)
# Everything else that pipeline/host/tools.py knows the package of: only tests and booting the demo run it.
_ASK = {
    "bmaptool": ("--version",),
    "iptables-restore": ("--version",),
    "javac": ("--version",),
    "sshd": ("-V",),
    "xmllint": ("--version",),
}
OTHERS: tuple[Need, ...] = tuple(
    Need(program, _ASK.get(program, ())) for program in sorted(set(tools.PACKAGES) - {need.program for need in BUILD})
)
# Import name, distribution and what to do for it; ci/bootstrap brings all of them.
MODULES = (
    ("guestfs", "guestfs", "apt-get install python3-guestfs, and start through ./ci/bootstrap"),
    ("jks", "pyjks", "pip install --no-deps pyjks"),
    ("cryptography", "cryptography", "pip install cryptography"),
    ("doit", "doit", "pip install doit"),
    ("jinja2", "jinja2", "pip install jinja2"),
    ("lxml.etree", "lxml", "pip install lxml"),
)
_GIB = 1 << 30
# A base, one image and their private copies, sparse; libguestfs keeps its appliance in the second.
BUILD_SPACE, CACHE_SPACE = 4 * _GIB, 1 * _GIB
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+[\w.+-]*|\d{5})|(?<=OpenSSH_)(\S+?)(?=[,\s])")


def version_in(text: str) -> str:
    """The first thing in what a program printed that looks like a version, or an empty string."""
    match = _VERSION.search(text)
    return (match[1] or match[2]).rstrip(",.") if match else ""


def _program(need: Need, lacking: Level) -> Finding:
    path = tools.find(need.program)
    if path is None:
        package = tools.PACKAGES.get(need.program, need.program)
        why = f"; needed to {need.reason}" if need.reason else "; only tests and booting need it"
        return Finding(need.program, lacking, f"not installed{why}", f"apt-get install {package}")
    if not need.ask:
        return Finding(need.program, Level.OK, str(path))
    try:
        asked = tools.run(need.program, *need.ask, reason="tell its version", ok=range(256), timeout=10)
    except (PipelineError, OSError) as error:
        return Finding(need.program, Level.WARN, f"{path} does not run: {error}".splitlines()[0], "install it again")
    version = version_in(asked.text + asked.complaints)
    return Finding(need.program, Level.OK, f"{version}, {path}" if version else str(path))


def _python() -> Iterator[Finding]:
    yield Finding("python", Level.OK, f"{platform.python_version()}, {sys.executable}")
    for module, distribution, remedy in MODULES:
        try:
            loaded = importlib.import_module(module)
        except ImportError as error:
            yield Finding(f"python: {module}", Level.FAIL, str(error), remedy)
        else:
            yield Finding(f"python: {module}", Level.OK, _library(distribution, loaded.__file__))
    encoding = sys.getfilesystemencoding()
    if encoding.lower() == "utf-8":
        yield Finding("locale", Level.OK, f"file names are {encoding}")
    else:
        yield Finding("locale", Level.WARN, f"file names are {encoding}", "set LC_ALL=C.UTF-8")


def _library(distribution: str, file: str | None) -> str:
    place = str(Path(file).resolve().parent) if file else "built in"
    try:
        return f"{importlib.metadata.version(distribution)}, {place}"
    except importlib.metadata.PackageNotFoundError:
        return place


def _kernel() -> Finding:
    kernels = sorted(Path("/boot").glob("vmlinuz*"))
    modules = {path.name for path in Path("/lib/modules").glob("*") if (path / "modules.dep").exists()}
    usable = [path.name for path in kernels if path.name.removeprefix("vmlinuz-") in modules]
    if not usable:
        return Finding(
            "appliance kernel", Level.FAIL, "no kernel with modules in /boot", "apt-get install linux-image-amd64"
        )
    if not any(os.access(path, os.R_OK) for path in kernels if path.name in usable):
        return Finding(
            "appliance kernel",
            Level.FAIL,
            f"/boot/{usable[-1]} cannot be read",
            f"chmod a+r /boot/{usable[-1]} as root",
        )
    return Finding("appliance kernel", Level.OK, usable[-1])


def space(name: str, place: Path, wanted: int) -> Finding:
    """Whether `wanted` bytes are free for writing at a place, or at its nearest parent where it does not exist yet."""
    standing = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    free = shutil.disk_usage(standing).free
    found = f"{free / _GIB:.1f} GiB free at {standing}"
    if not os.access(standing, os.W_OK):
        return Finding(name, Level.FAIL, f"{standing} cannot be written", "choose another place, or change its owner")
    if free < wanted:
        return Finding(name, Level.FAIL, found, f"free {wanted / _GIB:.0f} GiB there, or choose another place")
    return Finding(name, Level.OK, found)


def _kvm() -> Finding:
    device = Path("/dev/kvm")
    if not device.exists():
        return Finding("KVM", Level.WARN, "no /dev/kvm; TCG is used, slower", "give this machine virtualisation")
    if not os.access(device, os.R_OK | os.W_OK):
        return Finding("KVM", Level.WARN, "/dev/kvm is not yours; TCG is used, slower", "join the group kvm")
    return Finding("KVM", Level.OK, "/dev/kvm is there; whether it works shows at the first launch")


def inspect_host(build_dir: Path, kvm: Finding | None = None) -> tuple[Finding, ...]:
    """Everything a build needs of this machine, in a fixed order.

    Args:
        build_dir: where images would be built; it need not exist.
        kvm: the outcome of really launching with KVM, where that was tried; without it only the device is looked at.
    """
    # As libguestfs chooses it.
    cache = Path(os.environ.get("LIBGUESTFS_CACHEDIR") or os.environ.get("TMPDIR") or "/var/tmp")  # noqa: S108
    return (
        *_python(),
        *(_program(need, Level.FAIL) for need in BUILD),
        *(_program(need, Level.WARN) for need in OTHERS),
        _kernel(),
        kvm or _kvm(),
        space("space for building", build_dir, BUILD_SPACE),
        space("space for libguestfs", cache, CACHE_SPACE),
        space("temporary files", Path(tempfile.gettempdir()), CACHE_SPACE),
    )


def render(findings: Iterable[Finding]) -> str:
    """The findings as lines for a person, remedies indented below what they mend, and a line that sums up."""
    listed = tuple(findings)
    width = max((len(finding.name) for finding in listed), default=0)
    lines = []
    for finding in listed:
        lines.append(f"{finding.level.value:<4}  {finding.name:<{width}}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':<4}  {'':<{width}}  fix: {finding.remedy}")
    failed = sum(finding.level is Level.FAIL for finding in listed)
    warned = sum(finding.level is Level.WARN for finding in listed)
    verdict = "this machine can build" if not failed else f"{failed} missing or broken"
    lines.append(f"{verdict}; {warned} to note" if warned else verdict)
    return "\n".join(lines) + "\n"
