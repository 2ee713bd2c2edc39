"""A hundred JARs of other people, signed: the same bytes twice, in shape, accepted by jarsigner; and what it costs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509 import load_der_x509_certificate

from pipeline.errors import PipelineError
from pipeline.formats.crypto import signature_block
from pipeline.formats.java import jar, jar_manifest
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.platform import describe_bundle
from tests.support.jars.real_jars import real_jars
from tests.support.trust import a_chain_signer, archive_of, chain_of, rsa_key

pytestmark = pytest.mark.tools

ENOUGH = 100
COMPARED = 12  # jarsigner signs these many, for the figures
QUIET = {**os.environ, "JAVA_TOOL_OPTIONS": "", "STORE": "secret"}
# A start of the JVM costs more than the work: no optimizing compiler, one collector.
JVM = ("-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC")


def check_shape(signed: bytes) -> list[str]:
    """What is wrong with the signature of a bundle, as ESF 5 would see it."""
    archive = archive_of(signed)
    ((file_name, block_name),) = jar.signatures(entry.name for entry in archive.entries)
    found = {name: archive.find(name) for name in (file_name, block_name or "", jar.MANIFEST)}
    file, block, manifest = (archive.read(entry) for entry in found.values() if entry is not None)
    return signature_block.check_shape(block) + jar_manifest.check_signature_file(file, manifest)


def verified(path: Path) -> str:
    """What jarsigner has against a JAR; empty for nothing."""
    command = ["jarsigner", *JVM, "-verify", "-strict", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=QUIET)
    # 4: the chain ends in a certificate this JDK does not know; 16 would be unsigned entries, 1 a broken signature.
    if done.returncode in (0, 4) and "jar verified" in done.stdout:
        return ""
    return f"{path.name}: {done.returncode}: {done.stdout}"


def keystore(place: Path) -> Path:
    leaf, root = (load_der_x509_certificate(der) for der in chain_of("CN=x,O=y", "CN=z,O=y", "compared"))
    store = place / "signer.p12"
    encryption = BestAvailableEncryption(b"secret")
    store.write_bytes(pkcs12.serialize_key_and_certificates(b"x", rsa_key("compared"), leaf, [root], encryption))
    return store


def test_a_hundred_real_jars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = real_jars()
    assert len(paths) >= ENOUGH, f"only {len(paths)} JARs here: install the packages of ci/packages-test.txt"
    originals = [path.read_bytes() for path in paths]
    start = time.perf_counter()
    signed = [sign_bundle(data, a_chain_signer(), "replace") for data in originals]
    ours = time.perf_counter() - start
    refused = [path.name for path, data in zip(paths, signed, strict=True) if check_shape(data)]
    assert not refused
    assert [sign_bundle(data, a_chain_signer(), "replace") for data in originals] == signed
    for path, before, after in zip(paths, originals, signed, strict=True):
        assert describe_bundle(path.name, after).problem == ""
        assert contents(after) == contents(before), path.name
    files = [tmp_path / f"{number:03}.jar" for number in range(len(paths))]
    for file, data in zip(files, signed, strict=True):
        file.write_bytes(data)
    with ThreadPoolExecutor(2) as pool:
        assert [complaint for complaint in pool.map(verified, files) if complaint] == []
    largest = sorted(zip(paths, originals, strict=True), key=lambda pair: len(pair[1]))[-COMPARED:]
    theirs, ours_of_these = compare(largest, tmp_path)
    total = sum(map(len, originals)) / 1e6
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(paths)} JARs, {total:.1f} MB: signed in {ours:.2f} s, byte-identical twice, all in shape, "
            f"all verified by jarsigner\nthe {COMPARED} largest: {ours_of_these:.2f} s, jarsigner {theirs:.1f} s\n"
        )


def contents(data: bytes) -> dict[str, bytes]:
    """Everything but the manifest and signatures."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if jar.is_covered(name)}


def compare(largest: list[tuple[Path, bytes]], place: Path) -> tuple[float, float]:
    """Seconds that jarsigner and we take for the same JARs, one after the other."""
    store = keystore(place)
    theirs = ours = 0.0
    for path, data in largest:
        file = place / path.name
        file.write_bytes(data)
        start = time.perf_counter()
        command = ["jarsigner", *JVM, "-keystore", str(store), "-storepass:env", "STORE", str(file), "x"]
        subprocess.run(command, check=True, capture_output=True, env=QUIET)
        theirs += time.perf_counter() - start
        start = time.perf_counter()
        sign_bundle(data, a_chain_signer(), "replace", name=path.name)
        ours += time.perf_counter() - start
    return theirs, ours


def test_signing_again_changes_nothing() -> None:
    for path in real_jars()[:20]:
        signed = sign_bundle(path.read_bytes(), a_chain_signer(), "replace", name=path.name)
        assert sign_bundle(signed, a_chain_signer(), "replace", name=path.name) == signed
        with pytest.raises(PipelineError, match="signed already"):
            sign_bundle(signed, a_chain_signer(), name=path.name)
