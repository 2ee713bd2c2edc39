"""Files of keys mean to us what they mean to OpenSSH: every line is put to the real ssh-keygen and to our reader."""

from __future__ import annotations

import base64
import itertools
import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.formats.ssh.allowed_signers import matches, moment, parse_allowed_signers, read_allowed_signers
from pipeline.host import clock

NAMESPACE = "gateway-image-manifest"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
MESSAGE = b"a manifest\n"
SIGNATURE = sshsig.armor(PUBLIC, NAMESPACE, KEY.sign(sshsig.to_be_signed(MESSAGE, NAMESPACE)))
BLOB = base64.b64encode(sshsig.public_blob(PUBLIC)).decode()
OTHER_BLOB = base64.b64encode(sshsig.public_blob(OTHER)).decode()
K = f"ssh-ed25519 {BLOB}"
WHO, AT = "release@example.com", 1_767_225_600  # 2026-01-01T00:00:00Z
RSA = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .public_key()
    .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    .decode()
)


@dataclass(frozen=True)
class Case:
    text: str
    who: str = WHO
    at: int = AT
    zone: str = "UTC"


IDENTITIES = (
    WHO, f'"{WHO}"', "*", "*@example.com", "release@*", "*,!release@*", "!release@*,*", "!*,*", "somebody@else", "a,b",
    f"a,{WHO},b", f'"a b,{WHO}"', f'a"b,{WHO}"', f'"{WHO}', "release@example.co?", "release@example.[c]om", "?" * 19,
    "?" * 18, "", "#", f"!{WHO}", f"{WHO},", f",{WHO}", ",,*", "**********@*", "x" * 1200 + ",*", "*" * 40,
    "RELEASE@EXAMPLE.COM", f"\\{WHO}", f"{WHO}\\", "!", "!,*", f"{WHO},!somebody", "*,!", '""', f'""{WHO}',
)  # fmt: skip
OPTIONS = (
    "", f'namespaces="{NAMESPACE}"', 'namespaces="file"', 'namespaces="file,gateway-*"', 'namespaces=""',
    'namespaces="gateway-*,!gateway-image-*"', 'namespaces="!file,*"', f'NameSpaces="{NAMESPACE}"', "namespaces=*",
    "namespaces", "namespaces=", 'namespaces="*',
    f'namespaces="{NAMESPACE}",namespaces="{NAMESPACE}"', 'namespaces="file",namespaces="*"',
    'namespaces="*",', ',namespaces="*"', 'namespaces="*",,cert-authority', 'namespaces="*" ', 'namespaces="*"x',
    'namespaces="a\\"b,*"', 'namespaces="a\\b,*"', 'namespaces="file, *"', 'namespaces=" *"', 'namespaces="?*"',
    "cert-authority", "Cert-Authority", "cert-authority,cert-authority", "cert-authorityx", 'cert-authority="x"',
    "no-cert-authority", "cert-authority,", 'cert-authority,namespaces="*"',
    'frobnicate="x"', "frobnicate", 'valid-aftr="20250101Z"', "verify-required", "no-touch-required", "principals=*",
    'valid-after="20250101Z"', 'valid-after="20270101Z"', 'valid-after="20260101Z"', 'valid-after="20260101000001Z"',
    'valid-before="20260101Z"', 'valid-before="20251231235959Z"', 'valid-before="20270101Z"',
    'valid-after="20260101"', 'valid-before="20260101"', 'valid-before="202601010000"', 'valid-after="20251231UTC"',
    'valid-after="20270101utc"', 'valid-after="20251231z"', 'VALID-AFTER="20270101Z"', "valid-after=20250101Z",
    'valid-after="2025010112Z"', 'valid-after="20251301Z"', 'valid-after="20250132Z"', 'valid-after="20250231Z"',
    'valid-after="20250431"', 'valid-before="20260230Z"', 'valid-after="202501012460Z"', 'valid-after="202501012360Z"',
    'valid-after="20250101235961Z"', 'valid-after="20250101235962Z"', 'valid-after="19700101Z"',
    'valid-after="19700101000001Z"', 'valid-after="19691231Z"', 'valid-before="19690101"', 'valid-after="00000101Z"',
    'valid-after="2025 1 1Z"', 'valid-after="  250101Z"', 'valid-after="2025-101Z"', 'valid-after="+2025101Z"',
    'valid-after="Z"', 'valid-after="UTC"', 'valid-after=""', 'valid-after="99991231Z"',
    'valid-before="99991231235959Z"',
    'valid-after="20250101Z",valid-before="20270101Z"', 'valid-after="20270101Z",valid-before="20250101Z"',
    'valid-after="20250101Z",valid-before="20250101Z"', 'valid-after="20250101Z",valid-after="20250101Z"',
    'valid-before="20270101Z",valid-before="20270101Z"', 'valid-after="20250101Z"valid-before="20270101Z"',
    'valid-after="20250101Z", valid-before="20270101Z"', 'valid-after ="20250101Z"', 'valid-after="2025\\"0101Z"',
)  # fmt: skip
LINES = (
    "", "\n\n", "# nothing", f"#{WHO} {K}", f" {WHO} {K}", f"\t{WHO}\t{K}", f"{WHO}\t{K}\tcomment", f"{WHO}  {K} a b c",
    f"{WHO} {K}\r", f"{WHO}\r{K}", f"{WHO} ssh-ed25519  {BLOB}", f"{WHO} ssh-ed25519\t{BLOB}",
    f"{WHO} SSH-ED25519 {BLOB}",
    f"{WHO} ed25519 {BLOB}", f"{WHO} {BLOB}", WHO, f"{WHO} ", f"{WHO} ssh-ed25519", f"{WHO} ssh-ed25519 ", K, BLOB,
    f"{WHO} ssh-ed25519 {BLOB[:-8]}", f"{WHO} ssh-ed25519 {BLOB[:-1]}", f"{WHO} ssh-ed25519 {BLOB}=", f"{WHO} {K}AAAA",
    f"{WHO} ssh-ed25519 !{BLOB}", f"{WHO} ssh-rsa {BLOB}", f"{WHO} sk-ssh-ed25519@openssh.com {BLOB}",
    f"{WHO} ssh-ed25519-cert-v01@openssh.com {BLOB}", f"{WHO} {RSA}", f"{WHO} {RSA}\n{WHO} {K}",
    f"{WHO} ssh-ed25519 {OTHER_BLOB}", f"{WHO} ssh-ed25519 {OTHER_BLOB}\n{WHO} {K}", f"broken line\n{WHO} {K}",
    f'{WHO} namespaces="x" {K}\n{WHO} {K}', f"a {K}\nb {K}\n{WHO} {K}", f'{WHO} namespaces="{NAMESPACE} {K}\n{WHO} {K}',
    f"{WHO} {K}\x00 junk", f"{WHO}\x00 {K}", f"\ufeff{WHO} {K}", f"{WHO} {K} \x85\u2028comment", f"{WHO} {K}\x0b",
    f"{WHO}\x0b{K}", f"{WHO} {K} \x0c {WHO}", f"{WHO},\u00e9 {K}", f"{WHO} {BLOB} {K}", f"{WHO} {K} {K}",
    f"cert-authority {WHO} {K}", f'{WHO} "namespaces" {K}', f"{WHO} - {K}", f"{WHO} '' {K}",
    f"{WHO} {K[:20]}\\\n{K[20:]}",
    f"{WHO} ssh-ed25519 {base64.b64encode(sshsig.public_blob(PUBLIC) + b'x').decode()}",
    f"{WHO} ssh-ed25519 {base64.b64encode(sshsig.string(b'ssh-ed25519') + sshsig.string(PUBLIC[:-1])).decode()}",
)  # fmt: skip


