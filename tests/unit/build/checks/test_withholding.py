"""Whoever brings a secret into a file: the file gets no digest by which it could be guessed."""

from __future__ import annotations

import base64

import pytest

from pipeline.build.checks.withholding import withhold
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LinkEntry, Origin
from pipeline.verification.own_values import OwnValue

WHY = (Origin("overlays.file", "common/rootfs/x", ""),)
PASSWORD = b"tulips42"


def marked(content: bytes, value: bytes = PASSWORD, *, secret: bool = True, public: bytes = b"nothing") -> bool:
    layer = Layer.of(FileEntry(GuestPath("/etc/x"), content, WHY), LinkEntry(GuestPath("/etc/y"), "x", WHY))
    found = withhold(layer, [OwnValue("password of a service", "apn", value, secret=secret)], [b"vanilla", public])
    assert found.by_path.keys() == layer.by_path.keys()
    (entry,) = found.files()
    return entry.secret


@pytest.mark.parametrize(
    "content",
    [
        b"password tulips42\n",
        b'{"p": "' + base64.b64encode(b"user:" + PASSWORD) + b'"}',
        PASSWORD.hex().encode(),
        "tulips42".encode("utf-16-le"),
    ],
)
def test_a_file_with_a_secret_in_any_form(content: bytes) -> None:
    assert marked(content)


def test_a_setting_may_have_it_in_base64() -> None:
    assert marked(b"user=x password=tulips42", base64.b64encode(PASSWORD))


def test_what_is_no_secret_keeps_its_digest() -> None:
    assert not marked(b"nothing of it")
    assert not marked(b"name tulips42", secret=False)
    assert not marked(b"the default is tulips42", public=b"# the default is tulips42")


def test_what_is_marked_stays_marked() -> None:
    layer = Layer.of(FileEntry(GuestPath("/etc/x"), b"", WHY, secret=True))
    assert withhold(layer, (), ()) == layer
