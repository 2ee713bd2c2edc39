"""URIs of keys in tokens (RFC 7512): read as written, refused by name, values never quoted."""

from __future__ import annotations

import pytest

from pipeline.formats.crypto.pkcs11_uri import Pkcs11Uri, UriError, parse

LIBRARY = "?module-path=/usr/lib/x.so"


def test_everything_is_read() -> None:
    uri = parse(
        "pkcs11:token=The%20Software;manufacturer=Snake%20Oil;model=1.0;serial=ab;slot-id=3;"
        "object=my-key;type=private;id=%69%95%3E" + LIBRARY
    )
    assert uri == Pkcs11Uri("The Software", "Snake Oil", "1.0", "ab", "my-key", b"\x69\x95\x3e", 3, "/usr/lib/x.so")
    assert parse("pkcs11:id=%01;library-version=3" + LIBRARY).id == b"\1"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:x", "does not begin"),
        ("pkcs11:" + LIBRARY, "names no key"),
        ("pkcs11:object=a", "module-path"),
        ("pkcs11:object=a?module-path=lib.so", "module-path"),
        ("pkcs11:object=a?module-name=softhsm2", "module-name is not known"),
        ("pkcs11:object=a;object=b" + LIBRARY, "object is there twice"),
        ("pkcs11:object" + LIBRARY, "not of the form"),
        ("pkcs11:object=planted%" + LIBRARY, "not of the form"),
        ("pkcs11:object=%ff" + LIBRARY, "not UTF-8"),
        ("pkcs11:object=a;planted=1" + LIBRARY, "attribute planted is not known"),
        ("pkcs11:object=a;type=public" + LIBRARY, "type is something else"),
        ("pkcs11:object=a;slot-id=x" + LIBRARY, "slot-id"),
        ("pkcs11:object=a;pin-value=planted" + LIBRARY, "pin-value does not belong"),
        ("pkcs11:object=a" + LIBRARY + "&pin-source=file:planted", "pin-source does not belong"),
    ],
)
def test_what_is_wrong_is_named(uri: str, reason: str) -> None:
    with pytest.raises(UriError, match=reason) as caught:
        parse(uri)
    assert "planted" not in str(caught.value).replace("attribute planted", "")
