"""The demo's vanilla images: Debian 12 with a never-booted stand-in for ESF 5 or Kura 5 on a partitioned disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.demo.debian import never_booted
from pipeline.demo.disk import BOOT_LABEL, ROOT_UUID, write_disk
from pipeline.demo.esf import esf5
from pipeline.demo.kura import kura5
from pipeline.demo.members import Member, Members, read_tar, with_parents
from pipeline.demo.rootfs import Init, debian_rootfs
from pipeline.demo.vendor import HttpsIdentity, VendorIdentity
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind


def build_vanilla(
    target: Path,
    work: Path,
    *,
    epoch: int,
    progress: Callable[[str], None],
    vendor: VendorIdentity,
    plugins: Mapping[str, bytes],
    init: Init = "sysv",
) -> None:
    """Build the ESF 5 image at `target`; the same arguments and package versions give the same bytes.

    Args:
        work: keeps Debian's root file system between builds, so that changes to the installation are quick.
        epoch: seconds since 1970; the only clock.
        progress: called with one line before each step.
        vendor: whose certificates the image trusts (`pipeline.demo.vendor.vendor_identity`).
        plugins: the vendor's bundles by file name, already signed by the vendor.
        init: what starts the system; ESF 5 came with SysV init scripts.

    Raises:
        PipelineError: a tool is missing, this user may not make a root file system, or the archive cannot be reached.
    """
    archive = debian_rootfs(work, epoch=epoch, init=init, progress=progress)
    installation = {**_monit_control(epoch), **esf5(vendor, plugins, epoch=epoch)}
    _write(target, archive, installation, epoch=epoch, progress=progress)


def build_kura_vanilla(
    target: Path,
    work: Path,
    *,
    epoch: int,
    progress: Callable[[str], None],
    vendor: VendorIdentity,
    https: HttpsIdentity,
    plugins: Mapping[str, bytes],
) -> None:
    """Build the Kura 5 image at `target`, which starts with systemd; arguments and errors as of `build_vanilla`.

    Args:
        https: what the installer made for the console, in every copy of the image.
    """
    archive = debian_rootfs(work, epoch=epoch, init="systemd", progress=progress, product="kura-5")
    _write(target, archive, kura5(vendor, https, plugins, epoch=epoch), epoch=epoch, progress=progress)


def _write(target: Path, archive: Path, installation: Members, *, epoch: int, progress: Callable[[str], None]) -> None:
    debian = never_booted(read_tar(archive, latest=epoch), root_uuid=str(ROOT_UUID), boot_label=BOOT_LABEL, epoch=epoch)
    write_disk(target, with_parents({**debian, **installation}, mtime=epoch), epoch=epoch, progress=progress)


def _monit_control(epoch: int) -> dict[GuestPath, Member]:
    """Debian's monit reads another control file than the documents' ``/etc/monitrc``; make them one."""
    return {GuestPath("/etc/monit/monitrc"): Member(Kind.LINK, 0o777, mtime=epoch, target="../monitrc")}
