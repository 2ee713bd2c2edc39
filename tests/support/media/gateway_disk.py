"""A small but complete gateway disk for tests: FAT boot partition, ext4 root, an ESF 5 installation as delivered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support import disks

EPOCH = 1_700_000_000
BOOT, ROOT = disks.MIB, 5 * disks.MIB

_ESF = "/opt/eurotech/esf_5.0.0"
FILES: Mapping[str, bytes | str] = {
    "/etc/fstab": b"/dev/mmcblk0p2 / ext4 defaults 0 1\nLABEL=BOOT /boot vfat umask=0077 0 0\nproc /proc proc d 0 0\n",
    "/etc/os-release": "../usr/lib/os-release",
    "/usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "/etc/shadow": b"root:*:19000:0:99999:7:::\n",
    "/etc/machine-id": b"",
    "/etc/inittab": b"id:2:initdefault:\n",
    "/etc/ssh/sshd_config": b"Port 22\nPermitRootLogin yes\n",
    "/etc/old.conf": b"OLD-CONTENT-OLD-CONTENT\n" * 400,
    "/etc/twin": b"both names\n",
    "/etc/removed/deep/file": b"REMOVED-CONTENT\n" * 900,
    "/etc/removed/link": "../passwd",
    "/usr/sbin/init": b"\x7fELF",
    "/sbin": "usr/sbin",
    "/boot/": b"",
    "/var/log/": b"",
    "/opt/eurotech/esf": _ESF,  # absolute, as the installer makes it
    f"{_ESF}/kura/kura.properties": b"kura.name=ESF\nkura.version=ESF_5.0.0\n",
    f"{_ESF}/kura/kura_custom.properties": b"",
    f"{_ESF}/kura/dpa.properties": b"",
    f"{_ESF}/kura/packages/": b"",
    f"{_ESF}/kura/security.policy": b"grant {};\n",
    f"{_ESF}/data/snapshots/snapshot_0.xml": b'<?xml version="1.0"?>\n<esf:configurations/>\n',
    f"{_ESF}/data/kuranet.conf": b"",
    f"{_ESF}/security/cacerts.ks": b"\xfe\xed\xfe\xed",
    f"{_ESF}/bin/start_kura.sh": b"#!/bin/sh\n",
    f"{_ESF}/.data/iptables": b"*filter\nCOMMIT\n",
}


def gateway_disk(
    target: Path, *, files: Mapping[str, bytes | str] | None = None, options: tuple[str, ...] = ("-b", "4096")
) -> Path:
    """Write the disk; ``files`` replace or add to what is there."""
    scratch = target.with_suffix(".parts")
    tree = disks.tree_on_host(scratch / "tree", {**FILES, **(files or {})})
    for number in range(300):  # enough for /etc to be an indexed directory of several blocks
        (tree / f"etc/conf-with-a-rather-long-name-{number:03}").write_bytes(b"x")
    (tree / "etc/shadow").chmod(0o640)
    root = disks.ext_image(scratch / "root.img", tree, size=48 * disks.MIB, options=options)
    disks.make_owned_by_root(root)
    disks.run("debugfs", "-w", "-R", "ln /etc/twin /etc/twin2", root)
    disks.run("debugfs", "-w", "-R", "sif /etc/twin links_count 2", root)
    disks.run("debugfs", "-w", "-R", "ea_set /etc/shadow user.note kept", root)
    boot = disks.fat_image(
        scratch / "boot.img",
        {"/uboot.env": b"bootdelay=2 OLD-ENV\0" * 200, "/boot.scr": b"script"},
        options=("-n", "BOOT"),
    )
    return disks.mbr_disk(target, [(0x0E, boot), (0x83, root)])
