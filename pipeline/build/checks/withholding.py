"""Withhold: keeps digests of files that hold a secret, in any form and from any input, out of the manifest."""

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
    wanted = tuple(patterns(secrets))
    return Layer(tuple(_marked(entry, wanted, public) for entry in layer.entries))


def _marked(entry: Entry, wanted: Collection[bytes], public: Collection[bytes]) -> Entry:
    if not isinstance(entry, FileEntry) or entry.secret:
        return entry
    content = entry.content.replace(b"\0", b"")  # UTF-16 of either order then reads like plain text
    # Whether it is public is asked of what was found only: the vanilla image's files are megabytes.
    found = (pattern for pattern in wanted if pattern in content)
    return replace(entry, secret=True) if any(not _is_public(pattern, public) for pattern in found) else entry


def _is_public(pattern: bytes, public: Collection[bytes]) -> bool:
    return any(pattern in content for content in public)


def _readings(value: bytes) -> Iterator[bytes]:
    """As it stands there, and what it means where that is Base64: snapshots have passwords in it."""
    yield value
    try:
        yield base64.b64decode(value, validate=True)
    except binascii.Error:
        return
