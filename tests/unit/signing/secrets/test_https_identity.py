"""A console's own key: derived, so that images repeat, and different for every gateway, generation and fleet."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pipeline.signing.secrets.derivation import Derivation
from pipeline.signing.secrets.https_identity import https_identity
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from tests.support.release import EPOCH, a_gateway, a_release

KEY = Derivation(bytes(range(32)), "gw-1", 1).p256_key("HTTPS key")


def test_the_same_bytes_every_time() -> None:
    assert https_identity("gw-1", KEY, "password", EPOCH) == https_identity("gw-1", KEY, "password", EPOCH)


def test_key_and_certificate_belong_together() -> None:
    made = https_identity("gw-1", KEY, "password", EPOCH)
    key = load_der_private_key(made.pkcs8, None)
    certificate = x509.load_der_x509_certificate(made.certificate)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert certificate.public_key() == key.public_key()
    certificate.verify_directly_issued_by(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw-1"]
    assert certificate.serial_number > 0
    assert certificate.serial_number.bit_length() < 160
    assert certificate.not_valid_before_utc == datetime.datetime.fromtimestamp(EPOCH, datetime.UTC)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 3650


@pytest.mark.parametrize("epoch", [315_532_800, 2_147_483_647])
def test_the_first_and_the_last_epoch(epoch: int) -> None:
    x509.load_der_x509_certificate(https_identity("gw-1", KEY, "password", epoch).certificate)


def test_every_gateway_generation_and_fleet_has_another_one() -> None:
    made = [
        gateway_secrets(
            FleetSecret(bytes([fleet]) * 32), a_release(secrets_generation=count), a_gateway(name=name)
        ).https
        for fleet in (0, 1)
        for count in (1, 2)
        for name in ("gw-1", "gw-2")
    ]
    assert len({one.pkcs8 for one in made if one}) == len(made)
    assert len({one.password for one in made if one}) == len(made)


def test_nothing_of_it_is_shown() -> None:
    made = https_identity("gw-1", KEY, "a password", EPOCH)
    assert "password" not in repr(made)
    assert repr(made) == "HttpsIdentity()"
