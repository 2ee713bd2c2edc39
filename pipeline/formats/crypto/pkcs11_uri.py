"""URIs that name a key in a PKCS #11 token (RFC 7512); a PIN has no place in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

# RFC 7512, section 2.3: pk11-path, pk11-qattr
_TEXTS = ("token", "manufacturer", "model", "serial", "object")
_PATH = frozenset({*_TEXTS, "id", "type", "slot-id"})
_LIBRARY = re.compile(r"library-(description|manufacturer|version)|slot-(description|manufacturer)")
_VALUE = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9._~:\[\]@!$'()*+,=&/?|-])*")


class UriError(ValueError):
    """Not such a URI; one line that says why, without quoting values."""


@dataclass(frozen=True)
class Pkcs11Uri:
    """What must fit of token and key; empty values fit everything.

    Attributes:
        object: CKA_LABEL of the key.
        id: CKA_ID of the key.
        slot: number of the slot, or None.
        module: absolute path of the token's PKCS #11 library.
    """

    token: str = ""
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    object: str = ""
    id: bytes = b""
    slot: int | None = None
    module: str = ""


def parse(uri: str) -> Pkcs11Uri:
    """Read ``pkcs11:token=…;object=…?module-path=/…``.

    Raises:
        UriError: malformed, an attribute that is unknown, repeated or must not be there, no library, no key named.
    """
    scheme, _, rest = uri.partition(":")
    if scheme != "pkcs11":
        raise UriError("it does not begin with pkcs11:")
    path, _, query = rest.partition("?")
    found = _attributes(path, ";")
    asked = _attributes(query, "&")
    for name in ("pin-value", "pin-source"):
        if name in asked or name in found:
            raise UriError(f"{name} does not belong into it: the PIN comes from passphrase = beside it")
    unknown = [name for name in found if name not in _PATH and not _LIBRARY.fullmatch(name)]
    unknown += [name for name in asked if name != "module-path"]
    if unknown:
        raise UriError(f"attribute {unknown[0]} is not known")
    if found.get("type", b"private") != b"private":
        raise UriError("type is something else than private")
    module = _text(asked.get("module-path", b""))
    if not module.startswith("/"):
        raise UriError("module-path does not give the absolute path of the token's library")
    slot = _text(found.get("slot-id", b""))
    if slot and not re.fullmatch(r"[0-9]{1,19}", slot):
        raise UriError("slot-id is not a number")
    texts = {name: _text(found.get(name, b"")) for name in _TEXTS}
    if not texts["object"] and not found.get("id"):
        raise UriError("it names no key: object= or id= is missing")
    return Pkcs11Uri(**texts, id=found.get("id", b""), slot=int(slot) if slot else None, module=module)


def _attributes(text: str, separator: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if not re.fullmatch(r"[a-z0-9_-]+", name) or not equals or not _VALUE.fullmatch(value):
            raise UriError("an attribute is not of the form name=value, with %XX for other characters")
        if name in found:
            raise UriError(f"attribute {name} is there twice")
        found[name] = unquote_to_bytes(value)
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise UriError("a value is not UTF-8") from None
