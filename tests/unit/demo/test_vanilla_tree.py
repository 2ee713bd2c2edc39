"""What the demo makes of Debian's tree: from a tar archive to a never-booted gateway."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from pipeline.demo.apt import sources_from
from pipeline.demo.debian import ROOT_PASSWORD, never_booted
from pipeline.demo.members import Member, read_tar, text_file, with_parents
from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

EPOCH = 1_700_000_000
SSHD = "#Port 22\n#PermitRootLogin prohibit-password\n#PasswordAuthentication yes\nUsePAM yes\n"
INITTAB = "id:2:initdefault:\n1:2345:respawn:/sbin/getty --noclear 38400 tty1\n" + "".join(
    f"{number}:23:respawn:/sbin/getty 38400 tty{number}\n" for number in range(2, 7)
)


def debian(**changed: str) -> dict[GuestPath, Member]:
    """As much of a fresh Debian as the edits look at."""
    texts = {
        "/etc/shadow": "root:*:19675:0:99999:7:::\ndaemon:*:19675:0:99999:7:::\n",
        "/etc/shadow-": "old",
        "/etc/passwd-": "old",
        "/etc/ssh/sshd_config": SSHD,
        "/etc/ssh/ssh_host_ed25519_key": "secret",
        "/etc/inittab": INITTAB,
        "/etc/bind/rndc.key": "secret",
        "/etc/hostname": "build-machine\n",
        "/etc/apt/apt.conf.d/99mmdebstrap": "proxy",
        "/etc/apt/sources.list.d/0000sources.list": "deb http://mirror.example/debian bookworm main\n",
        "/var/log/wtmp": "record",
        "/var/log/monit.log": "line",
        "/var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef\n",
        **{f"/{path.replace('__', '/')}": text for path, text in changed.items()},
    }
    return {GuestPath(path): text_file(text, mtime=1) for path, text in texts.items()}


def made(members: dict[GuestPath, Member]) -> dict[GuestPath, Member]:
    return never_booted(members, root_uuid="0a", boot_label="BOOT", epoch=EPOCH)


def text(members: dict[GuestPath, Member], path: str) -> str:
    return members[GuestPath(path)].read().decode()


def test_nothing_personal_and_nothing_of_the_build_machine_is_left() -> None:
    tree = made(debian())
    for gone in (
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/bind/rndc.key",
        "/var/lib/dbus/machine-id",
        "/etc/apt/apt.conf.d/99mmdebstrap",
        "/etc/apt/sources.list.d/0000sources.list",
        "/etc/shadow-",
        "/etc/passwd-",
        "/var/log/monit.log",
        "/etc/machine-id",
    ):
        assert GuestPath(gone) not in tree
    assert text(tree, "/var/log/wtmp") == ""
    everything = b"".join(member.read() for member in tree.values())
    assert b"build-machine" not in everything
    assert b"mirror.example" not in everything
    assert b"secret" not in everything


def test_weak_defaults_are_really_there() -> None:
    tree = made(debian())
    config = text(tree, "/etc/ssh/sshd_config")
    assert config == "Port 22\nPermitRootLogin yes\nPasswordAuthentication yes\nUsePAM yes\n"
    inittab = text(tree, "/etc/inittab")
    assert "tty1" not in inittab
    assert inittab.endswith("S0:2345:respawn:/sbin/getty -L ttyS0 115200 vt100\n")
    assert "UUID=0a / ext4" in text(tree, "/etc/fstab")
    assert "LABEL=BOOT /boot vfat" in text(tree, "/etc/fstab")


@pytest.mark.tools
def test_root_has_the_password_of_the_vendors_manual() -> None:
    entry = text(made(debian()), "/etc/shadow").splitlines()[0].split(":")
    salt = entry[1].split("$")[2]
    command = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    done = subprocess.run(command, input=ROOT_PASSWORD, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == entry[1]


def test_systemd_gets_an_empty_machine_id() -> None:
    tree = made(debian(usr__lib__systemd__systemd="", etc__machine_id="x"))
    assert text(tree, "/etc/machine-id") == ""


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("etc__ssh__sshd_config", "Port 22\n"),
        ("etc__shadow", "daemon:*:\n"),
        ("etc__inittab", "1:2345:respawn:/sbin/getty --noclear 38400 tty1\n"),
    ],
)
def test_a_debian_that_looks_different_is_refused(path: str, content: str) -> None:
    with pytest.raises(PipelineError, match="does not look as expected"):
        made(debian(**{path: content}))


def test_a_missing_package_is_named() -> None:
    tree = debian()
    del tree[GuestPath("/etc/ssh/sshd_config")]
    with pytest.raises(PipelineError, match="/etc/ssh/sshd_config is missing"):
        made(tree)


def archive(path: Path, *infos: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for info in infos:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def info(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    for field, value in {"mtime": EPOCH + 50, "mode": 0o644, **fields}.items():
        setattr(entry, field, value)
    return entry


def test_tar_members_keep_what_they_are(tmp_path: Path) -> None:
    tree = read_tar(
        archive(
            tmp_path / "a.tar",
            info("./", tarfile.DIRTYPE, mode=0o755),
            info("./bin", tarfile.SYMTYPE, linkname="usr/bin", mode=0o777),
            info("./dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3),
            info("./perl", size=5, mode=0o4755, uid=1, gid=2, mtime=EPOCH - 1),
            info("./perl5", tarfile.LNKTYPE, linkname="./perl"),
            info("./perl6", tarfile.LNKTYPE, linkname="./perl5"),
        ),
        latest=EPOCH,
    )
    assert tree[GuestPath("/")] == Member(Kind.DIRECTORY, 0o755, mtime=EPOCH)
    assert tree[GuestPath("/bin")].target == "usr/bin"
    assert tree[GuestPath("/dev/null")].device == (1, 3)
    perl = tree[GuestPath("/perl")]
    assert (perl.mode, perl.uid, perl.gid, perl.mtime, perl.read()) == (0o4755, 1, 2, EPOCH - 1, b"xxxxx")
    assert tree[GuestPath("/perl5")].same_as == "/perl"
    assert tree[GuestPath("/perl6")].same_as == "/perl"


def test_extended_attributes_are_refused_rather_than_lost(tmp_path: Path) -> None:
    entry = info("./ping")
    entry.pax_headers = {"SCHILY.xattr.security.capability": "x"}
    with pytest.raises(PipelineError, match="/ping has extended attributes"):
        read_tar(archive(tmp_path / "a.tar", entry), latest=EPOCH)


@pytest.mark.parametrize("content", [b"", b"no archive " * 100, None])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.tar"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PipelineError, match="cannot be read as a tar archive"):
        read_tar(path, latest=EPOCH)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", info("./a", size=4000), info("./b", size=4000))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(PipelineError, match="cannot be read as a tar archive"):
        read_tar(path, latest=EPOCH)


def test_parents_are_completed_but_never_replaced() -> None:
    own = Member(Kind.DIRECTORY, 0o700, mtime=3)
    tree = with_parents({GuestPath("/a"): own, GuestPath("/a/b/c"): text_file("")}, mtime=9)
    assert tree[GuestPath("/a")] is own
    assert tree[GuestPath("/a/b")] == Member(Kind.DIRECTORY, 0o755, mtime=9)
    assert GuestPath("/") in tree


def test_sources_are_those_of_this_machine_and_debians_own() -> None:
    listing = "\n".join(
        [
            "Debian|http://mirror.example/debian/|bookworm|main",
            "Debian|http://mirror.example/debian/|bookworm|contrib",
            "Debian|http://mirror.example/debian/|bookworm-updates|main",
            "Somebody|http://other.example/|bookworm|main",
            "Debian|http://mirror.example/debian/|trixie|main",
            "damaged line",
        ]
    )
    assert sources_from(listing, "bookworm") == (
        "deb http://mirror.example/debian bookworm main\n"
        "deb http://deb.debian.org/debian-security bookworm-security main\n"
        "deb http://mirror.example/debian bookworm-updates main\n"
    )
    assert sources_from("", "bookworm").startswith("deb http://deb.debian.org/debian bookworm main\n")
