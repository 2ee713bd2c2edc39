"""What a gateway has for itself, found in the files of its image: what no other gateway may have too. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pipeline.errors import PipelineError
from pipeline.formats.accounts import accounts
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.formats.esf.own_settings import INTERFACE, OWN_SECRET, own_name
from pipeline.formats.java.java_properties import Properties
from pipeline.formats.network.hostapd_conf import OWN_KEYS
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.rules.esf.snapshot_file import snapshot_file

_HOST_KEY = re.compile(r"/etc/(ssh/ssh_host_[a-z0-9_]+_key|dropbear/dropbear_[a-z0-9_]+_host_key)")
_JKS, _JCEKS = b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"
_PKCS12 = (".p12", ".pfx")
_HOSTAPD = re.compile(r"/etc/hostapd[^/]*\.conf")
_PASSPHRASE = re.compile(rf"^(?:{'|'.join(OWN_KEYS)})=([^\n]+)$".encode(), re.MULTILINE)
_RADIUS = re.compile(rb"^(?:(?:auth|acct)_server_shared_secret|radius_das_shared_secret)=(.+)$", re.MULTILINE)
_ADDRESS = re.compile(rf"net\.interface\.({INTERFACE})\.config\.ip4\.address")
_NO_ID = (b"", b"uninitialized")


@dataclass(frozen=True)
class OwnValue:
    """A value and where it was found.

    Attributes:
        kind: what it is, in words.
        place: path in the image, with the name of the setting where there are several.
        own: no other gateway may have it; else it may be shared, and sharing is told.
        secret: it must not be told, nor lie anywhere else.
    """

    kind: str
    place: str
    value: bytes = field(repr=False)
    own: bool = True
    secret: bool = True


def own_values(view: ImageView) -> tuple[OwnValue, ...]:
    """Everything of its own that an image has, in a fixed order; what cannot be read is the rules' business."""
    return tuple(sorted(_found(view), key=lambda one: (one.kind, one.place, one.value)))


def _found(view: ImageView) -> Iterator[OwnValue]:
    for path, content in view.files.items():
        if _HOST_KEY.fullmatch(path) and content.strip():
            yield OwnValue("SSH host key", path, content.strip())
        elif content.startswith((_JKS, _JCEKS)) or path.endswith(_PKCS12):
            yield OwnValue("keystore", path, content)
        elif _HOSTAPD.fullmatch(path):
            for match in _PASSPHRASE.finditer(content):
                value = match[1].partition(b"|")[0] if match[0].startswith(b"sae_password") else match[1]
                yield OwnValue("Wi-Fi passphrase", path, value.strip())
            for match in _RADIUS.finditer(content):
                yield OwnValue("RADIUS secret", path, match[1].strip(), own=False)
    machine = _content(view, "/etc/machine-id").strip()
    if machine not in _NO_ID:
        yield OwnValue("machine id", "/etc/machine-id", machine, secret=False)
    host = _content(view, "/etc/hostname").strip()
    if host:
        yield OwnValue("host name", "/etc/hostname", host, secret=False)
    yield from _password_hashes(view)
    yield from _properties(view)
    if view.layout is not None:
        found = snapshot_file(view, view.layout)
        if found is not None:
            yield from _settings(found.snapshot, found.path)


def _password_hashes(view: ImageView) -> Iterator[OwnValue]:
    content = _content(view, "/etc/shadow")
    try:
        rows = accounts.parse("shadow", content).rows if content else ()
    except accounts.AccountsError:
        rows = ()
    for row in rows:
        name, hashed = row[0], row[1].lstrip("!")
        if hashed.startswith("$") or len(hashed) == len("aaJfMKNH1hTm2"):
            # A user of the whole release may come with the hash the release gives; root's is derived.
            yield OwnValue("password hash", f"/etc/shadow {name}", hashed.encode(), own=name == "root")


def _properties(view: ImageView) -> Iterator[OwnValue]:
    if view.layout is None:
        return
    for path in (view.layout.properties, view.layout.custom_properties):
        content = _content(view, path)
        try:
            items = Properties.parse(content, path).items()
        except PipelineError:
            continue
        for name, value in items:
            if name.lower().endswith("password") and value:
                yield OwnValue("keystore password", f"{view.tree.resolve(path)} {name}", value.encode())


def _settings(snapshot: Snapshot, path: str) -> Iterator[OwnValue]:
    for configuration in snapshot.configurations:
        for prop in configuration.properties:
            place, value = f"{path} {configuration.pid} {prop.name}", prop.text.strip()
            if not value:
                continue
            if prop.type == "Password" or prop.name.lower().endswith(("password", "passphrase")):
                own = OWN_SECRET.fullmatch(prop.name) is not None
                yield OwnValue(_kind_of(prop.name), place, value.encode(), own=own)
            elif kind := own_name(prop.name, configuration.is_instance_of):
                yield OwnValue(kind, place, value.encode(), secret=False)
            elif (address := _ADDRESS.fullmatch(prop.name)) and _is_static(configuration.text, address[1], value):
                status = configuration.text(f"net.interface.{address[1]}.config.ip4.status")
                # Every gateway has a LAN of its own behind it, so the same address there is no clash; on a WAN it is.
                yield OwnValue(
                    f"{status[-3:]} address", place, value.encode(), own=status.endswith("WAN"), secret=False
                )


def _kind_of(name: str) -> str:
    lower = name.lower()
    if "passphrase" in lower:
        return "Wi-Fi passphrase"
    if lower.startswith("console."):
        return "console password"
    return "keystore password" if "keystore" in lower else "password of a service"


def _is_static(text: Callable[[str], str], interface: str, address: str) -> bool:
    prefix = f"net.interface.{interface}.config"
    status = text(f"{prefix}.ip4.status")
    try:
        return (
            status.endswith(("LAN", "WAN"))
            and text(f"{prefix}.dhcpClient4.enabled").lower() != "true"
            and not IPv4Address(address).is_unspecified
        )
    except ValueError:
        return False


def _content(view: ImageView, path: str) -> bytes:
    try:
        return view.files.get(view.tree.resolve(GuestPath(path)), b"")
    except PipelineError:
        return b""
