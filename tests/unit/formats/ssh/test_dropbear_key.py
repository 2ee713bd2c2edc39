"""Host keys in dropbear's form, as dropbear's own program reads them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.ssh.dropbear_key import DropbearKeyError, from_openssh
from pipeline.model.trust import HostKey
from pipeline.signing.secrets.host_keys import ecdsa_host_key_of, ed25519_host_key, openssh_private_key

# The numbers have a leading zero byte, the highest bit set, and neither.
KEYS = (
    ed25519_host_key(bytes(range(32)), "gw"),
    *(ecdsa_host_key_of(number, "gw") for number in (5, 1 << 255, 0x7F << 240)),
)
BEGIN, END = b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.tools
@pytest.mark.parametrize("key", KEYS)
def test_dropbear_reads_the_same_key(tmp_path: Path, key: HostKey) -> None:
    file = tmp_path / "key"
    file.write_bytes(from_openssh(key.private))
    file.chmod(0o600)
    done = subprocess.run(["dropbearkey", "-y", "-f", file], capture_output=True, text=True, check=True, timeout=30)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(key.algorithm)]
    assert line.split()[:2] == key.public.split()[:2]


@pytest.mark.tools
def test_dropbear_s_own_conversion_has_the_same_bytes(tmp_path: Path) -> None:
    for key in KEYS[:3]:
        source, target = tmp_path / "openssh", tmp_path / "dropbear"
        source.write_bytes(key.private)
        source.chmod(0o600)
        target.unlink(missing_ok=True)
        subprocess.run(
            ["dropbearconvert", "openssh", "dropbear", source, target], capture_output=True, check=True, timeout=30
        )
        assert from_openssh(key.private) == target.read_bytes()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not a private key"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "not a private key"),
        (BEGIN + b"!!!" + END, "not a private key"),
        (BEGIN + base64.b64encode(b"openssh-key-v1\0") + END, "cut off"),
        (BEGIN + base64.b64encode(b"openssh-key-v1\0\0\0\0\3aes\0\0\0\0\0\0\0\0\0\0\0\1") + END, "encrypted"),
        (openssh_private_key("ssh-ed25519", [b"a"], [b"a", b"b" * 64], ""), "do not fit"),
        (openssh_private_key("ssh-rsa", [b"a"], [b"a"], ""), "algorithm"),
    ],
)
def test_anything_else_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(DropbearKeyError, match=complaint):
        from_openssh(data)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_crash(data: bytes) -> None:
    with pytest.raises(DropbearKeyError):
        from_openssh(BEGIN + base64.b64encode(b"openssh-key-v1\0" + data) + END)
