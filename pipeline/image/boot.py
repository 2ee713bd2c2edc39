"""Boots a throw-away view of a disk image in QEMU, to see that it does; the image itself is never written to."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from pipeline import tools
from pipeline.errors import PipelineError
from pipeline.image.guest import Guest
from pipeline.image.initramfs import initramfs

_REASON = "boot a disk image in a virtual machine"
_KERNEL_REMEDY = "apt-get install linux-image-amd64 (only its files are used, this machine does not boot it)"


@dataclass(frozen=True)
class Kernel:
    """A stock kernel of the host and the directory of its modules."""

    image: Path
    modules: Path


@dataclass(frozen=True)
class GuestNetwork:
    """The network that the virtual machine's first interface finds: for images whose address is fixed.

    Attributes:
        network: such as ``192.168.7.0/24``.
        address: the guest's own address in it.
    """

    network: IPv4Network
    address: IPv4Address


@contextmanager
def boot(
    image: Path,
    *,
    ports: Sequence[int] = (22,),
    root: str = "/dev/vda2",
    filesystem: str = "ext4",
    guest_network: GuestNetwork | None = None,
    kernel: Kernel | None = None,
    memory: int = 512,
) -> Iterator[Guest]:
    """Run a raw disk image (x86-64, without KVM) until the block is left; what the guest writes is thrown away.

    Its first interface is ``eth0`` on a network of its own that leads nowhere (DHCP at its service), unless
    `guest_network` says otherwise.

    Args:
        ports: TCP ports of the guest to reach from here, see `Guest.port`.
        root: the block device of the root file system, as the guest's kernel names it.
        kernel: None takes the newest of this machine.
        memory: MiB.

    Raises:
        PipelineError: QEMU, a kernel or busybox is missing, or QEMU does not start.
    """
    chosen = kernel or newest_kernel()
    qemu = tools.require("qemu-system-x86_64", reason=_REASON)
    setpriv = tools.require("setpriv", reason=_REASON)
    with tempfile.TemporaryDirectory(prefix="boot-") as scratch:
        ramdisk = Path(scratch) / "initramfs"
        ramdisk.write_bytes(initramfs(chosen.modules))
        forwarded = dict(zip(ports, _free_ports(len(ports)), strict=True))
        command = [
            # The machine must not outlive us, however we end.
            *(str(setpriv), "--pdeathsig", "KILL", str(qemu)),
            *("-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", str(memory), "-no-reboot", "-nodefaults"),
            *("-display", "none", "-serial", "stdio", "-device", "virtio-rng-pci"),
            *("-kernel", str(chosen.image), "-initrd", str(ramdisk)),
            *("-append", f"console=ttyS0 root={root} rootfstype={filesystem} ro quiet net.ifnames=0 panic=-1"),
            # snapshot: writes go to a nameless file in the temporary directory; the format is said, never guessed.
            *("-drive", f"file={_escaped(image)},format=raw,if=virtio,snapshot=on"),
            *("-netdev", netdev(forwarded, guest_network), "-device", "virtio-net-pci,netdev=net,romfile="),
        ]
        process = subprocess.Popen(  # noqa: S603 - argument list, closed environment
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=tools.closed_environment({"TMPDIR": scratch}),
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


def netdev(forwarded: dict[int, int], guest_network: GuestNetwork | None) -> str:
    """QEMU's user-mode network: which port of 127.0.0.1 leads to which port of the guest.

    QEMU takes two addresses of the network for itself (the host and a name server); they must not be the guest's.
    """
    if guest_network is None:
        return "user,id=net" + "".join(f",hostfwd=tcp:127.0.0.1:{ours}-:{theirs}" for theirs, ours in forwarded.items())
    network, address = guest_network.network, guest_network.address
    if address not in network or network.num_addresses < 8:
        raise PipelineError(
            f"{address}: no address of a gateway in {network}", "give the network that the image's own address is in"
        )
    host, names, lease = [place for place in _last_hosts(network) if place != address][:3]
    ports = "".join(f",hostfwd=tcp:127.0.0.1:{ours}-{address}:{theirs}" for theirs, ours in forwarded.items())
    return f"user,id=net,net={network},host={host},dns={names},dhcpstart={lease}{ports}"


def _last_hosts(network: IPv4Network) -> Iterator[IPv4Address]:
    """The last four addresses for hosts, so that three are left without the guest's own."""
    for back in range(5, 1, -1):
        yield network.network_address + (network.num_addresses - back)


def _escaped(path: Path) -> str:
    """A path inside a list of QEMU options: its commas are doubled."""
    return str(path.resolve()).replace(",", ",,")


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on; all are held open until all are known, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
