"""What an fstab mounts from the disk, in all the ways a partition can be named."""

from __future__ import annotations

import pytest

from pipeline.image.read.fstab import Mount, parse_fstab
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
    ],
)
def test_ways_to_name_a_partition(line: str, expected: tuple[str, str, str]) -> None:
    assert parse_fstab(line.encode()) == (Mount(expected[0], expected[1], GuestPath(expected[2])),)


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