def cases() -> Iterator[Case]:
    yield from (Case(f"{identity} {K}\n") for identity in IDENTITIES)
    yield from (Case(f"{WHO} {options} {K}\n") for options in OPTIONS)
    yield from (Case(f"{line}\n") for line in LINES)
    for zone, at in itertools.product(
        ("Europe/Rome", "America/New_York", "Asia/Kolkata"), (AT - 4 * 3600, AT + 4 * 3600)
    ):
        for options in ('valid-after="20260101"', 'valid-before="202601010000"', 'valid-after="20260101Z"'):
            yield Case(f"{WHO} {options} {K}\n", zone=zone, at=at)
    source = random.Random(9)
    for _ in range(120):
        lines = [
            f"{source.choice(IDENTITIES)} {','.join(source.sample(OPTIONS, source.randrange(3)))} {K}" for _ in range(3)
        ]
        yield Case(
            "\n".join(lines), at=AT + source.randrange(-1, 2), who=source.choice((WHO, "a", "release@example.net"))
        )


def ours(case: Case) -> bool:
    signers, _ = read_allowed_signers(case.text, "allowed_signers", clock.local_seconds)
    try:
        sshsig.verify(MESSAGE, SIGNATURE, signers, namespace=NAMESPACE, principal=case.who, at=case.at)
    except PipelineError:
        return False
    return True


