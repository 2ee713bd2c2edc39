"""A secret in an image is found in every form, wherever it lies, and never told."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.image.read.leak_scan import scan
from pipeline.verification.secret_forms import LEAST, Secret, patterns

PASSWORD = "hN4.w&z7@R<2-vQ\"9_XcF'pB"
KEY = (
    b"-----BEGIN PRIVATE KEY-----\n"
    + b"\n".join([b"A" * 64, b"MIIEvQIBADANBgkqhkiG9w0BAQ" + b"q" * 38])
    + b"\n-----END\n"
)
MIB = 1 << 20


def archive(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a/kura.properties", content * 3)
    return buffer.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "hex": lambda raw: raw.hex().encode(),
    "HEX": lambda raw: raw.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 after one byte": lambda raw: base64.b64encode(b"x" + raw + b"tail"),
    "base64 after two bytes": lambda raw: base64.b64encode(b"xy" + raw + b"tail"),
    "base64 for URLs": base64.urlsafe_b64encode,
    "utf-16le": lambda raw: raw.decode().encode("utf-16-le"),
    "utf-16be": lambda raw: raw.decode().encode("utf-16-be"),
    "url": lambda raw: quote(raw, safe="").encode(),
    "xml": lambda raw: escape(raw.decode(), quote=False).encode(),
    "json": lambda raw: json.dumps(raw.decode()).encode(),
    "gzip": lambda raw: gzip.compress(b"x" * 5000 + raw + os.urandom(100)),
    "zlib": lambda raw: zlib.compress(os.urandom(5000) + raw),
    "zip": archive,
    "zip in zip": lambda raw: archive(archive(raw) + b"x" * 99),
    "base64 in gzip": lambda raw: gzip.compress(b"user:" + base64.b64encode(raw) + b"\n" * 50),
}


def an_image(place: Path, content: bytes, offset: int, size: int = 24 * MIB) -> Path:
    place.touch(0o600)
    with place.open("r+b") as stream:
        stream.truncate(size)
        stream.write(b"boot" * 128)
        stream.seek(8 * MIB)
        stream.write(os.urandom(6 * MIB))
        stream.seek(offset)
        stream.write(content)
    return place


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(form: str, tmp_path: Path) -> None:
    wanted = patterns([Secret("console password", PASSWORD.encode())])
    image = an_image(tmp_path / "image", b"text before" + FORMS[form](PASSWORD.encode()) + b"after", 18 * MIB + 77)
    found = {wanted[hit.pattern][0] for hit in scan(image, wanted)}
    assert found == {"console password"}


# The pieces an image is read in are 4 MiB: one ends in the middle of the secret.
@pytest.mark.parametrize("offset", [600, 8 * MIB - 5, 12 * MIB - 7, 14 * MIB, 24 * MIB - 24, 20 * MIB])
def test_it_is_found_wherever_it_lies_and_its_place_is_told(offset: int, tmp_path: Path) -> None:
    wanted = patterns([Secret("p", PASSWORD.encode())])
    image = an_image(tmp_path / "image", PASSWORD.encode(), offset)
    assert {hit.offset for hit in scan(image, wanted)} == {offset}


def test_a_packed_stream_over_the_end_of_a_piece_is_unpacked_whole(tmp_path: Path) -> None:
    wanted = patterns([Secret("p", PASSWORD.encode())])
    packed = gzip.compress(os.urandom(MIB).hex().encode() + PASSWORD.encode())
    image = an_image(tmp_path / "image", packed, 12 * MIB - 1000)
    (hit,) = scan(image, wanted)
    assert (hit.packed, hit.offset) == (True, 12 * MIB - 1000)


@pytest.mark.parametrize(
    "value", [KEY, os.urandom(32), b"\0\n".join(os.urandom(40) for _ in range(3))], ids=["key", "bytes", "lines"]
)
def test_keys_and_raw_bytes_are_found(value: bytes, tmp_path: Path) -> None:
    wanted = patterns([Secret("key", value)])
    assert scan(an_image(tmp_path / "image", value, 17 * MIB), wanted)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    secrets = [Secret(f"s{number}", os.urandom(12).hex().encode()) for number in range(300)]
    assert scan(an_image(tmp_path / "image", archive(b"nothing of that" * 50), 17 * MIB), patterns(secrets)) == ()
    assert scan(tmp_path / "image", ()) == ()


def test_patterns_can_be_searched_by_lines_and_names_hold_no_value() -> None:
    secrets = [Secret("key", KEY), Secret("p", PASSWORD.encode()), Secret("short", b"x" * (LEAST - 1))]
    found = patterns(secrets)
    assert {name for name, _ in found.values()} == {"key", "p"}
    assert all(b"\n" not in one and b"\0" not in one and len(one) >= LEAST for one in found)
    assert PASSWORD not in repr(secrets)
    assert PASSWORD not in repr(list(found.values()))


def test_keys_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    other = KEY.replace(b"q" * 38, b"r" * 38)
    image = an_image(tmp_path / "image", other, 17 * MIB)
    wanted = patterns([Secret("mine", KEY), Secret("other", other)])
    assert {wanted[hit.pattern][0] for hit in scan(image, wanted)} == {"other"}


def test_of_what_a_searched_image_has_too_only_the_differences_are_searched(tmp_path: Path) -> None:
    wanted = patterns([Secret("p", PASSWORD.encode())])
    base = an_image(tmp_path / "base", PASSWORD.encode(), 17 * MIB)
    image = tmp_path / "image"
    image.write_bytes(base.read_bytes())
    assert [hit.offset for hit in scan(base, wanted)] == [17 * MIB]
    assert scan(image, wanted, base=base) == ()
    an_image(image, PASSWORD.encode(), 9 * MIB - 3)
    assert 9 * MIB - 3 in {hit.offset for hit in scan(image, wanted, base=base)}


def test_a_secret_is_looked_for_from_the_least_length_on_and_by_its_longest_line() -> None:
    exactly = b"aB3$" * LEAST
    exactly = exactly[:LEAST]
    assert exactly in patterns([Secret("x", exactly)])
    assert patterns([Secret("x", exactly[:-1])]) == {}
    in_two_lines = exactly[: LEAST // 2] + b"\n" + exactly[LEAST // 2 :]
    assert min(map(len, patterns([Secret("x", in_two_lines)]))) >= LEAST
