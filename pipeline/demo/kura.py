"""A stand-in for a vanilla, never-booted installation of Eclipse Kura 5.5.0, laid out as its installer does it.

The files lie in ``esf_files/kura5`` at the paths they have in the image; what depends on keys is made here. All text is
our own. Java is not part of it: the start scripts are real, the program they start is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cryptography.hazmat.primitives import serialization

from pipeline.demo.esf import CACERTS_PASSWORD, files_of, trust_store
from pipeline.demo.members import Member
from pipeline.demo.vendor import HttpsIdentity, VendorIdentity
from pipeline.formats.crypto import jks
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

VERSION = "5.5.0"
INSTALLATION = GuestPath(f"/opt/eclipse/kura_{VERSION}_generic-x86_64")
SYMLINK = GuestPath("/opt/eclipse/kura")

# Whom the unit names; made by the root file system's recipe, so that Debian's own tools write all four files.
USER = "kurad"
UID = GID = 990

# Enabled as `systemctl enable` does it.
UNITS = ("firewall", "firstboot", "kura")

_TREE = "kura5"
_OPT = GuestPath("/opt/eclipse")
_WANTS = GuestPath("/etc/systemd/system/multi-user.target.wants")
_EMPTY_DIRECTORIES = ("console/skin", "data", "packages", "log4j", "plugins", "user/security")

# Copies from which a factory reset restores (formats 3): it must find what was delivered.
_RESTORE = {
    "snapshot_0.xml": INSTALLATION / "user/snapshots/snapshot_0.xml",
    "iptables": GuestPath("/etc/sysconfig/iptables"),
}


def kura5(
    vendor: VendorIdentity, https: HttpsIdentity, plugins: Mapping[str, bytes], *, epoch: int
) -> dict[GuestPath, Member]:
    """Every path of the installation with its metadata; what is below ``/opt/eclipse`` belongs to the process's user.

    Args:
        https: key and certificate of the console, the same in every copy of the image, as the installer leaves them.
        plugins: the platform's bundles by file name.
        epoch: time of everything, also inside the keystores.
    """
    members = {
        path: Member(Kind.FILE, 0o755 if path.name.endswith(".sh") else 0o644, mtime=epoch, content=content)
        for path, content in files_of("", _TREE).items()
    }
    for name in _EMPTY_DIRECTORIES:
        members[INSTALLATION / name] = Member(Kind.DIRECTORY, 0o755, mtime=epoch)
    for name, content in plugins.items():
        members[INSTALLATION / "plugins/4s" / name] = Member(Kind.FILE, 0o644, mtime=epoch, content=content)
    for name, original in _RESTORE.items():
        members[INSTALLATION / ".data" / name] = members[original]
    stores = {
        "cacerts.ks": trust_store({"demo-cloud-ca": vendor.cloud_ca}, CACERTS_PASSWORD, epoch),
        "httpskeystore.ks": _https_store(https, epoch),
    }
    for name, content in stores.items():
        members[INSTALLATION / "user/security" / name] = Member(Kind.FILE, 0o644, mtime=epoch, content=content)
    members[SYMLINK] = Member(Kind.LINK, 0o777, mtime=epoch, target=INSTALLATION)
    for name in UNITS:
        members[_WANTS / f"{name}.service"] = Member(
            Kind.LINK, 0o777, mtime=epoch, target=f"/etc/systemd/system/{name}.service"
        )
    for path in [path for path in members if path.is_under(_OPT)]:
        for above in path.ancestors():
            if above == _OPT or above.is_under(_OPT):
                members.setdefault(above, Member(Kind.DIRECTORY, 0o755, mtime=epoch))
    return {path: _owned(path, member) for path, member in members.items()}


def _owned(path: GuestPath, member: Member) -> Member:
    """``chown -R kurad`` and ``chmod -R go-rwx`` below ``/opt/eclipse``, as the installer does it."""
    if path == _OPT:
        return replace(member, uid=UID, gid=GID)
    if not path.is_under(_OPT):
        return member
    mode = member.mode if member.kind is Kind.LINK else member.mode & 0o700
    return replace(member, mode=mode, uid=UID, gid=GID)


def _https_store(https: HttpsIdentity, epoch: int) -> bytes:
    """The installer's ``keytool -genkey -alias localhost``; a JKS here, since a PKCS #12 has random salts."""
    pkcs8 = https.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = (https.certificate.public_bytes(serialization.Encoding.DER),)
    entry = jks.PrivateKey("localhost", pkcs8, chain, epoch * 1000)
    return jks.write_keystore([entry], CACERTS_PASSWORD, b"demo", "the demo's httpskeystore.ks")
