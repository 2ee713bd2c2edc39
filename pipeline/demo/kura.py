"""A stand-in for a vanilla, never-booted installation of Eclipse Kura 5.6.0, as its genuine installer leaves it.

Nothing is there that only a running framework makes, such as ``packages/``; docs/reference/kura-facts.md has the
sources, fact by fact.

The files lie in ``esf_files/kura5`` at the paths they have in the image; what depends on keys is made here. All text is
our own. Java is not part of it: the start scripts are real, the program they start is not there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from cryptography.hazmat.primitives import serialization

from pipeline.demo import pkcs12
from pipeline.demo.esf import CACERTS_PASSWORD, files_of, trust_store
from pipeline.demo.members import Member
from pipeline.demo.vendor import HttpsIdentity, VendorIdentity
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

VERSION = "5.6.0"
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
_EMPTY_DIRECTORIES = ("console/skin", "data", "log", "log4j", "plugins", "user/security")

# Delivered by the installer where packages have theirs; what only our image has lies where people put theirs.
_UNIT_DIRECTORY = {"firstboot": "/etc/systemd/system"}
_HTTPS_STORE = INSTALLATION / "user/security/httpskeystore.ks"
_RNDC_KEY = GuestPath("/etc/bind/rndc.key")

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
        path: Member(Kind.FILE, 0o755 if path.parent.name == "bin" else 0o644, mtime=epoch, content=content)
        for path, content in files_of("", _TREE).items()
    }
    for name in _EMPTY_DIRECTORIES:
        members[INSTALLATION / name] = Member(Kind.DIRECTORY, 0o755, mtime=epoch)
    for name, content in plugins.items():
        members[INSTALLATION / "plugins/4s" / name] = Member(Kind.FILE, 0o644, mtime=epoch, content=content)
    for name, original in _RESTORE.items():
        members[INSTALLATION / ".data" / name] = members[original]
    trusted = trust_store({"demo-cloud-ca": vendor.cloud_ca}, CACERTS_PASSWORD, epoch)
    members[INSTALLATION / "user/security/cacerts.ks"] = Member(Kind.FILE, 0o644, mtime=epoch, content=trusted)
    members[SYMLINK] = Member(Kind.LINK, 0o777, mtime=epoch, target=INSTALLATION)
    for name in UNITS:
        members[_WANTS / f"{name}.service"] = Member(
            Kind.LINK, 0o777, mtime=epoch, target=f"{_UNIT_DIRECTORY.get(name, '/lib/systemd/system')}/{name}.service"
        )
    members[_RNDC_KEY] = Member(Kind.FILE, 0o600, mtime=epoch, content=_rndc_key(https))
    for path in [path for path in members if path.is_under(_OPT)]:
        for above in path.ancestors():
            if above == _OPT or above.is_under(_OPT):
                members.setdefault(above, Member(Kind.DIRECTORY, 0o755, mtime=epoch))
    owned = {path: _owned(path, member) for path, member in members.items()}
    # keytool runs last of all, as root, when owners and modes have been set.
    owned[_HTTPS_STORE] = Member(Kind.FILE, 0o644, mtime=epoch, content=_https_store(https))
    return owned


def _rndc_key(https: HttpsIdentity) -> bytes:
    """What ``rndc-confgen -a`` made while the image was installed: the same in every copy of it."""
    secret = base64.b64encode(hashlib.sha256(_pkcs8(https)).digest()).decode()
    return f'key "rndc-key" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n'.encode()


def _owned(path: GuestPath, member: Member) -> Member:
    """``chown -R kurad`` and ``chmod -R go-rwx`` below ``/opt/eclipse``, and ``a+rx`` for that directory alone."""
    if path == _OPT:
        return replace(member, uid=UID, gid=GID)
    if not path.is_under(_OPT):
        return member
    mode = member.mode if member.kind is Kind.LINK else member.mode & 0o700
    return replace(member, mode=mode, uid=UID, gid=GID)


def _https_store(https: HttpsIdentity) -> bytes:
    """The installer's ``keytool -genkey -alias localhost -deststoretype pkcs12``."""
    chain = (https.certificate.public_bytes(serialization.Encoding.DER),)
    return pkcs12.write_keystore("localhost", _pkcs8(https), chain, CACERTS_PASSWORD)


def _pkcs8(https: HttpsIdentity) -> bytes:
    return https.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
