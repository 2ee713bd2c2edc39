"""Boots a throw-away view of a disk image in QEMU, to see that it does; the image itself is never written to."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.scratch import temporary_directory
from pipeline.image.boot.guest import Guest
from pipeline.image.boot.guest_network import Nic, free_ports, nic_options
from pipeline.image.boot.initramfs import ADDRESS, initramfs

_REASON = "boot a disk image in a virtual machine"
_KERNEL_REMEDY = "apt-get install linux-image-amd64 (only its files are used, this machine does not boot it)"


@dataclass(frozen=True)
class Kernel:
    """A stock kernel of the host and the directory of its modules."""

    image: Path
    modules: Path


@contextmanager
def boot(
    image: Path,
    *,
    ports: Sequence[int] = (22,),
    root: str = "/dev/vda2",
    filesystem: str = "ext4",
    nics: Sequence[Nic] = (Nic(),),
    given: Mapping[str, IPv4Interface] | None = None,
    kernel: Kernel | None = None,
    memory: int = 512,
    kvm: bool = False,
) -> Iterator[Guest]:
    """Run a raw disk image (x86-64) until the block is left; what the guest writes is thrown away.

    Its interfaces are ``eth0``, ``eth1``… on networks that lead nowhere.

    Args:
        ports: TCP ports of the guest to reach from here by its first interface, see `Guest.port`.
        root: the block device of the root file system, as the guest's kernel names it.
        given: addresses that interfaces have before init starts: for images in which only ESF itself sets them.
        kernel: None takes the newest of this machine.
        memory: MiB.
        kvm: whether KVM really works here, see `pipeline.image.appliance.accelerator`; else QEMU's own translation.

    Raises:
        PipelineError: QEMU, a kernel or busybox is missing, or QEMU does not start.
    """
    chosen = kernel or newest_kernel()
    qemu = tools.require("qemu-system-x86_64", reason=_REASON)
    setpriv = tools.require("setpriv", reason=_REASON)
    with temporary_directory("boot-") as scratch:
        ramdisk = Path(scratch) / "initramfs"
        ramdisk.write_bytes(initramfs(chosen.modules))
        forwarded = dict(zip(ports, free_ports(len(ports)), strict=True))
        arguments = f"console=ttyS0 root={root} rootfstype={filesystem} ro quiet net.ifnames=0 panic=-1"
        arguments += "".join(f" {ADDRESS}={name},{address}" for name, address in (given or {}).items())
        command = [
            # The machine must not outlive us, however we end.
            *(str(setpriv), "--pdeathsig", "KILL", str(qemu)),
            *("-machine", "pc", "-accel", "kvm" if kvm else "tcg", "-cpu", "host" if kvm else "max"),
            *("-m", str(memory), "-no-reboot", "-nodefaults"),
            *("-display", "none", "-serial", "stdio", "-device", "virtio-rng-pci"),
            *("-kernel", str(chosen.image), "-initrd", str(ramdisk)),
            *("-append", arguments),
            # snapshot: writes go to a nameless file in the private directory; the format is said, never guessed.
            *("-drive", f"file={_escaped(image)},format=raw,if=virtio,snapshot=on"),
            *(
                option
                for number, nic in enumerate(nics)
                for option in nic_options(number, nic, forwarded if number == 0 else {})
            ),
        ]
        process = subprocess.Popen(  # noqa: S603 - argument list, closed environment
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[nic.wire.fileno() for nic in nics if nic.wire is not None],
            env=tools.closed_environment({"TMPDIR": str(scratch)}),
        )
        guest = Guest(process, forwarded)
        try:
            yield guest
        finally:
            guest.stop()


def newest_kernel() -> Kernel:
    """The newest kernel of this machine that has its modules beside it.

    Raises:
        PipelineError: there is none, or this user may not read it.
    """
    found = [
        Kernel(image, modules)
        for image in Path("/boot").glob("vmlinuz-*")
        if (modules := Path("/lib/modules") / image.name.removeprefix("vmlinuz-")).is_dir()
    ]
    if not found:
        raise PipelineError(f"no kernel in /boot with its modules; it is needed to {_REASON}", _KERNEL_REMEDY)
    newest = max(found, key=lambda kernel: [int(number) for number in re.findall(r"\d+", kernel.image.name)])
    if not os.access(newest.image, os.R_OK):
        raise PipelineError(
            f"{newest.image}: this user may not read it; it is needed to {_REASON}",
            f"chmod a+r {newest.image}, as root",
        )
    return newest


def _escaped(path: Path) -> str:
    """A path inside a list of QEMU options: its commas are doubled."""
    return str(path.resolve()).replace(",", ",,")
