"""Whatever a person's file holds, it is one line with a remedy and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pipeline.build import names
from pipeline.classification.lock import parse as parse_lock
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.host.digests import sha256_of
from pipeline.host.workspace import Workspace
from pipeline.inputs import golden_export, inventory_file, key_config, overlay_dir, release_file, toml_table
from pipeline.report.text.keystore_text import certificate_lines
from pipeline.signing.keys.certificate_fitness import certificate_problems
from pipeline.signing.keys.certificates import self_signed
from pipeline.signing.keys.private_keys import load_private_key
from pipeline.signing.keys.signers import read_certificates
from pipeline.signing.secrets.given import parse_given
from tests.support.workspaces import CHECKOUT

HUGE = "9" * 5000
TEXTS = {
    "a number of 5,000 digits": f"x = {HUGE}\n",
    "5,000 digits in hex": f"x = 0x{'f' * 5000}\n",
    "5,000 digits of a float": f"x = {HUGE}.5e{HUGE}\n",
    "nested arrays": "x = " + "[" * 50_000 + "]" * 50_000,
    "nested tables": "x = " + "{a = " * 20_000 + "1" + "}" * 20_000,
    "bytes that are no text": "x = \udcff",
    "a year beyond all calendars": "x = 99999-01-01",
    "an open string": 'x = "' + "a" * 100_000,
}


def _file(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode("utf-8", "surrogateescape"))
    return place


def _export(place: Path, text: str) -> object:
    return golden_export.read_golden(_file(place / "golden" / "export.toml", text).parent)


READERS: dict[str, Callable[[Path, str], object]] = {
    "gateway.toml": lambda place, text: release_file.read_release(_file(place / "gateway.toml", text), None),
    "devices.toml": lambda place, text: inventory_file.read_gateways(_file(place / "devices.toml", text)),
    "keys.toml": lambda place, text: key_config.read_keys(_file(place / "keys.toml", text)),
    "overlay.toml": lambda place, text: overlay_dir.read_overlay(_file(place / "o" / "overlay.toml", text).parent),
    "golden.lock": lambda place, text: parse_lock(text, "golden.lock"),
    "secrets given": lambda place, text: parse_given(
        text.encode("utf-8", "surrogateescape"), "secrets of gw", gateway="gw", epoch=0
    ),
    "names, when tasks are listed": lambda place, text: names.gateway_names(
        Workspace(_file(place / "gateway.toml", text).parent)
    ),
    "whether it is a demo": lambda place, text: names.is_demo(Workspace(_file(place / "gateway.toml", text).parent)),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_odd_toml_is_one_line(tmp_path: Path, read: Callable[[Path, str], object], text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        read(tmp_path, text)
    assert all("\n" not in problem.what and problem.remedy for problem in caught.value.problems)


@pytest.mark.parametrize("read", [READERS[name] for name in list(READERS)[:4]])
@pytest.mark.parametrize("kind", ["pipe", "directory", "a link in a circle", "nothing", "a device"])
def test_what_is_no_file_is_one_line(tmp_path: Path, read: Callable[[Path, str], object], kind: str) -> None:
    made: list[Path] = []

    def instead(place: Path, text: str) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        made.append(place)
        if kind == "pipe":
            os.mkfifo(place)
        elif kind == "directory":
            place.mkdir()
        elif kind == "a link in a circle":
            place.symlink_to(place)
        elif kind == "a device":
            place.symlink_to("/dev/zero")
        return place

    original = globals()["_file"]
    globals()["_file"] = instead
    try:
        with pytest.raises(PipelineError):
            read(tmp_path, "")
    finally:
        globals()["_file"] = original
    assert made


def test_an_overlay_whose_rootfs_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "motd").write_text("x")
    _file(tmp_path / "o" / "overlay.toml", "")
    (tmp_path / "o" / "rootfs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PipelineError, match="rootfs: is a link"):
        overlay_dir.read_overlay(tmp_path / "o")


@pytest.mark.parametrize(
    "content", ["root:x:0:0:root:/root:/bin/bash\n", "text\n", "-----BEGIN CERTIFICATE-----\n", ""]
)
def test_a_wrong_path_for_a_key_is_no_key(tmp_path: Path, content: str) -> None:
    file = _file(tmp_path / "passwd", content)
    file.chmod(0o644)
    with pytest.raises(PipelineError) as caught:
        load_private_key(f"file:{file}", "", tmp_path, "keys.toml: signer")
    assert "is no private key" in str(caught.value)
    assert "chmod" not in str(caught.value)


def test_a_key_that_others_may_read_is_still_told(tmp_path: Path) -> None:
    file = _file(tmp_path / "key", "-----BEGIN PRIVATE KEY-----\n")
    file.chmod(0o644)
    with pytest.raises(PipelineError, match="chmod 600"):
        load_private_key(f"file:{file}", "", tmp_path, "keys.toml: signer")


def _certificate_with(tag: int) -> bytes:
    """A certificate whose common name, in subject and issuer, is of another ASN.1 type than a text."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\0xyz")])
    der = bytearray(self_signed(key, name, first=1_767_225_600, days=365).public_bytes(Encoding.DER))
    mark = bytes.fromhex("0603550403")
    place = der.find(mark)
    while place >= 0:
        der[place + len(mark)] = tag
        place = der.find(mark, place + 1)
    return bytes(der)


