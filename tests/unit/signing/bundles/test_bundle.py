"""Bundles signed in our own process: judged by jarsigner, by the shape, and by doing it twice."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from pipeline.errors import PipelineError
from pipeline.formats.crypto.signature_block import check_shape
from pipeline.formats.java import jar_manifest
from pipeline.signing.bundles import inspection
from pipeline.signing.bundles.bundle import Mode, sign_bundle
from pipeline.signing.bundles.inspection import inspect
from tests.support.trust import (
    LEAF,
    ROOT,
    a_bundle,
    a_chain_signer,
    a_jar,
    a_signer,
    a_vendor,
    archive_of,
    jarsigner,
    names_of,
    rsa_key,
    trusting,
)

MANIFEST = "Manifest-Version: 1.0\r\nBundle-SymbolicName: x\r\n\r\n"
LONG = "com/example/" + "very/" * 20 + "long-näme.class"
KINDS: dict[str, bytes] = {
    "bundle": a_bundle(),
    "long and non-ASCII names": a_jar({LONG: b"x"}, MANIFEST),
    "LF manifest": a_jar({"a": b"x"}, MANIFEST.replace("\r\n", "\n")),
    "no manifest": a_jar({"a": b"x"}),
    "manifest not first": a_jar({"a": b"x", "META-INF/MANIFEST.MF": MANIFEST}),
    "manifest without end": a_jar({"a": b"x"}, "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2"),
    "existing sections": a_jar(
        {"a": b"x", "b": b"y"}, MANIFEST + "Name: b\r\nX: y\r\n\r\nName: com/\r\nSealed: true\r\n\r\n"
    ),
    "right digest": a_jar({"a": b"x"}, MANIFEST + f"Name: a\r\nSHA-256-Digest: {jar_manifest.digest(b'x')}\r\n\r\n"),
    "META-INF content": a_jar({"META-INF/": b"", "META-INF/LICENSE": b"l", "META-INF/versions/9/a": b"x"}, MANIFEST),
    "stored": a_jar({"a": b"x"}, MANIFEST, method=zipfile.ZIP_STORED),
    "empty file": a_jar({"a": b""}, MANIFEST),
}


def signing(directory: Path) -> Path:
    """A keystore jarsigner can sign with."""
    certificate = x509.load_der_x509_certificate(a_signer().certificates[0].der)
    store = directory / "sign.p12"
    store.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"signer", rsa_key("ours"), certificate, None, BestAvailableEncryption(b"changeit")
        )
    )
    return store


@pytest.mark.tools
@pytest.mark.parametrize("kind", KINDS)
def test_jarsigner_accepts_every_kind(kind: str, tmp_path: Path) -> None:
    signed = tmp_path / "signed.jar"
    signed.write_bytes(sign_bundle(KINDS[kind], a_chain_signer()))
    verdict = jarsigner(signed, trusting(tmp_path, a_chain_signer()))
    assert verdict.returncode == 0, verdict.stdout
    assert "jar verified." in verdict.stdout


@pytest.mark.tools
def test_jarsigner_refuses_what_was_changed(tmp_path: Path) -> None:
    """The same test as above must be able to fail."""
    signed = tmp_path / "signed.jar"
    signed.write_bytes(sign_bundle(KINDS["stored"], a_signer()))
    with zipfile.ZipFile(signed) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    signed.write_bytes(a_jar({**content, "a": b"y"}))
    assert jarsigner(signed, trusting(tmp_path, a_signer())).returncode != 0


@pytest.mark.parametrize("kind", KINDS)
def test_twice_is_the_same_and_in_shape(kind: str) -> None:
    signed = sign_bundle(KINDS[kind], a_chain_signer())
    assert sign_bundle(KINDS[kind], a_chain_signer()) == signed
    archive = archive_of(signed)
    assert names_of(signed)[:3] == ["META-INF/MANIFEST.MF", "META-INF/COMPANY.SF", "META-INF/COMPANY.RSA"]
    manifest, signature_file, block = (archive.read(entry) for entry in archive.entries[:3])
    assert check_shape(block) == []
    assert jar_manifest.check_signature_file(signature_file, manifest) == []
    seen = inspect(archive)
    assert seen is not None
    assert seen.subjects == (LEAF, ROOT)


def test_untouched_entries_keep_their_bytes() -> None:
    before, after = KINDS["existing sections"], sign_bundle(KINDS["existing sections"], a_signer())
    old, new = archive_of(before), archive_of(after)
    for name in ("a", "b"):
        was, now = old.find(name), new.find(name)
        assert was is not None
        assert now is not None
        assert before[was.offset : was.end] == after[now.offset : now.end]
    manifest = new.read(new.entries[0])
    assert manifest.startswith(MANIFEST.encode())
    assert b"Name: b\r\nX: y\r\nSHA-256-Digest: " in manifest
    assert b"Name: com/\r\nSealed: true\r\n\r\n" in manifest


def test_modes_of_what_is_signed_already() -> None:
    vendors = sign_bundle(a_bundle(), a_vendor())
    with pytest.raises(PipelineError, match="signed already"):
        sign_bundle(vendors, a_signer())
    assert sign_bundle(vendors, a_signer(), "keep") == vendors
    assert sign_bundle(vendors, a_signer(), "replace") == sign_bundle(a_bundle(), a_signer())
    ours = sign_bundle(a_bundle(), a_signer())
    assert sign_bundle(ours, a_signer(), "replace") == ours


def test_unsigned_is_signed_in_every_mode() -> None:
    modes: tuple[Mode, ...] = ("refuse", "replace", "keep")
    assert len({sign_bundle(a_bundle(), a_signer(), mode) for mode in modes}) == 1


@pytest.mark.tools
def test_what_jarsigner_of_today_signs_is_not_kept(tmp_path: Path) -> None:
    """The gateway would silently take it for unsigned: this is why we sign ourselves."""
    theirs = tmp_path / "theirs.jar"
    theirs.write_bytes(a_bundle())
    store = signing(tmp_path)
    command = ["jarsigner", "-keystore", store, "-storepass", "changeit", theirs, "signer"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(
        PipelineError, match=r"would take it for unsigned: META-INF/SIGNER.RSA: it has signed attributes"
    ):
        sign_bundle(theirs.read_bytes(), a_signer(), "keep")
    assert sign_bundle(theirs.read_bytes(), a_signer(), "replace", name="x")


def resigned(change: dict[str, bytes | None]) -> bytes:
    signed = archive_of(sign_bundle(a_bundle(), a_signer()))
    content: dict[str, bytes | None] = {entry.name: signed.read(entry) for entry in signed.entries}
    return a_jar({name: data for name, data in {**content, **change}.items() if data is not None})


@pytest.mark.parametrize(
    ("jar", "reason"),
    [
        (resigned({"org/example/Activator.class": b"evil"}), "Activator.class was changed"),
        (resigned({"added.class": b"evil"}), "added.class is not covered"),
        (resigned({"META-INF/BUNDLE-S.RSA": None}), "has no signature block"),
        (resigned({"META-INF/BUNDLE-S.SF": None}), "block without its signature file"),
        (resigned({"META-INF/BUNDLE-S.SF": b"Signature-Version: 1.0\r\n\r\n"}), "is not a signature of"),
        (resigned({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n"}), "digest of this whole manifest"),
        (resigned({"META-INF/MANIFEST.MF": None}), "has no manifest"),
        (resigned({"META-INF/BUNDLE-S.RSA": b"0"}), "ends in the middle"),
    ],
    ids=range(8),
)
def test_broken_signatures_are_not_kept(jar: bytes, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        sign_bundle(jar, a_signer(), "keep")


@pytest.mark.parametrize(
    ("jar", "reason"),
    [
        (a_jar({}, MANIFEST), "only a manifest"),
        (a_jar({"meta-inf/manifest.mf": MANIFEST, "a": b"x"}), "called meta-inf/manifest.mf"),
        (a_jar({"a": b"x"}, MANIFEST + "Name: a\r\nSHA1-Digest: AAAA\r\n\r\n"), "stale digest of a"),
        (a_jar({"a": b"x"}, MANIFEST + "Name: a\r\nSHA-256-Digest: AAAA\r\n\r\n"), "stale digest of a"),
        (a_jar({"a": b"x"}, MANIFEST + "Name: a\r\nWhirlpool-Digest: AAAA\r\n\r\n"), "unknown kind for a"),
        (a_jar({"a": b"x"}, "Bundle-Name: x\r\n\r\n"), "no Manifest-Version"),
        (a_jar({"../a": b"x"}, MANIFEST), "climbs"),
    ],
    ids=range(7),
)
def test_what_cannot_be_signed_is_refused(jar: bytes, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason) as caught:
        sign_bundle(jar, a_signer(), name="evil.jar")
    assert caught.value.problems[0].what.startswith("evil.jar")


def test_stale_digests_go_when_replaced() -> None:
    clean = a_jar({"a": b"x"}, MANIFEST)
    stale = a_jar({"a": b"x"}, MANIFEST + "Name: a\r\nSHA1-Digest: AAAA\r\n\r\n")
    assert sign_bundle(stale, a_signer(), "replace") == sign_bundle(clean, a_signer(), "replace")


def test_a_block_without_a_signer_is_a_reason_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = archive_of(sign_bundle(KINDS["stored"], a_chain_signer()))
    whole = inspection.signature_block.parse_block
    monkeypatch.setattr(inspection.signature_block, "parse_block", lambda data: replace(whole(data), signers=()))
    with pytest.raises(PipelineError, match="it has 0 signers instead of one"):
        inspect(signed)
