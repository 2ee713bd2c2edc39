"""Credentials of every kind, planted in a copy of the demo's golden sample as a careless person would leave them."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.demo.bundles import PACKAGES, deployment_package
from pipeline.demo.golden import forbidden_things
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property
from tests.support.golden import EXPORT, SNAPSHOT

EPOCH = 1_735_689_600
MARK = "Planted-Credential-"
_KURA = "org.eclipse.kura."
NETWORK = f"{_KURA}net.admin.NetworkConfigurationService"
HEATER = "org.example.heater.Heater"

# By design in every image that is built from this export: each gateway enrols with it (A:162).
BY_DESIGN = f"{MARK}provisioning"


@dataclass(frozen=True)
class Plant:
    """One credential.

    Attributes:
        kind: what it is, for messages.
        telling: bytes that stand for it and occur nowhere else.
    """

    kind: str
    telling: bytes


def _marked(kind: str) -> str:
    return f"{MARK}{kind}"


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _random(kind: str) -> str:
    """A generated password: 43 letters that look random, the same every time."""
    return base64.b64encode(hashlib.sha256(kind.encode()).digest()).decode().rstrip("=")


def plant(target: Path) -> tuple[Plant, ...]:
    """Make the export; it holds everything the committed one has, and the plants."""
    shutil.copytree(EXPORT, target, symlinks=True)
    plants = [*_in_snapshot(target), *_in_files(target), *_in_package(target)]
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return tuple(plants)


def _in_snapshot(target: Path) -> Iterator[Plant]:
    file = target / SNAPSHOT
    snapshot = esf_snapshot.read(file.read_bytes(), "A", SNAPSHOT).snapshot
    assert snapshot is not None
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    values: list[tuple[str, str, str, str]] = [
        (f"{_KURA}core.data.transport.mqtt.MqttDataTransport", "password", "Password", _marked("mqtt")),
        (f"{_KURA}core.data.transport.mqtt.MqttDataTransport-2", "password", "Password", _marked("mqtt-second")),
        (f"{_KURA}web.Console", "console.password.value", "Password", _marked("console")),
        (f"{_KURA}ssl.SslManagerService", "ssl.keystore.password", "Password", _marked("keystore")),
        (f"{_KURA}cloud.app.command.CommandCloudApp", "command.password.value", "Password", _marked("command")),
        (f"{_KURA}core.db.H2DbService", "db.password", "Password", _marked("database")),
        (f"{_KURA}internal.rest.provider.RestService", "password", "Password", _marked("rest")),
        (f"{_KURA}broker.artemis.core.ServerManager", "users", "String", f"admin={_marked('broker')}|admin;password=1"),
        (f"{_KURA}core.keystore.PKCS11KeystoreServiceImpl", "pin", "String", _marked("pkcs11-pin")),
        (NETWORK, "net.interface.wlan0.config.wifi.master.passphrase", "Password", _marked("access-point")),
        (NETWORK, "net.interface.wlan0.config.wifi.infra.passphrase", "Password", _marked("wifi-infra")),
        (NETWORK, "net.interface.eth0.config.802-1x.password", "Password", _marked("802.1x")),
        (NETWORK, "net.interface.ppp0.config.password", "String", _marked("apn")),
        (HEATER, "controller.password", "Password", _marked("controller")),
        (HEATER, "cloud.apiToken", "String", _marked("token")),
        (HEATER, "historian.url", "String", f"https://plant:{_marked('in-url')}@historian.example/api"),
        (HEATER, "historian.environment", "String", f'{{"DB_PASSWORD":"{_marked("json")}"}}'),
        (HEATER, "historian.id", "String", _random("entropy")),
        (HEATER, "historian.client", "String", pem.decode().replace("\n", " ")),
        (f"{_KURA}provisioning.ProvisioningService", "password", "Password", BY_DESIGN),
    ]
    for pid, name, kind, value in values:
        configuration = snapshot.get(pid) or Configuration(pid)
        text = base64.b64encode(value.encode()).decode() if kind == "Password" else value
        prop = Property(name, kind, (text,), encrypted=kind == "Password")
        snapshot = snapshot.with_configuration(configuration.with_properties(prop))
        if value != BY_DESIGN:
            telling = pem.splitlines()[-2][-24:] if name == "historian.client" else value.encode()[-60:]
            yield Plant(f"snapshot: {pid} {name}", _cut(telling, value))
    file.write_bytes(esf_snapshot.render(snapshot))


def _cut(telling: bytes, value: str) -> bytes:
    """The marked part of a value that has more around it."""
    place = value.find(MARK)
    if place < 0:
        return telling
    end = next((number for number in range(place, len(value)) if value[number] in "@|\"';"), len(value))
    return value[place:end].encode()


def _in_files(target: Path) -> Iterator[Plant]:
    key = _key()
    openssh = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    dropbear = b"\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41" + b"\4" * 65 + b"\0\0\0\x20" + scalar
    hash_ = "$6$plantedsalt$" + _random("shadow") * 2
    texts = {
        "etc/shadow": f"root:{hash_}:19000:0:99999:7:::\n",
        "root/.netrc": f"machine repo.example login plant password {_marked('netrc')}\n",
        "root/.git-credentials": f"https://plant:{_marked('git')}@git.example\n",
        "etc/wireguard/wg0.conf": f"[Interface]\nPrivateKey = {_random('wireguard')}=\n",
        "etc/openvpn/auth.txt": f"password = {_marked('openvpn')}\n",
        "etc/chrony/chrony.keys": f"1 SHA1 HEX:{hashlib.sha1(b'chrony', usedforsecurity=False).hexdigest()}\n",
        "opt/eurotech/esf/kura/kura_custom.properties": f"kura.ssl.keyStorePassword={_marked('properties')}\n",
        "etc/ppp/options.secret": f"password {_marked('ppp-option')}\n",
        "etc/wpa_supplicant-wlan0.conf": (
            f'ctrl_interface=/var/run/wpa_supplicant\nnetwork={{\n\tssid="plant"\n\tpsk="{_marked("wifi-infra")}"\n}}\n'
        ),
        "etc/bind/rndc.key": f'key "rndc-key" {{\n\talgorithm hmac-sha256;\n\tsecret "{_random("rndc")}=";\n}};\n',
        "etc/hostapd-wlan0.conf": (target / "etc/hostapd-wlan0.conf")
        .read_text()
        .replace("Golden-Sample-Air-1", _marked("access-point")),
        "etc/ppp/chap-secrets": (target / "etc/ppp/chap-secrets")
        .read_text()
        .replace("Golden-Sample-Apn-Pw", _marked("apn")),  # as in the snapshot: the two must agree
    }
    contents = {name: text.encode() for name, text in texts.items()}
    contents |= {
        "root/.ssh/id_ecdsa": openssh,
        "etc/ssl/private/plant.der": der,
        "etc/dropbear/dropbear_ecdsa_host_key": dropbear,
    }
    contents |= {
        name: content
        for name, content in forbidden_things(EXPORT, epoch=EPOCH).items()
        if name not in contents and "persistent-net" not in name and "leases" not in name
    }
    for name, content in contents.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        yield Plant(f"file: {name}", _telling(name, content))
    yield Plant("file: an EC private key as bytes", scalar)


def _telling(name: str, content: bytes) -> bytes:
    if name.startswith("snapshot_"):
        return b"first-password"
    if MARK.encode() in content:
        return _cut(b"", MARK + content.decode().split(MARK, 1)[1].split()[0])
    if content.startswith(b"\xfe\xed") or b"\0" in content:
        return content[-60:-20]  # random all over: ciphertext of the key, or the digest behind it
    # Keys of one kind begin alike; what is personal stands at the end.
    words = [word for word in content.replace(b'"', b" ").replace(b":", b" ").split() if len(word) >= 32]
    return max(words[-2:], key=len)[-32:] if b"-----BEGIN" in content else max(words, key=len)[-32:]


def _in_package(target: Path) -> Iterator[Plant]:
    """A package whose bundle has a keystore and a properties file with a password in it."""
    store = forbidden_things(EXPORT, epoch=EPOCH)["opt/eurotech/esf/security/cacerts.ks"]
    package = PACKAGES[0]
    path = target / "opt/eurotech/esf/kura/packages" / package.file_name
    outer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(deployment_package(package))) as old, zipfile.ZipFile(outer, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith(".jar"):
                more = {"client.bin": store, "db.properties": f"db.pwd={_marked('bundle')}\n".encode()}
                content = _with(content, more)
            new.writestr(info, content, zipfile.ZIP_DEFLATED)
    path.write_bytes(outer.getvalue())
    yield Plant("package: keystore in its bundle", store[-60:-20])
    yield Plant("package: properties in its bundle", _marked("bundle").encode())


def _with(jar: bytes, more: dict[str, bytes]) -> bytes:
    target = io.BytesIO(jar)
    with zipfile.ZipFile(target, "a") as archive:
        for name, content in more.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()
