"""A whole disk for the demo: MBR, FAT boot partition with U-Boot's environment, ext4 root; reproducible, no root."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.demo.ext4 import Ext4, write_ext4
from pipeline.demo.members import Members
from pipeline.host import tools

MIB = 1 << 20
BOOT_OFFSET = 1 * MIB
BOOT_SIZE = 32 * MIB
ROOT_OFFSET = BOOT_OFFSET + BOOT_SIZE
ROOT_SIZE = 479 * MIB  # 512 MiB in all

BOOT_LABEL = "BOOT"
ENVIRONMENT_NAME = "uboot.env"
ENVIRONMENT_SIZE = 0x4000

# All identities of the disk come from one name, so that every demo image of every machine has the same ones.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gateway-demo:vanilla")
ROOT_UUID = uuid.uuid5(_NAMESPACE, "root file system")
_DISK_SIGNATURE = uuid.uuid5(_NAMESPACE, "disk").int & 0xFFFFFFFF
_BOOT_VOLUME_ID = uuid.uuid5(_NAMESPACE, "boot partition").int & 0xFFFFFFFF

# As a development board comes: two seconds to stop it on the serial console (A:91-104 asks for 0 in production).
UBOOT_VARIABLES: Mapping[str, str] = {
    "arch": "x86",
    "baudrate": "115200",
    "board": "demo-gateway",
    "bootargs": "console=ttyS0,115200 root=/dev/mmcblk0p2 ro rootwait",
    "bootcmd": "run loadkernel; bootz ${loadaddr} - ${fdtaddr}",
    "bootdelay": "2",
    "fdtaddr": "0x88000000",
    "loadaddr": "0x82000000",
    "loadkernel": "ext4load mmc 0:2 ${loadaddr} /boot/zImage",
    "stderr": "serial",
    "stdin": "serial",
    "stdout": "serial",
}


def write_disk(
    target: Path, members: Members, *, epoch: int, progress: Callable[[str], None], root_size: int = ROOT_SIZE
) -> None:
    """Write a partitioned disk that holds a tree on its root partition.

    The file appears under its name only when complete. Everything temporary lies in a directory beside it.

    Args:
        members: the root file system, complete.
        epoch: seconds since 1970; the only clock.
        root_size: bytes of the root partition.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        image = scratch / "disk.img"
        image.touch(mode=0o644)
        os.truncate(image, ROOT_OFFSET + root_size)
        progress("demo: boot partition with U-Boot's environment")
        boot = boot_partition(scratch, epoch=epoch)
        with image.open("r+b") as file:
            file.write(partition_table(root_size))
            file.seek(BOOT_OFFSET)
            file.write(boot.rstrip(b"\0"))  # the rest of the partition stays a hole
        progress(f"demo: root file system, {len(members)} paths")
        files = scratch / "files"
        files.mkdir()
        write_ext4(image, Ext4(ROOT_OFFSET, root_size, "ROOT", ROOT_UUID), members, files, epoch=epoch)
        with image.open("r+b") as file:
            os.fsync(file.fileno())
        image.replace(target)
    finally:
        shutil.rmtree(scratch)


def partition_table(root_size: int) -> bytes:
    """The first sector: no boot code, a fixed signature, FAT and Linux partitions addressed by sector only."""
    sector = bytearray(512)
    struct.pack_into("<I", sector, 440, _DISK_SIGNATURE)
    partitions = ((0x80, 0x0E, BOOT_OFFSET, BOOT_SIZE), (0x00, 0x83, ROOT_OFFSET, root_size))
    for number, (active, kind, start, size) in enumerate(partitions):
        # Cylinder, head and sector numbers at their ceiling say "use the linear address".
        beyond = bytes((0xFE, 0xFF, 0xFF))
        entry = struct.pack("<B3sB3sII", active, beyond, kind, beyond, start // 512, size // 512)
        sector[446 + 16 * number : 462 + 16 * number] = entry
    sector[510:512] = b"\x55\xaa"
    return bytes(sector)


def boot_partition(scratch: Path, *, epoch: int) -> bytes:
    """A FAT file system labelled BOOT that holds ``uboot.env`` and nothing else."""
    environment = scratch / ENVIRONMENT_NAME
    environment.write_bytes(uboot_environment(UBOOT_VARIABLES))
    os.utime(environment, (epoch, epoch))
    image = scratch / "boot.img"
    with image.open("wb") as file:
        file.truncate(BOOT_SIZE)
    tools.run(
        "mkfs.vfat",
        # --invariant: fixed times and identity inside; the identity is then given by name.
        *("--invariant", "-F", "16", "-n", BOOT_LABEL, "-i", f"{_BOOT_VOLUME_ID:08x}", image),
        reason="make the boot partition of the demo image",
    )
    tools.run(
        "mcopy",
        # -m keeps the file's time; creation and access times come from SOURCE_DATE_EPOCH.
        *("-m", "-i", image, environment, f"::{ENVIRONMENT_NAME}"),
        reason="put U-Boot's environment into the boot partition of the demo image",
        env={"SOURCE_DATE_EPOCH": str(epoch)},
    )
    return image.read_bytes()


def uboot_environment(variables: Mapping[str, str]) -> bytes:
    """U-Boot's environment block as ``mkenvimage`` writes it: CRC-32, ``name=value`` strings, sorted here."""
    text = "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
    done = tools.run(
        "mkenvimage",
        *("-s", hex(ENVIRONMENT_SIZE), "-o", "-", "-"),
        stdin=text.encode(),
        reason="make U-Boot's environment of the demo image",
    )
    return done.stdout
