"""Passphrases come from a descriptor, the environment, a private file or a terminal, and are seen nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pipeline.errors import PipelineError
from pipeline.signing.keys import passphrase
from pipeline.signing.keys.passphrase import read_passphrase
from pipeline.signing.keys.private_keys import load_private_key
from tests.support.trust import ec_key, rsa_key

ROOT = Path(__file__).resolve().parents[4]
SECRET = "planted-passphrase-9057"
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    passphrase.forget()
    yield
    passphrase.forget()


def private(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


def test_a_descriptor_is_read_once_and_closed(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{SECRET}\n".encode())
    os.close(writing)
    assert read_passphrase(f"fd:{reading}", tmp_path, "key") == SECRET.encode()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)
    assert read_passphrase(f"fd:{reading}", tmp_path, "another key") == SECRET.encode()


def test_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSPHRASE", SECRET)
    private(tmp_path / "secret", f"{SECRET}\r\n".encode())
    assert read_passphrase("env:KEY_PASSPHRASE", tmp_path, "key") == SECRET.encode()
    assert read_passphrase("file:secret", tmp_path, "key") == SECRET.encode()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("fd:997", "file descriptor 997 cannot be read"),
        ("fd:x", "unknown kind"),
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:missing", "cannot be read"),
        ("file:open", "can be read by others"),
        ("file:empty", "gives an empty one"),
        (SECRET, "source is of an unknown kind"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, source: str, reason: str) -> None:
    private(tmp_path / "open", SECRET.encode()).chmod(0o644)
    private(tmp_path / "empty", b"\n")
    with pytest.raises(PipelineError, match=reason) as caught:
        read_passphrase(source, tmp_path, "key")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


CODE = """
import sys
from pathlib import Path
from pipeline.signing.keys.passphrase import read_passphrase
from pipeline.errors import PipelineError
try:
    print("length", len(read_passphrase(sys.argv[1], Path(), "the key of keys.toml")))
    print("length", len(read_passphrase(sys.argv[1], Path(), "the key of keys.toml")))
except PipelineError as error:
    print(error)
"""


def test_a_terminal_is_asked_once_and_shows_nothing() -> None:
    child, terminal = pty.fork()
    if not child:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", CODE, "prompt"])  # noqa: S606
    seen = b""
    answered = False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the terminal's other end is gone
            break
        if not piece:
            break
        seen += piece
        if not answered and b"passphrase of the key of keys.toml (not shown):" in seen:
            os.write(terminal, f"{SECRET}\n".encode())
            answered = True
    os.waitpid(child, 0)
    os.close(terminal)
    assert seen.count(f"length {len(SECRET)}".encode()) == 2
    assert seen.count(b"passphrase of") == 1
    assert SECRET.encode() not in seen


def test_without_a_terminal_nobody_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "prompt"],
        cwd=ROOT,
        input=SECRET.encode(),
        capture_output=True,
        check=True,
        start_new_session=True,
    )
    assert b"there is no terminal to ask on" in done.stdout
    assert SECRET.encode() not in done.stdout + done.stderr


def keys() -> dict[str, bytes]:
    """Keys as people have them, each with a passphrase."""
    encryption = BestAvailableEncryption(SECRET.encode())
    forms = {"PKCS #8": PrivateFormat.PKCS8, "traditional": PrivateFormat.TraditionalOpenSSL}
    made = {
        f"{kind} {name}": key.private_bytes(Encoding.PEM, form, encryption)
        for name, form in forms.items()
        for kind, key in (("RSA", rsa_key("ours")), ("EC", ec_key()))
    }
    return made | {
        "OpenSSH": ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption),
        "PKCS #8 Ed25519": ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
    }


@pytest.mark.parametrize("kind", keys())
def test_encrypted_keys_open_with_their_passphrase_only(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(tmp_path / "key", keys()[kind])
    monkeypatch.setenv("RIGHT", SECRET)
    monkeypatch.setenv("WRONG", f"{SECRET}-not")
    opened = load_private_key("file:key", "env:RIGHT", tmp_path, "the key")
    assert isinstance(opened, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey)
    for source, reason in (("env:WRONG", "cannot be decrypted with this passphrase"), ("", "has a passphrase")):
        with pytest.raises(PipelineError, match=reason) as caught:
            load_private_key("file:key", source, tmp_path, "the key")
        assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.tools
def test_a_key_of_ssh_keygen_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", SECRET, "-f", tmp_path / "key"]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("RIGHT", SECRET)
    assert isinstance(load_private_key("file:key", "env:RIGHT", tmp_path, "the key"), Ed25519PrivateKey)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    key = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(tmp_path / "key", key)
    with pytest.raises(PipelineError, match="neither an RSA nor an EC nor an Ed25519 key"):
        load_private_key("file:key", "", tmp_path, "the key")
