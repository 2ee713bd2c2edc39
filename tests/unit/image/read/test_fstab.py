"""What an fstab mounts from the disk, in all the ways a partition can be named."""

from __future__ import annotations

import pytest

from pipeline.image.read.fstab import parse_fstab
from pipeline.image.read.tree_reader import parse_digests
from pipeline.model.guest_path import GuestPath


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("UUID=ABCD-12 /boot vfat defaults 0 0", ("uuid", "abcd-12", "/boot")),
        ('LABEL="Root" / ext4', ("label", "Root", "/")),
        ("PARTUUID=C0FFEE00-02 / ext4 ro", ("partuuid", "c0ffee00-02", "/")),
        ("PARTLABEL=data /var/lib/my\\040data/ ext4 noauto", ("partlabel", "data", "/var/lib/my data")),
        ("/dev/mmcblk0p2 / ext4", ("number", "2", "/")),
        ("/dev/sda05 /opt ext4", ("number", "5", "/opt")),
        ("/dev/nvme0n1p12 /opt ext4", ("number", "12", "/opt")),
        ("/dev/disk/by-label/BOOT /boot vfat", ("label", "BOOT", "/boot")),
        ("/dev/disk/by-uuid/AB /boot vfat", ("uuid", "ab", "/boot")),
        ("/dev/disk/by-path/platform-30b60000.mmc-part3 /opt ext4", ("number", "3", "/opt")),
        ("/dev/disk/by-id/mmc-DG4016_0x1b2c3d-part1 /boot vfat", ("number", "1", "/boot")),
        ("/dev/disk/by-partlabel/rootfs_a / ext4", ("partlabel", "rootfs_a", "/")),
    ],
)
def test_ways_to_name_a_partition(line: str, expected: tuple[str, str, str]) -> None:
    (mount,) = parse_fstab(line.encode())
    assert (mount.by, mount.value, mount.mountpoint) == expected
    assert (mount.disk != "") is (mount.by == "number")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # whatever hangs in a socket later is not the image's own disk
        ("/dev/mmcblk0p2 / ext4\n/dev/mmcblk0p1 /boot vfat\n/dev/sda1 /mnt/usb vfat", ["/", "/boot"]),
        ("/dev/sda1 /mnt/usb vfat noauto\n/dev/mmcblk0p2 / ext4\n/dev/mmcblk1p1 /media/card vfat", ["/"]),
        ("/dev/mmcblk1p1 /media/card auto\nPARTUUID=1-02 / ext4\n/dev/mmcblk0p1 /boot vfat", ["/", "/boot"]),
        ("PARTUUID=1-02 / ext4\n/dev/sda1 /mnt/usb vfat", ["/"]),
        ("/dev/sda1 /boot vfat\n/dev/sdb1 /srv ext4\n/dev/sda2 / ext4", ["/boot", "/"]),
        ("/dev/sda2 / ext4\n/dev/sda5 /mnt/data ext4", ["/", "/mnt/data"]),
        ("/dev/vdb1 /data ext4\nLABEL=root / ext4\n/dev/vda1 /boot vfat", ["/data", "/"]),
        # two ways to name a disk cannot be compared offline: each has its own
        ("/dev/mmcblk0p2 / ext4\n/dev/disk/by-path/platform-x.mmc-part1 /boot vfat", ["/", "/boot"]),
        (
            "/dev/disk/by-path/a-part2 / ext4\n/dev/disk/by-path/a-part1 /boot vfat\n"
            "/dev/disk/by-path/b-part1 /mnt/x ext4",
            ["/", "/boot"],
        ),
        ("/dev/nvme0n1p2 / ext4\n/dev/nvme1n1p1 /srv ext4\n/dev/nvme0n2p1 /x ext4", ["/"]),
    ],
)
def test_a_number_counts_on_the_systems_own_disk_only(lines: str, expected: list[str]) -> None:
    assert [str(mount.mountpoint) for mount in parse_fstab(lines.encode())] == expected


@pytest.mark.parametrize(
    "line",
    [
        "# UUID=x / ext4",
        "",
        "UUID=x",
        "proc /proc proc defaults",
        "tmpfs /tmp tmpfs size=1M",
        "UUID=x none swap sw",
        "server:/export /mnt nfs rw",
        "/dev/mapper/vg-root / ext4",
        "UUID=x relative ext4 rw",
        "UUID=x /a/../b ext4 rw",
        "\xff\xfe / ext4",
    ],
)
def test_lines_that_mount_no_partition(line: str) -> None:
    assert parse_fstab(line.encode("latin-1")) == ()


def test_listings_of_sha256sum() -> None:
    digest = "a" * 64
    listing = f"{digest}  ./etc/a b\n\\{digest}  ./etc/new\\nline\\\\\n".encode() + digest.encode() + b"  ./\xff\n"
    assert parse_digests(listing) == {
        GuestPath("/etc/a b"): digest,
        GuestPath("/etc/new\nline\\"): digest,
        GuestPath("/\udcff"): digest,
    }