def theirs(case: Case, place: Path) -> bool:
    place.mkdir()
    (place / "allowed").write_bytes(case.text.encode())
    (place / "sig").write_bytes(SIGNATURE)
    when = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(case.at))
    command = [
        "ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", case.who, "-n", NAMESPACE, "-s", "sig",
        f"-Overify-time={when}",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        input=MESSAGE,
        cwd=place,
        env={"PATH": os.environ["PATH"], "TZ": case.zone},
        check=False,
        capture_output=True,
    )
    assert done.returncode in (0, 255), done.stderr
    return done.returncode == 0


@pytest.mark.tools
def test_every_line_decides_as_ssh_keygen_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = list(cases())
    assert len(wanted) > 300
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda item: theirs(item[1], tmp_path / str(item[0])), enumerate(wanted)))
    different = []
    for case, answer in zip(wanted, answers, strict=True):
        monkeypatch.setenv("TZ", case.zone)
        time.tzset()
        if ours(case) != answer:
            different.append((case.text, case.who, case.zone, f"ssh-keygen: {answer}"))
    monkeypatch.undo()
    time.tzset()
    assert not different
    assert 60 < sum(answers) < len(answers) - 60  # neither all nor none


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alone", "identity only"),
        ("a b", "has no key"),
        ("a ssh-ed25519 AAAA", "damaged"),
        (f"a ssh-ed25519 {BLOB[:-8]}", "damaged"),
        (f'a frobnicate="x" {K}', "unknown option"),
        (f'a valid-after="2026010112Z" {K}', "not of the form"),
        (f'a valid-after="20260101" {K}', "has no zone"),
        (f'a valid-after="20270101Z",valid-before="20260101Z" {K}', "not after valid-after"),
        (f'a namespaces="x",namespaces="y" {K}', "given twice"),
        (f"a namespaces=x {K}", "no value in quotes"),
        (f'"a {K}', "no closing quote"),
    ],
)
def test_what_is_passed_over_is_named_by_line(line: str, reason: str) -> None:
    with pytest.raises(PipelineError, match=f"allowed_signers: line 2: .*{reason}"):
        parse_allowed_signers(f"# who may sign\n{line}\n", "allowed_signers")
    signers, problems = read_allowed_signers(f"{line}\nb {K}\n", "allowed_signers")
    assert (len(signers), len(problems)) == (1, 1)


def test_other_keys_and_authorities_are_passed_over_without_a_word() -> None:
    signers, problems = read_allowed_signers(f"a cert-authority {K}\nb {RSA}\n", "allowed_signers")
    assert (signers, problems) == ((), ())


def test_patterns_of_many_stars_take_no_time() -> None:
    """One that tried every way would not end before the universe does."""
    assert not matches("a" * 900, "*a" * 400 + "b")
    assert matches("a" * 900, "*a" * 400)


@pytest.mark.parametrize(("text", "seconds"), [("20260101Z", AT), ("20260101000001utc", AT + 1)])
def test_a_time_that_is_given(text: str, seconds: int) -> None:
    assert moment(text, "--verify-time") == seconds
    with pytest.raises(PipelineError, match="--verify-time: time"):
        moment(f"x{text}", "--verify-time")
