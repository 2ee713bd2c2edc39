"""Manifests keep every byte that is not edited; signature files are as the gateway's framework needs them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.java import jar_manifest
from pipeline.formats.java.jar import is_covered, is_signature_file, misspelt, signature_names, signatures
from pipeline.formats.java.jar_manifest import Manifest, new_manifest, new_section, parse_manifest, signature_file

PLAIN = b"Manifest-Version: 1.0\r\nBundle-Name: x\r\n\r\nName: a/b\r\nX: y\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        PLAIN.replace(b"\r\n", b"\n"),
        PLAIN + b"\r\n\r\n",
        b"Manifest-Version: 1.0\r\nLong: " + b"x" * 64 + b"\r\n " + b"y" * 71 + b"\r\n\r\n",
        b"Created-By: me\nManifest-Version: 1.0\n\n\n\nName: a\n\n",
    ],
)
def test_what_is_read_comes_out_as_it_was(data: bytes) -> None:
    assert parse_manifest(data, "x").render() == data


@pytest.mark.parametrize(
    ("data", "ended"),
    [
        (b"Manifest-Version: 1.0", b"Manifest-Version: 1.0\r\n\r\n"),
        (b"Manifest-Version: 1.0\n", b"Manifest-Version: 1.0\n\n"),
        (b"Manifest-Version: 1.0\r\n\r\nName: a", b"Manifest-Version: 1.0\r\n\r\nName: a\r\n\r\n"),
    ],
)
def test_a_missing_end_is_repaired(data: bytes, ended: bytes) -> None:
    """jarsigner of JDK 17 loses such a last line."""
    assert parse_manifest(data, "x").render() == ended


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\r\nManifest-Version: 1.0\r\n", "blank line"),
        (b"Manifest-Version: 1.0\rX: y\r", "bare carriage return"),
        (b"\xef\xbb\xbfManifest-Version: 1.0\r\n", "line 1 is not a header"),
        (b"Manifest-Version 1.0\r\n", "line 1 is not a header"),
        (b"Manifest-Version: 1.0\r\nX:y\r\n", "line 2 is not a header"),
        (b"Manifest-Version: 1.0\r\nX: \xff\r\n", "line 2 is not UTF-8"),
        (b"Manifest-Version: 1.0\r\nX: a\0b\r\n", "line 2 is not a header"),
        (b" x\r\n", "line 1 continues nothing"),
        (b"Manifest-Version: 1.0\r\n\r\n x\r\n", "line 3 continues nothing"),
        (b"Bundle-Name: x\r\n", "no Manifest-Version"),
        (b"Manifest-Version: 1.0\r\n\r\nX: y\r\n", "begins with X instead of Name"),
        (b"Manifest-Version: 1.0\r\n\r\nname: y\r\n", "begins with name instead of Name"),
        (PLAIN + b"Name: a/b\r\n\r\n", "two sections for a/b"),
    ],
)
def test_malformed_manifests_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        parse_manifest(data, "a.jar: META-INF/MANIFEST.MF")


def test_sections_are_edited_in_their_own_line_ending() -> None:
    manifest = parse_manifest(PLAIN.replace(b"\r\n", b"\n"), "x")
    edited = Manifest(manifest.main, (manifest.sections[0].with_attribute("SHA-256-Digest", "abc"),))
    assert edited.render().endswith(b"Name: a/b\nX: y\nSHA-256-Digest: abc\n\n")
    assert edited.without_digests().render() == manifest.render()


def test_sections_of_digests_only_go_with_them() -> None:
    manifest = parse_manifest(PLAIN + b"Name: c\r\nSHA1-Digest: x\r\n\r\n", "x")
    assert manifest.without_digests().render() == PLAIN


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200))
@settings(max_examples=80)
def test_names_are_folded_at_72_bytes(name: str) -> None:
    raw = new_section(name, "SHA-256-Digest", "x").raw
    assert all(len(line) <= 72 for line in raw.split(b"\r\n"))
    read = parse_manifest(new_manifest().render() + raw, "x")
    assert read.sections[0].name == name
    assert read.sections[0].raw == raw


def test_the_signature_file_is_what_the_framework_accepts() -> None:
    manifest = parse_manifest(PLAIN, "x")
    written = signature_file(manifest, "test")
    assert jar_manifest.check_signature_file(written, PLAIN) == []
    assert jar_manifest.check_signature_file(written, PLAIN + b"\r\n") != []
    assert jar_manifest.check_signature_file(written.replace(b"\r\n", b"\n"), PLAIN) != []
    assert jar_manifest.check_signature_file(written.split(b"\r\n\r\n")[0] + b"\r\n\r\n", PLAIN) == [
        "it names no entry"
    ]
    sections = parse_manifest(written, "x")
    section = b"Name: a/b\r\nX: y\r\n\r\n"
    assert sections.sections[0].get("sha-256-digest") == jar_manifest.digest(section)
    assert len(hashlib.sha256(section).digest()) == 32


def test_names_with_a_meaning() -> None:
    assert all(map(is_signature_file, ["META-INF/A.SF", "META-INF/a.rsa", "meta-inf/x.DSA", "META-INF/SIG-x"]))
    assert not any(map(is_signature_file, ["META-INF/sub/A.SF", "A.SF", "META-INF/A.SFX", "META-INF/LICENSE"]))
    assert all(map(is_covered, ["META-INF/LICENSE", "META-INF/services/x", "META-INF/versions/9/x", "a"]))
    assert not any(map(is_covered, ["META-INF/MANIFEST.MF", "META-INF/A.SF", "a/"]))
    assert signature_names("bundle-signer") == ("META-INF/BUNDLE-S.SF", "META-INF/BUNDLE-S.RSA")
    assert signature_names("ä.b") == ("META-INF/__B.SF", "META-INF/__B.RSA")
    assert misspelt(["meta-inf/manifest.mf"]) == "meta-inf/manifest.mf"
    assert signatures(["META-INF/A.SF", "META-INF/a.rsa", "META-INF/B.SF"]) == (
        ("META-INF/A.SF", "META-INF/a.rsa"),
        ("META-INF/B.SF", None),
    )


@pytest.mark.parametrize(("length", "taken"), [(511, True), (512, False), (2000, False)])
def test_java_reads_lines_of_511_bytes(length: int, taken: bool) -> None:
    line = "X-Long: " + "a" * (length - len("X-Long: "))
    data = f"Manifest-Version: 1.0\r\n{line}\r\n\r\n".encode()
    if taken:
        assert parse_manifest(data, "m").main.get("X-Long")
        return
    with pytest.raises(PipelineError, match=f"line 2 has {length} bytes, Java reads 511 at most"):
        parse_manifest(data, "m")
