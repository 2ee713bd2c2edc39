"""A Debian 12 root file system as a tar archive, made by mmdebstrap and kept until its recipe or packages change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from pipeline import tools
from pipeline.demo.apt import apt_options, candidates, debian_sources
from pipeline.demo.esf import INIT_SCRIPTS, files_of
from pipeline.errors import PipelineError

Init = Literal["sysv", "systemd"]

SUITE = "bookworm"

# What a gateway of the documents runs, and no more: named one by one, recommendations are not followed.
_PACKAGES = (
    "usr-is-merged",  # else usrmerge brings all of perl, 45 MB
    "openssh-server",
    "iptables",
    "ifupdown",
    "isc-dhcp-client",
    "isc-dhcp-server",
    "bind9",
    "ppp",
    "hostapd",
    "wpasupplicant",
    "avahi-daemon",
    "monit",
    "procps",
    "sudo",
    "kmod",
    "udev",
    "e2fsprogs",
)
_INIT_PACKAGES: Mapping[str, tuple[str, ...]] = {
    # Debian 12 has dropped some packages' init scripts (avahi-daemon's among them); orphan-sysvinit-scripts has them.
    "sysv": ("sysvinit-core", "orphan-sysvinit-scripts"),
    "systemd": ("systemd-sysv",),
}
_LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
    # names of PCI and USB devices: 22 MB in source and compiled form
    "/lib/udev/hwdb.d/*",
    "/usr/lib/udev/hwdb.d/*",
)
# ESF starts and stops these itself as its configuration says (formats 6); Debian's own start at boot must not.
_STARTED_BY_ESF = ("hostapd", "isc-dhcp-server", "named")
_STEPS = (
    *(f"chmod 0755 /etc/init.d/{name} && update-rc.d {name} defaults" for name in INIT_SCRIPTS),
    *(f"update-rc.d {name} disable" for name in _STARTED_BY_ESF),
    # systemd keeps its journal in memory when this directory, the only one with an access list, is not there
    "rm -rf /var/log/journal",
)
_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"


def debian_rootfs(work: Path, *, epoch: int, init: Init, progress: Callable[[str], None]) -> Path:
    """The root file system's tar archive in a work directory, made if it is not there yet.

    The file is named by a digest of the recipe: packages, what is left out, init scripts, clock, and the package
    versions that this machine's apt would install. It is not a never-booted system yet, see `pipeline.demo.debian`.

    Raises:
        PipelineError: mmdebstrap is missing or fails, or this user may not make a root file system.
    """
    packages = tuple(sorted({*_PACKAGES, *_INIT_PACKAGES[init]}))
    recipe = {
        "suite": SUITE,
        "packages": candidates(packages),
        "left out": _LEFT_OUT,
        "steps": _STEPS,
        "init scripts": {
            str(path): hashlib.sha256(content).hexdigest()
            for path, content in files_of("etc/init.d").items()
            if path.name in INIT_SCRIPTS
        },
        "init": init,
        "epoch": epoch,
    }
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    archive = work / f"rootfs-{digest}.tar"
    if archive.exists():
        progress("demo: Debian root file system is already there")
        return archive
    work.mkdir(parents=True, exist_ok=True)
    for old in work.glob("rootfs-*.tar*"):
        old.unlink()
    progress(f"demo: making a Debian {SUITE} root file system with mmdebstrap, about half a minute")
    _mmdebstrap(archive, packages, work, epoch=epoch)
    return archive


def _mmdebstrap(archive: Path, packages: tuple[str, ...], work: Path, *, epoch: int) -> None:
    part = archive.with_suffix(".tar.part")
    sources = work / "sources.list"
    sources.write_text(debian_sources(SUITE), "utf-8")
    options = work / "apt.conf"
    options.write_text(apt_options(), "utf-8")
    try:
        tools.run(
            "mmdebstrap",
            *("--variant=minbase", "--architectures=amd64", "--format=tar"),
            *_mode(),
            f"--hook-dir={_MERGED_USR}",
            f"--include={','.join(packages)}",
            '--aptopt=Apt::Install-Recommends "false"',
            f"--aptopt={options}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
            *_hooks(work),
            *(SUITE, part, sources),
            reason="make the Debian root file system of the demo's vanilla image",
            env={"SOURCE_DATE_EPOCH": str(epoch), **_proxies()},
            timeout=1800,
        )
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)
        sources.unlink()
        options.unlink()


def _proxies() -> dict[str, str]:
    """How this machine reaches the archive, for apt alone."""
    names = ("http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in names if name in os.environ}


def _hooks(work: Path) -> tuple[str, ...]:
    """Hooks that register the installation's init scripts, as its installer does (formats 3.2)."""
    scripts = work / "init.d"
    scripts.mkdir(exist_ok=True)
    for path, content in files_of("etc/init.d").items():
        if path.name in INIT_SCRIPTS:
            (scripts / path.name).write_bytes(content)
    copied = " ".join(f"'{scripts / name}'" for name in INIT_SCRIPTS)
    return (
        f"--customize-hook=copy-in {copied} /etc/init.d",
        *(f"--customize-hook=chroot \"$1\" /bin/sh -c '{step}'" for step in _STEPS),
    )


def _mode() -> tuple[str, ...]:
    """How mmdebstrap gets the rights to make a root file system: as root, or in a user name space."""
    if os.geteuid() == 0:
        # Root in an ordinary container may not mount; mmdebstrap can do without when told so.
        probe = tools.run("unshare", "--mount", "true", reason="see whether this root user may mount", ok=range(256))
        return ("--mode=root",) if probe.status == 0 else ("--mode=root", "--skip=check/canmount")
    probe = tools.run(
        "unshare", "--user", "--map-auto", "--map-root-user", "true", reason="try a user name space", ok=range(256)
    )
    if probe.status != 0:
        raise PipelineError(
            "demo: this user may not make a root file system: no user name space with a range of user ids: "
            + (probe.complaints.strip().splitlines() or ["no message"])[-1],
            "install uidmap and give the user a range in /etc/subuid and /etc/subgid, or run as root in a container",
        )
    return ("--mode=unshare",)
