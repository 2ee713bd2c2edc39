"""Secrets are found by type, name and content, wherever they hide; what is none is left alone; values stay unsaid."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import random
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

import jks
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classification import find_secrets
from pipeline.classification.secrets import secret_in_property
from pipeline.classification.texts import _HINT
from pipeline.classification.wording import _SECRET_PAIRS, _SECRET_WORDS, announces
from pipeline.formats.esf.esf_snapshot import Property
from pipeline.inputs.zstd_data import unzstd
from tests.support.golden import EXPORT, a_snapshot

VALUE = "Hidden-Value-77"
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "kura"

_NONE = serialization.NoEncryption()
_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_FORMATS = serialization.PrivateFormat
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def a_zip(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def a_tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def a_jks() -> bytes:
    store: bytes = jks.KeyStore.new("jks", []).saves("x")
    return store


BINARY: dict[str, tuple[str, bytes]] = {
    "JKS": ("keystore", a_jks()),
    "JCEKS": ("keystore", b"\xce\xce\xce\xce\0\0\0\2\0\0\0\0" + bytes(20)),
    "BKS": ("keystore", b"\0\0\0\2\0\0\0\x14" + bytes(24)),
    "PKCS 12": ("keystore", pkcs12.serialize_key_and_certificates(b"x", EC, None, None, _NONE)),
    "keytab": ("keystore", b"\x05\x02\0\0\0\x40" + bytes(64)),
    "RSA PKCS 1 DER": ("private key", RSA.private_bytes(_DER, _FORMATS.TraditionalOpenSSL, _NONE)),
    "RSA PKCS 8 DER": ("private key", RSA.private_bytes(_DER, _FORMATS.PKCS8, _NONE)),
    "EC SEC 1 DER": ("private key", EC.private_bytes(_DER, _FORMATS.TraditionalOpenSSL, _NONE)),
    "EC PKCS 8 DER": ("private key", EC.private_bytes(_DER, _FORMATS.PKCS8, _NONE)),
    "Ed25519 PKCS 8 DER": ("private key", ED.private_bytes(_DER, _FORMATS.PKCS8, _NONE)),
    "RSA PEM": ("private key", RSA.private_bytes(_PEM, _FORMATS.TraditionalOpenSSL, _NONE)),
    "PKCS 8 PEM": ("private key", EC.private_bytes(_PEM, _FORMATS.PKCS8, _NONE)),
    "encrypted PEM": (
        "private key",
        EC.private_bytes(_PEM, _FORMATS.PKCS8, serialization.BestAvailableEncryption(b"x")),
    ),
    "OpenSSH": ("private key", ED.private_bytes(_PEM, _FORMATS.OpenSSH, _NONE)),
    "PuTTY": ("private key", b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"),
    "PGP": ("private key", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n"),
    "OpenVPN": ("private key", b"#\n-----BEGIN OpenVPN Static key V1-----\n00\n"),
    "dropbear RSA": ("private key", b"\0\0\0\x07ssh-rsa\0\0\0\x03\1\0\1" + bytes(64)),
    "dropbear Ed25519": ("private key", b"\0\0\0\x0bssh-ed25519\0\0\0\x40" + bytes(64)),
    "age": ("private key", b"# key\nAGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n"),
}

LINES = {
    "wpa_passphrase": f"wpa_passphrase={VALUE}",
    "psk": f'\tpsk="{VALUE}"',
    "WEP key": f'wep_key0="{VALUE}"',
    "RADIUS": f"auth_server_shared_secret={VALUE}",
    "pppd option": f"password {VALUE}",
    "rndc": f'\tsecret "{VALUE}";',
    "comment": f"#old_password={VALUE}",
    "JSON": f'{{"user": "a", "apiToken": "{VALUE}"}}',
    "YAML": f"db_password: {VALUE}",
    "shell": f"export DB_PASSWD='{VALUE}'",
    "XML attribute": f'<db user="a" password="{VALUE}"/>',
    "XML element": f"<broker><password>{VALUE}</password></broker>",
    "XML property": f'<property name="db.password" value="{VALUE}"/>',
    "XML entry": f'<entry key="secret">{VALUE}</entry>',
    "netrc": f"machine x login y password {VALUE}",
    "URL": f"url=amqps://user:{VALUE}@host/x",
    "curl": f"Authorization: Basic {base64.b64encode(VALUE.encode()).decode()}",
    "WireGuard": "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
    "SIM PIN": 'OK AT+CPIN="4711"',
    "modem's log-in": f'OK AT+CGAUTH=1,1,"user","{VALUE}"',
    "crypt": "root:$6$salt$0123456789abcdefghijklmnopqrstuvwxyz:1::",
    "yescrypt": "root:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o:1::",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "GitHub": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "Azure": "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey=dGhpc2lzYXZlcnlzZWNyZXRrZXk=",
    "random": "historian 7f3Kq9ZpWm2XvB8sRt6YnL4c",
    "hex": "id 3799daf75648b696456f56674de0e2fd5f067377",
}

HARMLESS = {
    "path of a key": "private_key=/etc/ssl/private/client.pem",
    "file name": "keystore.password.file=secret.txt",
    "rules about passwords": "new.password.min.length=12\npassword.require.digits=true\n",
    "hide-password": "hide-password\nnoauth\n",
    "empty": 'password=\npsk=""\n<password></password>',
    "masked": "password=********",
    "filled in later": "password=${env:PASSWORD}\ntoken={{ token }}\n",
    "flag": "password=required\nauth.token=false\n",
    "pins of a chip": "gpio.GPIOPin = deviceNumber:0, pinNumber:17, mode:4\n",
    "URL without a password": "url=mqtts://broker.example:8883/\nmail=a@b.example\n",
    "long names": "org.eclipse.kura.net.admin.NetworkConfigurationService netIPv4StatusEnabledLAN LE910_2-1-usb1",
    "paths": "connect 'chat -v -f /etc/ppp/scripts/chat_LE910_2-1'\nlogfile /var/log/kura-LE910_2-1\n",
    "certificate": EC.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
    "public key of SSH": ED.public_key()
    .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    .decode(),
    "PPP secrets without any": "#client server secret\n",
}


@pytest.mark.parametrize("kind", BINARY)
def test_binary_and_armoured_secrets(kind: str) -> None:
    expected, content = BINARY[kind]
    found = find_secrets("any.name", content)
    assert expected in {one.kind for one in found}, found


@pytest.mark.parametrize(
    "kind", [kind for kind, (_, content) in BINARY.items() if not content.isascii() and kind != "dropbear RSA"]
)
def test_they_are_found_in_base64_and_hex(kind: str) -> None:
    expected, content = BINARY[kind]
    for encoded in (base64.b64encode(content), content.hex().encode()):
        assert expected in {one.kind for one in find_secrets("x.txt", b"blob: " + encoded + b"\n")}
    inside = find_secrets("x.xml", a_snapshot({"p": {"blob": base64.b64encode(content).decode()}}))
    assert [one.kind for one in inside] == [expected]


@pytest.mark.parametrize("kind", LINES)
def test_secrets_in_text(kind: str) -> None:
    found = find_secrets("some.conf", f"first line\n{LINES[kind]}\nlast\n".encode())
    assert found, kind
    assert any(one.place == "some.conf: line 2" for one in found)
    assert VALUE not in repr(found)
    assert VALUE not in "".join(map(str, found))


@settings(max_examples=300)
@given(
    st.text("aekpsinuwdortchyxzPKTW._-01", max_size=12), st.sampled_from([*_SECRET_WORDS, *_SECRET_PAIRS, "pin", "puk"])
)
def test_no_name_that_announces_a_secret_is_passed_over_for_speed(around: str, word: str) -> None:
    for name in (around + word, word + around, word.replace("-", ""), word.title().replace("-", "_")):
        if announces(name):
            assert _HINT.search(name), name


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_none(kind: str) -> None:
    assert find_secrets("some.conf", HARMLESS[kind].encode()) == ()


def test_ppp_secrets_need_no_name() -> None:
    text = f'#client server secret addresses\nuser@apn\t*\t{VALUE}\t*\n\'a b\' * "two words" *\nguest * "" *\n'
    assert [one.place for one in find_secrets("etc/ppp/chap-secrets", text.encode())] == [
        "etc/ppp/chap-secrets: line 2",
        "etc/ppp/chap-secrets: line 3",
    ]


def test_java_properties_hide_nothing_behind_escapes_and_continued_lines() -> None:
    found = find_secrets("a.properties", f"pass\\u0077ord \\\n   = {VALUE}\n".encode())
    assert [(one.kind, one.place) for one in found] == [("password", "a.properties: password")]


def zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-cq"], input=content, capture_output=True, check=True).stdout


def without_mark(tar: bytes) -> bytes:
    """A tar archive as it was written before POSIX, without "ustar" in its headers."""
    raw, place = bytearray(tar), 0
    while any(header := raw[place : place + 512]):
        header[257:500] = bytes(243)
        header[148:156] = b" " * 8
        header[148:156] = f"{sum(header):06o}\0 ".encode()
        raw[place : place + 512] = header
        place += 512 + (int(header[124:135], 8) + 511) // 512 * 512
    return bytes(raw)


PACKED = {
    "zip": a_zip,
    "zip behind a script": lambda files: b"#!/bin/sh\nexec unzip $0\n" + a_zip(files),
    "zip behind a picture": lambda files: b"\x89PNG\r\n\x1a\n" + bytes(100) + a_zip(files),
    "tar": a_tar,
    "tar of the oldest kind": lambda files: without_mark(a_tar(files)),
    "tar.gz": lambda files: gzip.compress(a_tar(files)),
    "tar.xz": lambda files: lzma.compress(a_tar(files)),
    "tar.bz2": lambda files: bz2.compress(a_tar(files)),
    "tar.lzma": lambda files: lzma.compress(a_tar(files), lzma.FORMAT_ALONE),
    "zlib": lambda files: zlib.compress(a_tar(files)),
    "tar.zst": lambda files: zstd(a_tar(files)),
    "tar.zst in a zip": lambda files: a_zip({"all.tar.zst": zstd(a_tar(files))}),
}


@pytest.mark.parametrize("form", PACKED)
def test_inside_archives_and_archives_in_them(form: str) -> None:
    manifest = b"Name: x\nSHA-256-Digest: 7f3Kq9ZpWm2XvB8sRt6YnL4c\n"
    jar = a_zip({"META-INF/MANIFEST.MF": manifest, "lib/key.bin": a_jks()})
    found = find_secrets(
        "a.dp", PACKED[form]({"bundles/x.jar": jar, "conf/db.conf": f"password={VALUE}\n".encode()}), unzstd
    )
    assert [(one.kind, one.place.rpartition("!/")[2]) for one in found] == [
        ("keystore", "lib/key.bin"),
        ("password", "conf/db.conf: line 1"),
    ]
    assert all(one.place.startswith("a.dp!/") for one in found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (a_zip({"x": b"1"})[:-30], "cannot be read"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "damaged zstd"),
        (zstd(b"password=1\n" * 99)[:-3], "damaged zstd"),
        (zstd(bytes(97 << 20)), "unpacks to more"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "7z"),
        (gzip.compress(b"x" * 1000)[:-9], "cut off"),
        (gzip.compress(b"x") + b"more", "followed"),
        (b"\x1f\x8b\x08" + bytes(30), "compressed data"),
        (gzip.compress(bytes(97 << 20)), "unpacks to more"),
    ],
)
def test_what_cannot_be_searched_is_said(content: bytes, said: str) -> None:
    (found,) = find_secrets("x", content, unzstd)
    assert found.kind == "not searched"
    assert said in found.reason


def test_without_who_unpacks_it_zstd_is_not_passed_over() -> None:
    (found,) = find_secrets("a.dp", a_zip({"x": zstd(b"password=x")}))
    assert (found.kind, found.place) == ("not searched", "a.dp!/x")


# First bytes of what the programs themselves write; where one is at hand, it was asked (file(1) knows the rest).
CLOSED = {
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "RAR": b"Rar!\x1a\x07\1\0",
    "CAB": b"MSCF\0\0\0\0",
    "ar": b"!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n",
    "RPM": b"\xed\xab\xee\xdb\3\0",
    "cpio": b"070701" + b"0" * 104,
    "LHA": b"\x20\x30-lh5-",
    "LZ4": b"\x04\x22\x4d\x18\x64\x40",
    "lzip": b"LZIP\1\x0c",
    "compress": b"\x1f\x9d\x90",
    "SquashFS": b"hsqs\1\0\0\0",
    "SQLite": b"SQLite format 3\0\x10\0",
    "H2": b"H:2,block:3,blockSize:1000\n",
    "PDF": b"%PDF-1.7\n",
    "OpenSSL": b"Salted__" + bytes(8),
    "age": b"age-encryption.org/v1\n-> X25519 x\n",
    "age's": b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
    "OpenPGP": b"-----BEGIN PGP MESSAGE-----\n\nhQ\n",
    "ISO 9660": bytes(32769) + b"CD001\1",
    "ext": bytes(1080) + b"\x53\xef\1\0",
    "disk image": bytes(510) + b"\x55\xaa",
}


@pytest.mark.parametrize("kind", CLOSED)
def test_kinds_nobody_opens_here_are_never_passed_over(kind: str) -> None:
    """Wherever one lies, even deep in a package: nobody can say that no secret is in it, so a person decides."""
    content = CLOSED[kind] + b"password=" + VALUE.encode()
    inner = gzip.compress(a_tar({"conf/vault": content}))
    (found,) = find_secrets("a.dp", a_zip({"bundles/x.jar": a_zip({"etc/all.tgz": inner})}))
    assert found.kind == "not searched"
    assert kind in found.reason
    assert found.place == "a.dp!/bundles/x.jar!/etc/all.tgz!/content!/conf/vault"


@pytest.mark.parametrize("size", [512, 1000, 5000, 70_000])
@pytest.mark.parametrize("start", [b"", b"\0\0\0\0", b"VAULT1\0\0"])
def test_what_nobody_knows_and_looks_encrypted_is_not_passed_over(size: int, start: bytes) -> None:
    content = start + random.Random(size).randbytes(size)
    (found,) = find_secrets("a.dp", a_zip({"x/vault.bin": content}))
    assert (found.kind, found.reason.split(",")[0]) == ("not searched", "looks packed or encrypted")


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(4000),
        b"\xca\xfe\xba\xbe\0\0\0\x34" + b"\1\0\x04Code\1\0\x0fLineNumberTable\x2a\xb7" * 40,
        b"\x7fELF\2\1\1" + bytes(range(256)) + bytes(3000),
        bytes(4000),
        "Überall Umlaute, und das ist nur ein Text. ".encode() * 30,
        "Überall Umlaute, und das ist nur ein Text. ".encode("latin-1") * 30,
    ],
)
def test_pictures_code_and_texts_are_not_taken_for_encrypted(content: bytes) -> None:
    assert find_secrets("a.dp", a_zip({"x": content})) == ()


@pytest.mark.parametrize("order", ["utf-16", "utf-16-le", "utf-16-be"])
def test_texts_in_utf_16_are_texts(order: str) -> None:
    found = find_secrets("x.xml", f'<a/>\n<db user="ä" password="{VALUE}"/>\n'.encode(order))
    assert [(one.kind, one.place) for one in found] == [("password", "x.xml: line 2")]
    pem = BINARY["PKCS 8 PEM"][1].decode().encode(order)
    assert {one.kind for one in find_secrets("x", pem)} == {"private key"}


@pytest.mark.parametrize("odd", ["\0", "\x1b[0m", "\x07"])
def test_a_single_odd_byte_does_not_hide_a_line(odd: str) -> None:
    found = find_secrets("x.conf", f"# {odd}\ndb.password={VALUE}\n".encode())
    assert [one.kind for one in found] == ["password"]


def test_addresses_do_not_look_random_but_keys_in_them_do() -> None:
    known = b'<project xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" url="https://example.org/Maven4/POM/2X/a">'
    assert find_secrets("pom.xml", known) == ()
    (found,) = find_secrets("hook.conf", b"url https://hooks.example.org/services/T0/7f3Kq9ZpWm2XvB8sRt6YnL4c\n")
    assert found.kind == "high entropy"


def test_nested_archives_end_somewhere() -> None:
    content = b"password=x"
    for _ in range(8):
        content = a_zip({"x": content})
    (found,) = find_secrets("x", content)
    assert found.kind == "not searched"


@pytest.mark.parametrize(
    ("prop", "said"),
    [
        (Property("p", "Password", (base64.b64encode(VALUE.encode()).decode(),), encrypted=True), "Base64"),
        (Property("p", "Password", (VALUE,)), "by its type"),
        (Property("p", "Password", ("", VALUE), array=True), "by its type"),
        (Property("net.interface.ppp0.config.password", "String", (VALUE,)), "typed as String"),
        (Property("simPin", "Integer", ("4711",)), "typed as Integer"),
        (Property("config.pin", "String", ("4711",)), "typed as String"),
        (Property("wpaPsk", "Char", ("x",)), "by its name|typed as Char"),
        (Property("env", "String", (f'{{"DB_PASSWORD":"{VALUE}"}}',)), "DB_PASSWORD"),
        (Property("uri", "String", (f"mqtt://a:{VALUE}@b",)), "URL"),
        (Property("id", "String", ("7f3Kq9ZpWm2XvB8sRt6YnL4c",)), "random"),
    ],
)
def test_secret_properties(prop: Property, said: str) -> None:
    found = secret_in_property("a.b", prop)
    assert found is not None
    assert any(word in found.reason for word in said.split("|")), found.reason
    assert VALUE not in repr(found)


@pytest.mark.parametrize(
    "prop",
    [
        Property("password", "Password", ("",)),
        Property("password", "String", ("",)),
        Property("new.password.min.length", "Integer", ("8",)),
        Property("password.change", "Boolean", ("true",)),
        Property("ssl.keystore.path", "String", ("/opt/x/cacerts.ks",)),
        Property("service.pid", "String", ("Camel7f3Kq9ZpWm2XvB8sRt6YnL4c",)),
        Property("SslManagerService.target", "String", ("(kura.service.pid=x7f3Kq9ZpWm2XvB8sRt6YnL4c)",)),
        Property("pingInterval", "Integer", ("10000",)),
        Property("lwt.topic", "String", ("$EDC/#account-name/#client-id/MQTT/LWT",)),
    ],
)
def test_properties_that_are_none(prop: Property) -> None:
    assert secret_in_property("a.b", prop) is None


def test_the_demos_export_holds_what_it_is_known_to_hold() -> None:
    found = {
        str(one.place).split(": ")[0]
        for path in sorted(EXPORT.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith("snapshot")
        for one in find_secrets(path.relative_to(EXPORT).as_posix(), path.read_bytes())
    }
    assert found == {"etc/hostapd-wlan0.conf", "etc/ppp/chap-secrets"}


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real files, which are not part of the checkout")
def test_real_files_are_searched_without_false_alarms() -> None:
    snapshots = [path for path in DATA.rglob("snapshot*.xml") if path.parent.name != "snapshot-fragments"]
    assert snapshots
    for path in snapshots:
        for one in find_secrets(path.name, path.read_bytes()):
            words = ("password", "passphrase", "users.config")
            assert any(word in one.place for word in words), one


_NAMES = st.sampled_from(["a", "a.properties", "etc/ppp/chap-secrets", "x.xml", "x.jar"])
_STARTS = st.sampled_from(
    [b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x5d\0\0", b"\x78\x9c", b"\xff\xfe", b"\0",
     bytes(257) + b"ustar", b"a" * 148 + b"0017240\0" + bytes(356), b"x" * 50 + b"PK\1\2" + bytes(42) + b"PK\5\6",
     b"<esf:configuration "]
)  # fmt: skip


@settings(max_examples=200)
@given(name=_NAMES, start=_STARTS, content=st.binary(max_size=300))
def test_no_bytes_crash_it(name: str, start: bytes, content: bytes) -> None:
    find_secrets(name, start + content)


@settings(max_examples=100)
@given(text=st.text(max_size=200))
def test_no_text_crashes_it(text: str) -> None:
    find_secrets("x.properties", text.encode("utf-8", "surrogatepass"))
    secret_in_property("p", Property("name", "String", (text,)))
