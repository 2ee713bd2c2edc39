"""Signatures of SSH keys: ours are ssh-keygen's bytes, its are checked by us, and whoever is not allowed is refused."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.formats.ssh.allowed_signers import AllowedSigner, parse_allowed_signers
from pipeline.signing.keys.private_keys import LocalKey
from pipeline.signing.keys.signers import ManifestSigner
from pipeline.signing.manifests import sshsig as signing
from pipeline.signing.secrets.host_keys import ed25519_host_key

NAMESPACE = "gateway-image-manifest"
SEED = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = KEY.public_key().public_bytes_raw()
SIGNER = ManifestSigner("m", "release@example.com", PUBLIC, development=False, _key=LocalKey(KEY))
MESSAGE = b'{"a":1}\n'
SIGNATURE = signing.sign(MESSAGE, SIGNER, NAMESPACE)
LINE = sshsig.allowed_signer_line("release@example.com", PUBLIC, NAMESPACE)
BLOB = LINE.split()[-1]


def allowed(text: str) -> tuple[AllowedSigner, ...]:
    return parse_allowed_signers(text, "allowed_signers")


def check(text: str = LINE, message: bytes = MESSAGE, signature: bytes = SIGNATURE, **options: object) -> None:
    arguments = {"namespace": NAMESPACE, **options}
    sshsig.verify(message, signature, allowed(text), **arguments)  # type: ignore[arg-type]


@pytest.mark.tools
def test_ssh_keygen_makes_the_same_bytes_and_accepts_ours(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_bytes(ed25519_host_key(SEED, "x").private)
    (tmp_path / "m").write_bytes(MESSAGE)
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", key, tmp_path / "m"], check=True, capture_output=True
    )
    assert (tmp_path / "m.sig").read_bytes() == SIGNATURE
    (tmp_path / "allowed").write_text(LINE)
    command = ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "release@example.com", "-n", NAMESPACE]
    command += ["-s", tmp_path / "m.sig"]
    good = subprocess.run(command, input=MESSAGE, check=False, capture_output=True)
    assert (good.returncode, b"Good" in good.stdout) == (0, True)
    assert subprocess.run(command, input=MESSAGE + b" ", check=False, capture_output=True).returncode != 0
    shown = subprocess.run(["ssh-keygen", "-l", "-f", key], check=True, capture_output=True, text=True).stdout
    assert sshsig.fingerprint(PUBLIC) in shown


def test_a_good_signature_is_accepted() -> None:
    check()
    check(principal="release@example.com")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"message": MESSAGE + b" "}, "does not belong to this content"),
        ({"namespace": "file"}, "made for 'gateway-image-manifest', not for 'file'"),
        ({"text": ""}, "is not in allowed_signers"),
        ({"principal": "somebody@else"}, "not allowed for this"),
        ({"signature": b""}, "not an SSH signature"),
        ({"signature": SIGNATURE[:-40]}, "not an SSH signature"),
        ({"signature": SIGNATURE.replace(b"U1NIU0lH", b"U1NIU0lI")}, "not an SSH signature"),
        ({"signature": SIGNATURE.replace(b"SIGNATURE-----\n", b"SIGNATURE-----\n!", 1)}, "not an SSH signature"),
        ({"text": LINE.replace("gateway-image", "other")}, "not allowed for this"),
    ],
    ids=range(9),
)
def test_everything_else_is_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        check(**options)  # type: ignore[arg-type]


def test_validity_is_not_looked_at_without_a_time() -> None:
    line = f'* valid-before="19990101Z" ssh-ed25519 {BLOB}'
    check(line)
    with pytest.raises(PipelineError, match="no longer allowed at the time it is judged at: until 1999-01-01T"):
        check(line, at=1_769_904_000)
    with pytest.raises(PipelineError, match="not allowed yet at the time it is judged at: from 2027-01-01T00:00:00Z"):
        check(f'* valid-after="20270101Z" ssh-ed25519 {BLOB}', at=1_769_904_000)


def test_changed_bytes_give_our_errors_only() -> None:
    source = random.Random(6)
    for _ in range(1000):
        broken = bytearray(SIGNATURE)
        broken[source.randrange(len(broken))] = source.randrange(256)
        if bytes(broken) == SIGNATURE:
            continue
        try:
            check(signature=bytes(broken))
        except PipelineError:
            continue
        assert bytes(broken).split() == SIGNATURE.split()  # white space in the armor carries nothing
