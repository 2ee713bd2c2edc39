"""A Debian 12 root file system as a tar archive, made by mmdebstrap and kept until its recipe or packages change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from pipeline.demo import kura
from pipeline.demo.apt import apt_options, candidates, debian_sources
from pipeline.demo.esf import INIT_SCRIPTS, files_of
from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.model.guest_path import GuestPath

Init = Literal["sysv", "systemd"]

SUITE = "bookworm"

Product = Literal["esf-5", "kura-5"]

# What both products run on; named one by one, recommendations are not followed.
_COMMON = (
    "usr-is-merged",  # else usrmerge brings all of perl, 45 MB
    "openssh-server",
    "iptables",
    "wpasupplicant",
    "avahi-daemon",
    "procps",
    "sudo",
    "kmod",
    "udev",
    "e2fsprogs",
)
_PACKAGES: Mapping[Product, tuple[str, ...]] = {
    # What a gateway of the documents runs, and no more.
    "esf-5": ("ifupdown", "isc-dhcp-client", "isc-dhcp-server", "bind9", "ppp", "hostapd", "monit"),
    # From Kura 5.3 on the network is NetworkManager's, told what to do over the bus (formats 8).
    "kura-5": ("dbus", "network-manager", "dnsmasq-base", "modemmanager"),
}
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
_NO_JOURNAL = "rm -rf /var/log/journal"  # kept in memory then; it is the only directory with an access list
_STEPS: Mapping[Product, tuple[str, ...]] = {
    "esf-5": (
        *(f"chmod 0755 /etc/init.d/{name} && update-rc.d {name} defaults" for name in INIT_SCRIPTS),
        *(f"update-rc.d {name} disable" for name in _STARTED_BY_ESF),
        _NO_JOURNAL,
    ),
    "kura-5": (
        f"groupadd --system --gid {kura.GID} {kura.USER}",
        f"useradd --system --uid {kura.UID} --gid {kura.GID} --no-create-home --home-dir /opt/eclipse"
        f" --shell /usr/sbin/nologin {kura.USER}",
        _NO_JOURNAL,
    ),
}
_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"


def debian_rootfs(
    work: Path, *, epoch: int, init: Init, progress: Callable[[str], None], product: Product = "esf-5"
) -> Path:
    """The root file system's tar archive in a work directory, made if it is not there yet.

    The file is named by a digest of the recipe: packages, what is left out, init scripts, clock, and the package
    versions that this machine's apt would install. It is not a never-booted system yet, see `pipeline.demo.debian`.

    Raises:
        PipelineError: mmdebstrap is missing or fails, or this user may not make a root file system.
    """
    packages = tuple(sorted({*_COMMON, *_PACKAGES[product], *_INIT_PACKAGES[init]}))
    recipe = {
        "suite": SUITE,
        "packages": candidates(packages),
        "left out": _LEFT_OUT,
        "steps": _STEPS[product],
        "init scripts": {
            str(path): hashlib.sha256(content).hexdigest() for path, content in _init_scripts(product).items()
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
    _mmdebstrap(archive, packages, work, product, epoch=epoch)
    return archive


def _mmdebstrap(archive: Path, packages: tuple[str, ...], work: Path, product: Product, *, epoch: int) -> None:
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
            *_hooks(work, product),
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


def _init_scripts(product: Product) -> dict[GuestPath, bytes]:
    """Scripts that the installation registers; under systemd its units are linked instead."""
    delivered = files_of("etc/init.d") if product == "esf-5" else {}
    return {path: content for path, content in delivered.items() if path.name in INIT_SCRIPTS}


def _hooks(work: Path, product: Product) -> tuple[str, ...]:
    """Hooks that do what the installer does to the system: register init scripts, or make a user (formats 3.2)."""
    hooks: list[str] = []
    scripts = _init_scripts(product)
    if scripts:
        directory = work / "init.d"
        directory.mkdir(exist_ok=True)
        for path, content in scripts.items():
            (directory / path.name).write_bytes(content)
        copied = " ".join(f"'{directory / name}'" for name in INIT_SCRIPTS)
        hooks.append(f"--customize-hook=copy-in {copied} /etc/init.d")
    return (*hooks, *(f"--customize-hook=chroot \"$1\" /bin/sh -c '{step}'" for step in _STEPS[product]))


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
