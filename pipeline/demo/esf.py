"""A stand-in for a vanilla, never-booted ESF 5.0.0 installation, laid out as the documents say; all text is our own.

The files lie in ``esf_files/esf5`` at the paths they have in the image; what depends on keys is made here. Java is not
part of it: the start scripts are real, the program they start is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pipeline.demo.members import Member
from pipeline.demo.vendor import VendorIdentity
from pipeline.formats.crypto.jks import pyjks
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind

VERSION = "5.0.0"
INSTALLATION = GuestPath(f"/opt/eurotech/esf_{VERSION}")
SYMLINK = GuestPath("/opt/eurotech/esf")

# Initial passwords as the documents give them: A:192 and B:541.
CACERTS_PASSWORD = "changeit"
CERTIFICATES_PASSWORD = "defaultPassword"

# Registered with update-rc.d; firewall_cust only lies beside them and is read by firewall.
INIT_SCRIPTS = ("firewall", "firstboot", "kura")

_TREE = "esf5"
_BUNDLES_MARK = b"@BUNDLES@"

# Copies from which the installation restores its factory defaults (formats 3): a reset must find what was delivered.
_RESTORE = {
    "snapshot_0.xml": INSTALLATION / "data/snapshots/snapshot_0.xml",
    "kuranet.conf": INSTALLATION / "data/kuranet.conf",
    "iptables": GuestPath("/etc/sysconfig/iptables"),
    "interfaces": GuestPath("/etc/network/interfaces"),
    "hostapd-wlan0.conf": GuestPath("/etc/hostapd-wlan0.conf"),
    "dhcpd-eth0.conf": GuestPath("/etc/dhcpd-eth0.conf"),
}
_EMPTY_DIRECTORIES = ("kura/packages", "kura/plugins", "log")


def esf5(vendor: VendorIdentity, plugins: Mapping[str, bytes], *, epoch: int) -> dict[GuestPath, Member]:
    """Every path of the installation with its metadata.

    Args:
        plugins: the vendor's bundles by file name, signed by the vendor.
        epoch: time of everything, also inside the keystores.
    """
    members = {
        path: Member(Kind.FILE, _mode(path), mtime=epoch, content=content) for path, content in files_of("").items()
    }
    config = INSTALLATION / "kura/config.ini"
    started = ",".join(f"reference\\:file\\:{SYMLINK}/plugins/{name}@4\\:start" for name in sorted(plugins))
    members[config] = Member(
        Kind.FILE, 0o644, mtime=epoch, content=members[config].read().replace(_BUNDLES_MARK, started.encode())
    )
    for name in _EMPTY_DIRECTORIES:
        members[INSTALLATION / name] = Member(Kind.DIRECTORY, 0o755, mtime=epoch)
    for name, content in plugins.items():
        members[INSTALLATION / "plugins" / name] = Member(Kind.FILE, 0o644, mtime=epoch, content=content)
    for name, original in _RESTORE.items():
        members[INSTALLATION / ".data" / name] = members[original]
    policy = INSTALLATION / "kura/security.policy"
    members[INSTALLATION / "security/policy_backup/security.policy"] = members[policy]
    leaf, authority = vendor.signer_chain
    stores = {
        "kura/certificates.ks": ({"demo-vendor-ca": authority, "demo-vendor-software": leaf}, CERTIFICATES_PASSWORD),
        "security/cacerts.ks": ({"demo-cloud-ca": vendor.cloud_ca}, CACERTS_PASSWORD),
    }
    for name, (certificates, password) in stores.items():
        content = trust_store(certificates, password, epoch)
        members[INSTALLATION / name] = Member(Kind.FILE, 0o644, mtime=epoch, content=content)
    # Absolute, as the installer makes it: a path through it must be resolved inside the image, not on the host.
    members[SYMLINK] = Member(Kind.LINK, 0o777, mtime=epoch, target=INSTALLATION)
    return members


def files_of(directory: str, tree: str = _TREE) -> dict[GuestPath, bytes]:
    """The delivered files below a directory (relative, empty for all), by their path in the image.

    Args:
        tree: the product's directory of files.
    """
    root = resources.files("pipeline.demo").joinpath("esf_files", tree)
    start = root.joinpath(directory) if directory else root
    found: dict[GuestPath, bytes] = {}

    def walk(place: Traversable, path: str) -> None:
        for item in sorted(place.iterdir(), key=lambda entry: entry.name):
            # Packaging tools pass over hidden files, so these are stored as dot.NAME.
            name = item.name.removeprefix("dot") if item.name.startswith("dot.") else item.name
            below = f"{path}/{name}"
            if item.is_dir():
                walk(item, below)
            else:
                found[GuestPath(below)] = item.read_bytes()

    walk(start, f"/{directory}".rstrip("/"))
    return found


def _mode(path: GuestPath) -> int:
    """Modes by rule: a checkout or a wheel does not keep them."""
    if path == "/etc/monitrc":
        return 0o700  # monit refuses a control file that others can read (formats 3.2)
    if path in ("/etc/ppp/pap-secrets", "/etc/ppp/chap-secrets"):
        return 0o600
    is_script = path.name.endswith(".sh") or (path.parent == "/etc/init.d" and path.name in INIT_SCRIPTS)
    return 0o755 if is_script else 0o644


def trust_store(certificates: Mapping[str, x509.Certificate], password: str, epoch: int) -> bytes:
    """A JKS of trusted certificates. A PKCS #12 one would show none to a reader without password (formats 5)."""
    entries = []
    for alias, certificate in sorted(certificates.items()):
        entry = pyjks().TrustedCertEntry.new(alias, certificate.public_bytes(serialization.Encoding.DER))
        entry.timestamp = epoch * 1000
        entries.append(entry)
    content: bytes = pyjks().KeyStore.new("jks", entries).saves(password)
    return content
