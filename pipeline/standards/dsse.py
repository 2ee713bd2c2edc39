"""Envelopes of DSSE 1.0.2 (github.com/secure-systems-lab/dsse) with one Ed25519 signature."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NoReturn, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.formats.ssh.sshsig import fingerprint

# What an in-toto statement is called inside an envelope (in-toto attestation, spec/v1/envelope.md).
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_MOST = 16  # lists, objects and commas: an envelope with one signature has two, two and four
_REMEDY = "do not use it; ask whoever delivered it for the unchanged file of this release"


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """What is really signed: type and content with the length of each before it, so that neither runs into the other.

    It begins with ``DSSEv1``, an SSH signature's with ``SSHSIG``: one key may make both, and neither is ever the other.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope(payload: bytes, sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """A signed envelope as canonical JSON.

    Args:
        sign: makes a raw Ed25519 signature.
        keyid: tells a reader which key to take; never what a verdict rests on.
    """
    return _envelope(payload, sign(pae(payload)), keyid)


def open_envelope(data: bytes, public_key: bytes, *, name: str = "provenance.json") -> bytes:
    """The payload of an envelope that this key has signed; nothing of it is read before that is known.

    Args:
        public_key: Ed25519, 32 bytes.
        name: what to call it in messages.

    Raises:
        PipelineError: not the one form `envelope` writes, another type of content, another key, or altered.
    """
    payload, payload_type, keyid, signature = _parts(data, name)
    if payload_type != PAYLOAD_TYPE:
        _refuse(name, f"it holds {ascii(payload_type)[:80]}, not {PAYLOAD_TYPE}")
    if keyid != fingerprint(public_key):
        _refuse(name, f"it was signed by {ascii(keyid)[:80]}, the manifest by {fingerprint(public_key)}")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, pae(payload))
    except (InvalidSignature, ValueError):
        _refuse(name, "its signature does not belong to its content")
    return payload


def _parts(data: bytes, name: str) -> tuple[bytes, str, str, bytes]:
    """Payload, its type, key and signature of an envelope that is byte for byte what `_envelope` writes of them."""
    try:
        value = cast(dict[str, Any], canonical_json.loads(data, most=_MOST))
        (entry,) = value["signatures"]
        payload = base64.b64decode(value["payload"], validate=True)
        signature = base64.b64decode(entry["sig"], validate=True)
        payload_type, keyid = str(value["payloadType"]), str(entry["keyid"])
        if _envelope(payload, signature, keyid, payload_type) != data:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        _refuse(name, "it is not a DSSE envelope with one signature, in canonical form")
    return payload, payload_type, keyid, signature


def _envelope(payload: bytes, signature: bytes, keyid: str, payload_type: str = PAYLOAD_TYPE) -> bytes:
    return canonical_json.dumps(
        {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": payload_type,
            "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode("ascii")}],
        }
    )


def _refuse(name: str, problem: str) -> NoReturn:
    raise PipelineError(f"{name}: {problem}", _REMEDY) from None