@pytest.mark.parametrize("tag", [0x03, 0x02, 0x05, 0x30, 0x01])
def test_a_certificate_whose_name_is_no_text(tmp_path: Path, tag: int) -> None:
    der = _certificate_with(tag)
    (tmp_path / "x.der").write_bytes(der)
    with pytest.raises(PipelineError, match="holds no X"):
        read_certificates(tmp_path / "x.der", "signer")
    with pytest.raises(ValueError):
        jks.describe("signer", der)
    assert list(certificate_problems(der, "device", 1_767_225_600))
    assert "(a name that is no text)" in "".join(certificate_lines(der))


ODD: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "endless device": lambda place: place.symlink_to("/dev/zero"),
    "directory": Path.mkdir,
    "circle": lambda place: place.symlink_to(place),
    "too large": lambda place: place.write_bytes(bytes(17 << 20)),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_certificates_and_keys_that_are_no_files(tmp_path: Path, make: Callable[[Path], object]) -> None:
    odd = tmp_path / "odd"
    make(odd)
    with pytest.raises(PipelineError, match="odd cannot be read"):
        read_certificates(odd, "signer")
    text = '[m]\nuse = "manifest"\nkey = "file:odd"\npublic = "odd"\nprincipal = "a@b"\n'
    keyring = key_config.read_keys(_file(tmp_path / "keys.toml", text))
    with pytest.raises(PipelineError, match="public key cannot be read"):
        key_config.allowed_signers(keyring, "m")
    with pytest.raises(PipelineError):
        load_private_key("file:odd", "", tmp_path, "m")
    if odd.exists() and not odd.is_file():
        with pytest.raises(PipelineError, match="odd: not a file"):
            sha256_of(odd)


_NO_HOME = """
import os, sys
from pipeline.commands.answering import private_directory
with private_directory() as place:
    print(place.is_dir())
"""


@pytest.mark.tools
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user of whom nobody knows")
def test_no_home_and_no_entry_in_the_table_of_users(tmp_path: Path) -> None:
    done = subprocess.run(
        ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", sys.executable, "-c", _NO_HOME],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},  # noqa: S108
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr[-500:]


_WITHOUT_JKS = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "jks":
            raise ModuleNotFoundError("No module named 'jks'", name="jks")
sys.meta_path.insert(0, Gone())
from doit.doit_cmd import DoitMain
sys.exit(DoitMain().run(sys.argv[1:]))
"""


@pytest.mark.tools
@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        (("doctor", "--quick"), 1, "pip install --no-deps pyjks"),
        (("list",), 0, "build"),
        (("verify", "--help"), 0, "PURPOSE"),
        (("keys", "show", "store.ks"), 2, "pip install --no-deps pyjks"),
    ],
)
def test_without_pyjks_commands_work_or_say_why(tmp_path: Path, typed: tuple[str, ...], status: int, said: str) -> None:
    for name in ("dodo.py", "gateway.toml", "golden.lock", "devices.toml", "overlays", "keys", "golden"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    (tmp_path / "store.ks").write_bytes(bytes.fromhex("feedfeed0000000200000000") + bytes(20))
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_JKS, *typed], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == status


def test_a_table_of_wrong_types_names_each(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="larger than"):
        toml_table.load(_file(tmp_path / "x.toml", "#" * (17 << 20)), "inventory")
