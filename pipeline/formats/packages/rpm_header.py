"""Headers as rpm's database holds them: an index of tags and a store of values (rpm, docs/manual/format_header.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH, _SOURCERPM = 1000, 1001, 1002, 1003, 1022, 1044
_INT32, _STRING, _I18N = 4, 6, 9
# What rpm itself accepts (lib/header.c): more is not a header.
_MOST_TAGS, _MOST_BYTES = 0xFFFF, 256 << 20


class RpmHeaderError(ValueError):
    """Not a header; the text is one line."""


@dataclass(frozen=True)
class RpmPackage:
    """An installed package.

    Attributes:
        epoch: None where the package has none.
        architecture: empty for pseudo packages, such as imported keys (``gpg-pubkey``).
        source: file name of the source package, such as ``bash-5.2.15-1.src.rpm``; may be empty.
    """

    name: str
    version: str
    release: str
    epoch: int | None
    architecture: str
    source: str


def parse(blob: bytes) -> RpmPackage:
    """Read the tags that say what a package is.

    Raises:
        RpmHeaderError: the blob is cut off, a tag points outside it, or it names no package.
    """
    if len(blob) < 8:
        raise RpmHeaderError("a header is cut off")
    tags, size = struct.unpack_from(">II", blob)
    start = 8 + 16 * tags
    if tags > _MOST_TAGS or size > _MOST_BYTES or len(blob) < start + size:
        raise RpmHeaderError("a header is cut off")
    store = blob[start : start + size]
    texts: dict[int, str] = {}
    epoch = None
    for index in range(tags):
        tag, kind, offset, _ = struct.unpack_from(">IIiI", blob, 8 + 16 * index)
        if tag in (_NAME, _VERSION, _RELEASE, _ARCH, _SOURCERPM) and kind in (_STRING, _I18N):
            texts.setdefault(tag, _text(store, offset))
        elif tag == _EPOCH and kind == _INT32 and epoch is None:
            if not 0 <= offset <= size - 4:
                raise RpmHeaderError("a tag points outside its header")
            epoch = struct.unpack_from(">I", store, offset)[0]
    if not texts.get(_NAME) or _VERSION not in texts or _RELEASE not in texts:
        raise RpmHeaderError("a header names no package")
    return RpmPackage(
        texts[_NAME], texts[_VERSION], texts[_RELEASE], epoch, texts.get(_ARCH, ""), texts.get(_SOURCERPM, "")
    )


def _text(store: bytes, offset: int) -> str:
    end = store.find(b"\0", offset) if 0 <= offset < len(store) else -1
    if end < 0:
        raise RpmHeaderError("a tag points outside its header")
    return store[offset:end].decode("utf-8", "replace")
