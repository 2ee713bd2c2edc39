"""Envelopes that strangers open, and that open for nobody once anything about them is changed."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from pipeline.errors import PipelineError
from pipeline.formats.canonical_json import dumps
from pipeline.formats.ssh import sshsig
from pipeline.standards import PAYLOAD_TYPE, envelope, open_envelope
from pipeline.standards.dsse import pae
from tests.support.delivered import Key

KEY, FOREIGN = Key.new(), Key.new()
PAYLOAD = b'{"_type": "https://in-toto.io/Statement/v1"}'


def the_envelope(key: Key = KEY) -> bytes:
    return envelope(PAYLOAD, key.private.sign, sshsig.fingerprint(key.public))


def stranger(key: Key, named: Key) -> SSlibKey:
    """The key as another implementation holds it, under a name."""
    return SSlibKey(sshsig.fingerprint(named.public), "ed25519", "ed25519", {"public": key.public.hex()})


def test_what_is_signed_is_what_the_protocol_says() -> None:
    assert pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"  # the protocol's own example
    )


def test_it_opens_with_its_key() -> None:
    assert open_envelope(the_envelope(), KEY.public) == PAYLOAD
    assert the_envelope() == the_envelope()


def test_another_implementation_accepts_it_and_refuses_another_key() -> None:
    read = Envelope.from_dict(json.loads(the_envelope()))
    assert read.payload == PAYLOAD
    assert len(read.verify([stranger(KEY, KEY)], 1)) == 1
    with pytest.raises(VerificationError):
        read.verify([stranger(FOREIGN, KEY)], 1)


@pytest.mark.tools
def test_openssl_accepts_the_signature(tmp_path: Path) -> None:
    value = json.loads(the_envelope())
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(KEY.private.public_key().public_bytes(*form))
    (tmp_path / "pae").write_bytes(pae(base64.b64decode(value["payload"]), value["payloadType"]))
    (tmp_path / "sig").write_bytes(base64.b64decode(value["signatures"][0]["sig"]))
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in pae -sigfile sig".split()
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "pae").write_bytes(pae(PAYLOAD + b" "))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(the_envelope())
    change(value)
    return dumps(value)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a DSSE envelope"),
        (b"[]\n", "not a DSSE envelope"),
        (b"{}\n", "not a DSSE envelope"),
        (b"\xff", "not a DSSE envelope"),
        (the_envelope()[:-2], "not a DSSE envelope"),
        (json.dumps(json.loads(the_envelope())).encode(), "not a DSSE envelope"),
        (changed(lambda value: value.update(note="x")), "not a DSSE envelope"),
        (changed(lambda value: value["signatures"].append(value["signatures"][0])), "not a DSSE envelope"),
        (changed(lambda value: value.update(signatures=[])), "not a DSSE envelope"),
        (changed(lambda value: value.update(signatures={})), "not a DSSE envelope"),
        (changed(lambda value: value.update(signatures=["x"])), "not a DSSE envelope"),
        (changed(lambda value: value.update(payload=None)), "not a DSSE envelope"),
        (changed(lambda value: value.update(payload=5)), "not a DSSE envelope"),
        (changed(lambda value: value.update(payload=value["payload"] + "\n")), "not a DSSE envelope"),
        (changed(lambda value: value.update(payload="e31=")), "not a DSSE envelope"),  # bits beyond the last byte
        (changed(lambda value: value["signatures"][0].update(sig="é")), "not a DSSE envelope"),
        (changed(lambda value: value.update(payloadType="text/plain")), "it holds 'text/plain'"),
        (changed(lambda value: value.update(payloadType=PAYLOAD_TYPE.upper())), "it holds"),
        (changed(lambda value: value.update(payload=b64(PAYLOAD + b" "))), "does not belong to its content"),
        (changed(lambda value: value["signatures"][0].update(sig=b64(bytes(64)))), "does not belong to its content"),
        (changed(lambda value: value["signatures"][0].update(sig="")), "does not belong to its content"),
        (changed(lambda value: value["signatures"][0].update(keyid="")), "it was signed by ''"),
        (the_envelope(FOREIGN), "it was signed by"),
        (envelope(PAYLOAD, FOREIGN.private.sign, sshsig.fingerprint(KEY.public)), "does not belong to its content"),
    ],
)
def test_anything_else_stays_shut(content: bytes, said: str) -> None:
    with pytest.raises(PipelineError, match=said) as caught:
        open_envelope(content, KEY.public)
    assert len(caught.value.problems) == 1


def test_an_ssh_signature_of_the_same_key_is_no_envelope_s() -> None:
    raw = KEY.private.sign(sshsig.to_be_signed(PAYLOAD, "gateway-image-manifest"))
    value = json.loads(the_envelope())
    value["signatures"][0]["sig"] = b64(raw)
    with pytest.raises(PipelineError):
        open_envelope(dumps(value), KEY.public)
