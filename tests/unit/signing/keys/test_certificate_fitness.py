"""Certificates for TLS: expired, not yet valid, weak or broken ones are named before they get into a keystore."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from pipeline.signing.keys.certificate_fitness import certificate_problems, order_problems
from tests.support.keys.client_keys import a_client_chain, expired
from tests.support.release import EPOCH
from tests.support.trust import START, certificate, ec_key, name_of, rsa_key

DAY = 86_400


def problems(der: bytes, epoch: int = EPOCH) -> list[str]:
    found = list(certificate_problems(der, "broker", epoch))
    assert all(problem.remedy and problem.what.startswith("broker: ") for problem in found)
    return [problem.what.removeprefix("broker: ") for problem in found]


def test_fit_ones() -> None:
    assert problems(certificate("CN=Broker", rsa_key("broker"), ca=True)) == []
    assert problems(certificate("CN=Broker", ec_key(), ca=True)) == []


def test_the_days_at_its_ends() -> None:
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    der, last = expired("CN=Old Broker", day), int(day.timestamp())
    assert problems(der, last) == []
    assert problems(der, last + 1) == ["CN=Old Broker expired on 2026-01-01, before the release's epoch"]
    first = int(START.timestamp())
    assert problems(der, first) == []
    assert problems(der, first - DAY) == ["CN=Old Broker is valid only from 2020-01-01, after the epoch"]


def test_weak_keys() -> None:
    assert problems(certificate("CN=W", rsa_key("weak", 1024), ca=True)) == ["CN=W: its RSA key has 1024 bits"]
    curve = ec.generate_private_key(ec.SECP256K1())
    assert problems(certificate("CN=W", curve, ca=True)) == ["CN=W: its curve is secp256k1"]
    edwards = Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder().subject_name(name_of("CN=E")).issuer_name(name_of("CN=E"))
    builder = builder.public_key(edwards.public_key()).serial_number(1)
    built = builder.not_valid_before(START).not_valid_after(START + datetime.timedelta(days=9000)).sign(edwards, None)
    assert problems(built.public_bytes(Encoding.DER)) == ["CN=E: its key is neither RSA nor EC"]


def test_a_broken_digest_counts_below_the_root_only() -> None:
    def signed(issuer: str) -> bytes:
        builder = x509.CertificateBuilder().subject_name(name_of("CN=S")).issuer_name(name_of(issuer))
        builder = builder.public_key(rsa_key("broker").public_key()).serial_number(1)
        builder = builder.not_valid_before(START).not_valid_after(START + datetime.timedelta(days=9000))
        sound = builder.sign(rsa_key("broker"), hashes.SHA256()).public_bytes(Encoding.DER)
        # No library here signs with SHA-1 any more; to be described, a certificate need not be genuine.
        return sound.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))

    assert problems(signed("CN=S")) == []
    assert problems(signed("CN=Issuer")) == ["CN=S is signed with a digest that is broken"]


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", b"text"])
def test_what_is_no_certificate(der: bytes) -> None:
    assert problems(der) == ["a certificate cannot be read, or its key is of an unknown kind"]


def test_chains_in_order() -> None:
    _, (leaf, root) = a_client_chain("gw")
    assert list(order_problems((leaf, root), "x")) == []
    assert [problem.what for problem in order_problems((root, leaf), "x")] == [
        "x: CN=Device CA,O=Example,C=US is not issued by the next certificate",
        "x: the chain ends with CN=gw,O=Example, which is not a self-signed root",
    ]
