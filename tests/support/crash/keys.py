"""The same for keys, secrets handed over, and what travels to a key elsewhere and back."""

from __future__ import annotations

import hashlib
import shutil
from abc import ABC
from contextlib import suppress
from datetime import UTC, datetime
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from pipeline.errors import PipelineError
from pipeline.manifest import to_bytes
from pipeline.signing.keys import development
from pipeline.signing.keys.key_files import KeyFiles, make_key, make_request
from pipeline.signing.manifests.detached import SignatureStore
from pipeline.signing.manifests.release_exchange import ToSign, take_signatures, write_request, write_signatures
from pipeline.signing.secrets.handover import write_private
from pipeline.standards import statement
from tests.support.crash.states import Place, Scenario
from tests.support.crash.workspace import MARKER
from tests.support.keys.signing_workspace import MANIFEST_KEY
from tests.support.manifest import a_manifest, digest
from tests.support.trust import rsa_key

_KEY = rsa_key("crash")  # made before anything is forked, so that all have the same
_FIRST = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company")])


class _Fixed(ABC):  # noqa: B024 - for its register() only
    """Makes one key only."""

    @staticmethod
    def generate() -> Ed25519PrivateKey:
        """That one."""
        return MANIFEST_KEY


_Fixed.register(type(MANIFEST_KEY))


def _to_sign(gateway: str) -> ToSign:
    manifest = a_manifest(gateway)
    content = to_bytes(manifest)
    files = {"manifest.json": hashlib.sha256(content).hexdigest(), "image.bmap": digest("map")}
    return ToSign(gateway, content, statement(manifest, files))


_ITEMS = (_to_sign("gw-a"), _to_sign("gw-b"))


def _hand_over(place: Place) -> None:
    """``doit secrets gw-a --to FILE``; where that was complete already, there is nothing to do."""
    target = place.near / "handed" / "gw-a.secrets"
    if not target.exists():
        write_private(target, MARKER * 20)
    assert target.read_bytes() == MARKER * 20


def _somewhere(place: Place) -> None:
    (place.near / "handed").mkdir()


def _make_key(place: Place) -> None:
    """``doit keys new``; where its private key is there already, as the refusal says: with ``--key``."""
    files = KeyFiles(place.near / "keys", "company")
    if files.private.exists():
        files = KeyFiles(place.near / "keys", "company", uri=f"file:{files.private}")
    with mock.patch.object(rsa, "generate_private_key", return_value=_KEY):
        if files.certificate.exists():
            with suppress(PipelineError):
                make_key(files, _NAME, first=_FIRST, days=100, bits=2048)
                raise AssertionError("a second key of one name")
        else:
            make_key(files, _NAME, first=_FIRST, days=100, bits=2048)


def _make_request(place: Place) -> None:
    """``doit keys csr``."""
    with mock.patch.object(rsa, "generate_private_key", return_value=_KEY):
        make_request(KeyFiles(place.near / "keys", "company"), _NAME, bits=2048)


def _make_development_keys(place: Place) -> None:
    """``doit demo``, its keys and fleet secret."""
    with (
        mock.patch.object(rsa, "generate_private_key", return_value=_KEY),
        mock.patch.object(development, "Ed25519PrivateKey", _Fixed),
        mock.patch.object(development.randomness, "token_hex", return_value=MARKER.decode()),
    ):
        development.make_development_keys(place.near / "demo", epoch=_FIRST)


def _emit(place: Place) -> None:
    """``doit manifest --emit``; a directory without a request, which is refused, a person removes."""
    directory = place.near / "request"
    public = MANIFEST_KEY.public_key().public_bytes_raw()
    try:
        write_request(directory, _ITEMS, public, release="r", key="manifests")
    except PipelineError:
        if not (directory / "request.json").exists():
            shutil.rmtree(directory)
            write_request(directory, _ITEMS, public, release="r", key="manifests")


def _signed(place: Place) -> None:
    _emit(place)
    for item in _ITEMS:
        signatures = {name: MANIFEST_KEY.sign(data) for name, data in item.signed.items()}
        write_signatures(place.near / "request", item, signatures, MANIFEST_KEY.public_key())


def _take(place: Place) -> None:
    """``doit manifest --take``."""
    store = SignatureStore(place.near / "keys" / "signatures")
    _, missing = take_signatures(place.near / "request", _ITEMS, MANIFEST_KEY.public_key(), store)
    assert not missing


def _nothing(_: Place) -> None:
    """Everything is made in an empty place."""


KEYS = (
    Scenario("secrets handed over", _somewhere, _hand_over, results="handed"),
    Scenario("a key made", _nothing, _make_key, results="keys"),
    Scenario("a signing request made", _nothing, _make_request, results="keys"),
    Scenario("the demonstration's keys made", _nothing, _make_development_keys, results="demo"),
    Scenario("manifests to be signed elsewhere", _nothing, _emit, results="request"),
    Scenario("signatures taken back", _signed, _take, results="keys"),
)
