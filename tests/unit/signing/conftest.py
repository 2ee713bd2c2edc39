"""One token for all tests of a run: its library reads where tokens lie once in a process."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.programs.softhsm import Token, make_token
from tests.support.trust import ec_key, rsa_key


@pytest.fixture(scope="session")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Token:
    """A SoftHSM token with keys of every kind."""
    keys = {
        "authority": rsa_key("authority"),
        "bundles": rsa_key("company"),
        "elliptic": ec_key(),
        "manifests": Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
        "other": rsa_key("stranger"),
        "short": rsa_key("short", 1024),
    }
    return make_token(tmp_path_factory.mktemp("token"), keys)
