"""Ten thousand damaged JARs and keystores each, always the same ones: only our own errors come out."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.platform import describe_bundle
from tests.support.trust import a_bundle, a_chain_signer, a_jar, a_signer, certificate, ec_key, pkcs8_of, rsa_key

CASES = 10_000
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x2E, 0x2F, 0x0A, 0x0D, 0x30)


def damaged(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """One to four blows: bytes changed, a piece cut out, doubled, moved or taken from elsewhere, the end cut off."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(changed)) if changed else 0
        length = min(dice.choice((1, 2, 4, 8, 30, 200)), len(changed) - at)
        piece = bytes(changed[at : at + length])
        match dice.randrange(8):
            case 0 if changed:
                changed[at] ^= 1 << dice.randrange(8)
            case 1 if changed:
                changed[at] = dice.choice(INTERESTING)
            case 2:
                changed[at : at + length] = dice.randbytes(length)
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = piece
            case 5:
                del changed[at:]
            case 6:
                other = dice.choice(others)
                start = dice.randrange(len(other))
                changed[at : at + length] = other[start : start + length]
            case _:
                # lengths and offsets: four bytes, either way round
                number = dice.choice((0, 1, length, len(data), 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF))
                changed[at : at + 4] = number.to_bytes(4, dice.choice(("little", "big")))
    return bytes(changed)


def outcomes(samples: list[bytes], read: Callable[[bytes], object], seed: int) -> Counter[str]:
    """How often reading went well or was refused; any other exception is the test's failure."""
    dice = random.Random(seed)
    found: Counter[str] = Counter()
    for _ in range(CASES):
        case = damaged(dice.choice(samples), dice, samples)
        try:
            read(case)
            found["read"] += 1
        except PipelineError as error:
            found["refused" if error.problems[0].remedy else "without remedy"] += 1
    assert "without remedy" not in found
    return found


def jars() -> list[bytes]:
    small = a_bundle()
    return [
        small,
        sign_bundle(small, a_signer()),
        sign_bundle(a_bundle("org.example.second", more="text " * 40), a_chain_signer()),
        a_jar({"a": b"1", "META-INF/x/y": b"2" * 300}, "Manifest-Version: 1.0\n\nName: a\nX: y\n\n", method=0),
        a_jar({}),
    ]


def stores() -> list[bytes]:
    chain = (certificate("CN=a", rsa_key("ours")), certificate("CN=b", ec_key(), ca=True))
    entries = [
        jks.TrustedCertificate("one", chain[0], 1),
        jks.TrustedCertificate("two", chain[1], 2),
        jks.PrivateKey("three", pkcs8_of(rsa_key("ours")), chain, 3),
        jks.PrivateKey("four", pkcs8_of(ec_key()), chain[1:], 4),
    ]
    return [jks.write_keystore(some, "password", b"salt", "x") for some in (entries, entries[:2], entries[2:], [])]


@pytest.mark.parametrize("mode", ["replace", "keep"])
def test_damaged_jars(mode: str) -> None:
    def read(data: bytes) -> None:
        describe_bundle("x.jar", data)
        sign_bundle(data, a_signer(), mode, name="x.jar")  # type: ignore[arg-type]

    found = outcomes(jars(), read, seed=1 if mode == "replace" else 2)
    assert found["refused"] > CASES / 2
    assert found.total() == CASES


def test_damaged_keystores_read_with_the_password() -> None:
    found = outcomes(stores(), lambda data: jks.read_keystore(data, "password", "x"), seed=3)
    # The digest at the end covers everything: hardly anything that was changed is still read.
    assert found["refused"] > 0.95 * CASES


def test_damaged_keystores_read_without_the_password() -> None:
    found = outcomes(stores(), lambda data: jks.certificates_in(data, "x"), seed=4)
    assert found["refused"] > CASES / 4


def test_damaged_keystores_whose_digest_is_right() -> None:
    """As somebody would make them who knows the password: what lies behind the digest is read too."""

    def read(data: bytes) -> None:
        body = data[:-20]
        digest = hashlib.sha1("password".encode("utf-16be") + b"Mighty Aphrodite" + body).digest()  # noqa: S324
        jks.read_keystore(body + digest, "password", "x")

    found = outcomes(stores(), read, seed=5)
    assert found["refused"] > CASES / 4
