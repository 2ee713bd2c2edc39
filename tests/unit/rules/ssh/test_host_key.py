"""Private host keys of every form show the public half that ssh-keygen and dropbearkey find in them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.ssh.host_key import public_part

FORMS = [
    *((kind, bits, form) for kind, bits in (("rsa", 2048), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521))
      for form in ("RFC4716", "PEM", "PKCS8")),
    ("ed25519", 256, "RFC4716"),
]  # fmt: skip


def made(place: Path, kind: str, bits: int, form: str) -> tuple[Path, bytes]:
    """A private key file and its public half, by ssh-keygen; RFC4716 is its name for OpenSSH's own form."""
    file = place / "key"
    command = ["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", file]
    subprocess.run(command if form == "RFC4716" else [*command, "-m", form], check=True, timeout=60)
    return file, base64.b64decode((place / "key.pub").read_text().split()[1])


@pytest.mark.tools
@pytest.mark.parametrize(("kind", "bits", "form"), FORMS)
def test_of_openssh_and_pem(kind: str, bits: int, form: str, tmp_path: Path) -> None:
    file, public = made(tmp_path, kind, bits, form)
    assert public_part(file.read_bytes()) == public


@pytest.mark.tools
@pytest.mark.parametrize(("kind", "bits"), [("rsa", 2048), ("ecdsa", 256), ("ecdsa", 521), ("ed25519", 256)])
def test_of_dropbear(kind: str, bits: int, tmp_path: Path) -> None:
    file = tmp_path / "key"
    size = [] if kind == "ed25519" else ["-s", str(bits)]
    done = subprocess.run(
        ["dropbearkey", "-t", kind, *size, "-f", file], capture_output=True, text=True, check=True, timeout=60
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(("ssh-", "ecdsa-")))
    assert public_part(file.read_bytes()) == base64.b64decode(line.split()[1])


@pytest.mark.tools
def test_what_is_encrypted_shows_nothing_but_openssh_s_own_head(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "secret", "-f", file], check=True, timeout=60)
    assert public_part(file.read_bytes()) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\0\7ssh-rsa", b"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----"]
)
def test_what_is_no_key_has_none(data: bytes) -> None:
    assert public_part(data) is None


@given(st.binary(max_size=200), st.sampled_from(["RSA ", "EC ", "", "OPENSSH "]))
def test_no_bytes_make_it_crash(data: bytes, form: str) -> None:
    public_part(data)
    text = base64.b64encode(data if form != "OPENSSH " else b"openssh-key-v1\0" + data).decode()
    public_part(f"-----BEGIN {form}PRIVATE KEY-----\n{text}\n-----END {form}PRIVATE KEY-----\n".encode())
