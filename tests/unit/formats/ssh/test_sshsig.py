"""Signatures of SSH keys: ours are ssh-keygen's bytes, its are checked by us, and whoever is not allowed is refused."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
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


def allowed(text: str) -> tuple[sshsig.AllowedSigner, ...]:
    return sshsig.parse_allowed_signers(text, "allowed_signers")


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


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        (f"*@example.com ssh-ed25519 {BLOB} comment", True),
        (f"*,!release@* ssh-ed25519 {BLOB}", False),
        (f'"release@example.com" namespaces="file,gateway-*" ssh-ed25519 {BLOB}', True),
        (f"release@example.co? ssh-ed25519 {BLOB}", True),
        (f"release@example.[cd]om ssh-ed25519 {BLOB}", False),
        (f'* valid-after="20260101Z",valid-before="20270101000000Z" ssh-ed25519 {BLOB}', True),
        (f'* valid-after="20260202Z" ssh-ed25519 {BLOB}', False),
        (f'* valid-before="202601311200Z" ssh-ed25519 {BLOB}', False),
        (f"* cert-authority ssh-ed25519 {BLOB}", False),
        (f"# {LINE}", False),
    ],
)
def test_allowed_signers(line: str, accepted: bool) -> None:
    arguments = {"principal": "release@example.com", "at": 1_769_904_000}  # 2026-02-01
    if accepted:
        check(line, **arguments)
    else:
        with pytest.raises(PipelineError, match="allowed"):
            check(line, **arguments)


def test_validity_is_not_looked_at_without_a_time() -> None:
    check(f'* valid-before="19990101Z" ssh-ed25519 {BLOB}')


def test_other_keys_are_passed_over() -> None:
    assert len(allowed(f"a ssh-rsa AAAA\n\n{LINE}b ecdsa-sha2-nistp256 AAAA\n")) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alone", "does not begin"),
        ("a b", "has no key"),
        ("a ssh-ed25519 AAAA", "damaged"),
        ("a ssh-ed25519 !!!!", "damaged"),
        (f"a ssh-ed25519 {BLOB[:-8]}", "damaged"),
        (f'a frobnicate="x" ssh-ed25519 {BLOB}', "unknown option"),
        (f'a valid-after="20260101" ssh-ed25519 {BLOB}', "not of the form"),
        (f'a valid-after="2026010112Z" ssh-ed25519 {BLOB}', "not of the form"),
        (f'a valid-after="20261301Z" ssh-ed25519 {BLOB}', "not of the form"),
    ],
    ids=range(9),
)
def test_malformed_lines_are_named_by_number(line: str, reason: str) -> None:
    with pytest.raises(PipelineError, match=f"allowed_signers: line 2: .*{reason}"):
        allowed(f"# who may sign\n{line}\n")


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
