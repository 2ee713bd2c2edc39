"""What the JDK's jarsigner writes: refused where the framework has its own parser, taken where the JDK looks."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.archive.zip_archive import MemorySource, read_archive
from pipeline.rules.esf.signature import signature_of
from pipeline.signing.bundles.inspection import inspect

pytestmark = pytest.mark.tools
ALGORITHMS = {
    "RSA, SHA-384": ("RSA", "2048", "SHA-384", "SHA384withRSA"),
    "RSA, SHA-512": ("RSA", "2048", "SHA-512", "SHA512withRSA"),
    "RSA, SHA-256": ("RSA", "2048", "SHA-256", "SHA256withRSA"),
    "EC, SHA-384": ("EC", "384", "SHA-384", "SHA384withECDSA"),
}


@pytest.fixture(scope="module", params=ALGORITHMS)
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    kind, size, digest, signature = ALGORITHMS[request.param]
    place = tmp_path_factory.mktemp("jdk")
    store = ["-keystore", str(place / "k.p12"), "-storepass", "changeit"]
    made = ["-alias", "vendor", "-dname", "CN=Vendor", "-keyalg", kind, "-keysize", size, "-sigalg", signature]
    subprocess.run(["keytool", "-genkeypair", *store, *made], check=True, capture_output=True)
    jar = place / "b.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nBundle-SymbolicName: a.b\r\n\r\n")
        archive.writestr("a/B.class", b"\xca\xfe\xba\xbe" + bytes(40))
    command = ["jarsigner", *store, "-digestalg", digest, "-sigalg", signature, str(jar), "vendor"]
    subprocess.run(command, check=True, capture_output=True)
    return jar.read_bytes()


def changed(jar: bytes, name: str, old: bytes, new: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(jar)) as before, zipfile.ZipFile(target, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            after.writestr(entry.filename, content.replace(old, new) if entry.filename == name else content)
    return target.getvalue()


def looked_at(jar: bytes, *, by_jdk: bool) -> tuple[str, ...]:
    found = inspect(read_archive(MemorySource(jar), "b.jar"), accept_ec=True, by_jdk=by_jdk)
    assert found is not None
    return found.subjects


def test_it_is_taken_where_the_jdk_looks_and_nowhere_else(signed: bytes) -> None:
    assert looked_at(signed, by_jdk=True) == ("CN=Vendor",)
    assert signature_of(signed, accept_ec=True, by_jdk=True).subjects == ("CN=Vendor",)
    with pytest.raises(PipelineError, match="gateways would take it for unsigned"):
        looked_at(signed, by_jdk=False)
    assert signature_of(signed, accept_ec=True).problem


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a/B.class", b"\0\0\0\0", b"\0\0\0\1"),
        ("META-INF/MANIFEST.MF", b"a.b", b"a.c"),
        ("META-INF/VENDOR.SF", b"Created-By", b"Created-bY"),
    ],
)
def test_what_was_changed_since_is_refused(signed: bytes, name: str, old: bytes, new: bytes) -> None:
    jar = changed(signed, name, old, new)
    assert jar != signed
    with pytest.raises(PipelineError):
        looked_at(jar, by_jdk=True)
    assert signature_of(jar, accept_ec=True, by_jdk=True).problem


def test_a_block_of_another_file_is_refused(signed: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        (block,) = (name for name in archive.namelist() if name.endswith((".RSA", ".EC")))
        content = archive.read(block)
    (tmp_path / "b.jar").write_bytes(signed)
    flipped = changed(signed, block, content[-40:-30], bytes(byte ^ 1 for byte in content[-40:-30]))
    with pytest.raises(PipelineError):
        looked_at(flipped, by_jdk=True)
