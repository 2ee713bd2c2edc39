"""Withhold: a file of the plan that holds a secret in any form gets no digest in the manifest, whoever brought it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from pipeline.model.layer import Entry, FileEntry, Layer
from pipeline.verification.own_values import OwnValue
from pipeline.verification.secret_forms import Secret, patterns


def withhold(layer: Layer, values: Iterable[OwnValue], public: Collection[bytes]) -> Layer:
    """The layer, with every file marked secret in which one of the values lies.

    Transforms mark the files they put secrets into. What a golden sample's network file or an overlay brings along
    nobody has marked, and the digest of a file that is known but for a short password lets guesses be tested.

    Args:
        values: what the finished image has for itself; the secret ones count.
        public: content of files of the vanilla image: what stands there, such as a default password, is no secret.
    """
    secrets = [Secret(value.kind, form) for value in values if value.secret for form in _readings(value.value)]
    known = b"\n".join(public)
    wanted = [pattern for pattern in patterns(secrets) if pattern not in known]
    return Layer(tuple(_marked(entry, wanted) for entry in layer.entries))


def _marked(entry: Entry, wanted: Collection[bytes]) -> Entry:
    if not isinstance(entry, FileEntry) or entry.secret:
        return entry
    content = entry.content.replace(b"\0", b"")  # UTF-16 of either order then reads like plain text
    return replace(entry, secret=True) if any(pattern in content for pattern in wanted) else entry


def _readings(value: bytes) -> Iterator[bytes]:
    """As it stands there, and what it means where that is Base64: snapshots have passwords in it."""
    yield value
    try:
        yield base64.b64decode(value, validate=True)
    except binascii.Error:
        return
