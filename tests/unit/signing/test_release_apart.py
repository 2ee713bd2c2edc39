"""Manifests and provenances signed where the key is: by the station's tool, by OpenSSH and OpenSSL, nobody else."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.formats.ssh import sshsig
from pipeline.manifest import NAMESPACE, ReleaseStatement, release_to_bytes, to_bytes
from pipeline.signing import offline
from pipeline.signing.keys.private_keys import LocalKey
from pipeline.signing.keys.signers import ManifestSigner
from pipeline.signing.manifests.detached import DetachedKey, SignatureStore
from pipeline.signing.manifests.release_exchange import COMMANDS, ToSign, read_request, take_signatures, write_request
from pipeline.signing.manifests.sshsig import sign
from pipeline.standards import envelope, open_envelope, statement
from tests.support.keys.signing_workspace import private
from tests.support.manifest import a_manifest
from tests.support.workspaces import CHECKOUT

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
LOCAL = ManifestSigner("manifests", "release@example.com", PUBLIC.public_bytes_raw(), False, LocalKey(KEY))


def to_sign(gateway: str) -> ToSign:
    manifest = a_manifest(gateway)
    content = to_bytes(manifest)
    files = {"manifest.json": hashlib.sha256(content).hexdigest(), "image.bmap": "0" * 64}
    return ToSign(gateway, content, statement(manifest, files))


ITEMS = (to_sign("gw-1"), to_sign("gw-2"))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The release key in OpenSSH's form, where the build machine never looks, and as PKCS #8 beside it."""
    station = tmp_path / "station"
    station.mkdir()
    private(station / "key", KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    private(station / "key.pem", KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return station / "key"


@pytest.fixture
def store(tmp_path: Path) -> SignatureStore:
    return SignatureStore(tmp_path / "signatures")


def emitted(directory: Path, items: tuple[ToSign, ...] = ITEMS) -> Path:
    write_request(directory, items, PUBLIC.public_bytes_raw(), release="r", key="manifests")
    return directory


def built_with(store: SignatureStore) -> dict[str, bytes]:
    """What the build writes beside the images, with nothing but the signatures that came back."""
    apart = DetachedKey("manifests", PUBLIC, store, "manifest")
    return written_by(ManifestSigner("manifests", "release@example.com", PUBLIC.public_bytes_raw(), False, apart))


def written_by(signer: ManifestSigner) -> dict[str, bytes]:
    files = {}
    for item in ITEMS:
        files[f"{item.gateway}/sig"] = sign(item.manifest, signer, NAMESPACE, "manifest")
        files[f"{item.gateway}/provenance"] = envelope(item.statement, signer.sign, sshsig.fingerprint(signer.public))
    return files


def test_the_station_signs_and_the_build_gets_the_same_bytes(
    tmp_path: Path, key: Path, store: SignatureStore, capfd: pytest.CaptureFixture[str]
) -> None:
    request = emitted(tmp_path / "out")
    with pytest.raises(PipelineError, match="signature by manifests is missing") as caught:
        built_with(store)
    assert "doit manifest --emit" in str(caught.value)
    assert offline.main([str(request), "--key", f"file:{key}"]) == 0
    assert "signed gw-1 of release" in capfd.readouterr().out
    taken, missing = take_signatures(request, ITEMS, PUBLIC, store)
    assert (len(taken), missing) == (4, [])
    assert built_with(store) == written_by(LOCAL)
    assert open_envelope(built_with(store)["gw-1/provenance"], PUBLIC.public_bytes_raw()) == ITEMS[0].statement


@pytest.mark.tools
def test_the_commands_it_names_are_enough(tmp_path: Path, key: Path, store: SignatureStore) -> None:
    """`ssh-keygen -Y sign` and openssl as the request says, letter for letter, but for the key's place."""
    request = emitted(tmp_path / "out")
    commands = (request / COMMANDS).read_text().splitlines()
    typed = [line for line in commands if line.startswith(("ssh-keygen", "openssl"))]
    assert len(typed) == 4
    for line in typed:
        words = [{"KEY": str(key), "KEY.pem": f"{key}.pem"}.get(word, word) for word in shlex.split(line)]
        subprocess.run(words, cwd=request, check=True, capture_output=True)
    assert len(take_signatures(request, ITEMS, PUBLIC, store)[0]) == 4
    assert built_with(store) == written_by(LOCAL)


def test_the_tool_as_the_request_names_it(tmp_path: Path, key: Path, store: SignatureStore) -> None:
    request = emitted(tmp_path / "out")
    (line,) = [text for text in (request / COMMANDS).read_text().splitlines() if text.startswith("python")]
    words = shlex.split(line.replace("KEY", str(key)))
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=request, env={"PYTHONPATH": str(CHECKOUT)}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert take_signatures(request, ITEMS, PUBLIC, store)[1] == []


@pytest.mark.tools
def test_signatures_that_are_none_are_named_and_nothing_is_kept(
    tmp_path: Path, key: Path, store: SignatureStore
) -> None:
    request = emitted(tmp_path / "out")
    first, second = (request / f"{item.gateway}.manifest.json" for item in ITEMS)

    def ssh_keygen(file: Path, *more: str, namespace: str = NAMESPACE, by: Path = key) -> None:
        file.with_name(f"{file.name}.sig").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-Y", "sign", "-f", by, "-n", namespace, *more, file], check=True)

    def refused(reason: str) -> None:
        with pytest.raises(PipelineError, match=reason):
            take_signatures(request, ITEMS, PUBLIC, store)
        assert not store.directory.exists()

    ssh_keygen(second)
    ssh_keygen(first, namespace="file")
    refused("gw-1.manifest.json.sig: it was made for 'file' with sha512")
    ssh_keygen(first, "-O", "hashalg=sha256")
    refused("with sha256")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    ssh_keygen(first, by=tmp_path / "other")
    refused("it was made by SHA256:")
    first.with_name(f"{first.name}.sig").write_bytes(second.with_name(f"{second.name}.sig").read_bytes())
    refused("gw-1.manifest.json.sig: it is not a signature of this release's gw-1.manifest.json")
    first.with_name(f"{first.name}.sig").write_bytes(b"junk")
    refused("it is not an SSH signature")
    ssh_keygen(first)
    for content in (b"", bytes(63), bytes(64), bytes(65)):
        (request / "gw-1.provenance.dsse.sig").write_bytes(content)
        refused("gw-1.provenance.dsse.sig: it is not a signature")


def test_what_is_still_missing_is_said(tmp_path: Path, key: Path, store: SignatureStore) -> None:
    request = emitted(tmp_path / "out")
    assert offline.main([str(request), "--key", f"file:{key}"]) == 0
    (request / "gw-2.provenance.dsse.sig").unlink()
    taken, missing = take_signatures(request, ITEMS, PUBLIC, store)
    assert (len(taken), missing) == (3, ["gw-2.provenance.dsse"])
    # what is kept already is not missing
    assert take_signatures(emitted(tmp_path / "again"), ITEMS, PUBLIC, store) == ([], ["gw-2.provenance.dsse"])


def test_a_changed_image_needs_another_signature(tmp_path: Path, key: Path, store: SignatureStore) -> None:
    request = emitted(tmp_path / "out", (to_sign("gw-3"),))
    assert offline.main([str(request), "--key", f"file:{key}"]) == 0
    changed = ToSign("gw-3", ITEMS[0].manifest, ITEMS[0].statement)
    with pytest.raises(PipelineError) as caught:
        take_signatures(request, (changed,), PUBLIC, store)
    assert len(caught.value.problems) == 2
    assert "doit manifest --emit writes now" in str(caught.value)


def _listed(request: Path, change: Callable[[dict[str, object]], None]) -> None:
    value = json.loads((request / "request.json").read_bytes())
    change(value)
    (request / "request.json").write_bytes(canonical_json.dumps(value))


def _digest(request: Path, name: str) -> None:
    """List a file as it is now."""
    digest = hashlib.sha256((request / name).read_bytes()).hexdigest()
    _listed(request, lambda value: value["gateways"][0]["sha256"].update({name: digest}))  # type: ignore[index]


def test_the_station_signs_nothing_else(tmp_path: Path, key: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever can write a request cannot have anything signed but manifests and what follows from them."""

    def refused(request: Path, reason: str) -> None:
        assert offline.main([str(request), "--key", f"file:{key}"]) == 2
        assert reason in capfd.readouterr().err
        assert not list(request.glob("*.sig"))

    one = emitted(tmp_path / "1")
    (one / "gw-1.manifest.json").write_bytes(b"{}\n")
    refused(one, "gw-1.manifest.json: its file is missing or is not what it was")
    _digest(one, "gw-1.manifest.json")
    refused(one, "gw-1.manifest.json")
    two = emitted(tmp_path / "2")
    for name in ("manifest.json", "provenance.dsse"):
        (two / f"gw-1.{name}").write_bytes((two / f"gw-2.{name}").read_bytes())
        _digest(two, f"gw-1.{name}")
    refused(two, "it is the manifest of gw-2")
    three = emitted(tmp_path / "3")
    (three / "gw-1.provenance.dsse").write_bytes((three / "gw-2.provenance.dsse").read_bytes())
    _digest(three, "gw-1.provenance.dsse")
    refused(three, "it is not the provenance of gw-1.manifest.json")
    content = ITEMS[0].files["gw-1.provenance.dsse"]
    for other in (b"SSHSIG" + content, content + b" ", content.replace(b"local", b"cloud"), b""):
        (three / "gw-1.provenance.dsse").write_bytes(other)
        _digest(three, "gw-1.provenance.dsse")
        refused(three, "it is not the provenance of gw-1.manifest.json")
    four = emitted(tmp_path / "4")
    _listed(four, lambda value: value["gateways"][0].update(gateway="../gw-1"))  # type: ignore[index]
    refused(four, "its file is missing")
    five = emitted(tmp_path / "5")
    (five / "signer.pub").write_bytes(b"ssh-ed25519 AAAA\n")
    refused(five, "signer.pub")
    (five / "signer.pub").write_bytes(b"")
    refused(five, "it does not hold exactly one Ed25519 public key")
    six = emitted(tmp_path / "6")
    for change in ({"gateways": 7}, {"gateways": [{}]}, {"format": "another"}):
        _listed(six, lambda value, change=change: value.update(change))  # type: ignore[misc]
        refused(six, "request.json")


def test_the_station_refuses_another_key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = emitted(tmp_path / "out")
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    private(tmp_path / "other", other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert offline.main([str(request), "--key", f"file:{tmp_path / 'other'}"]) == 2
    assert "it is not the key of" in capfd.readouterr().err
    assert not list(request.glob("*.sig"))


def test_a_request_is_written_once_and_always_the_same(tmp_path: Path) -> None:
    first, second = emitted(tmp_path / "a"), emitted(tmp_path / "b")
    assert {file.name: file.read_bytes() for file in first.iterdir()} == {
        file.name: file.read_bytes() for file in second.iterdir()
    }
    assert read_request(first)[1] == ITEMS
    with pytest.raises(PipelineError, match="not an empty directory"):
        emitted(first)
    with pytest.raises(PipelineError, match="no such directory"):
        take_signatures(tmp_path / "nowhere", ITEMS, PUBLIC, SignatureStore(tmp_path / "s"))
    with pytest.raises(PipelineError, match="cannot be read"):
        read_request(tmp_path / "nowhere")


def test_the_station_needs_cryptography_and_nothing_else() -> None:
    """What people install on a machine that holds a release key; bcrypt is OpenSSH's passphrases'."""
    program = (
        "import sys; import pipeline.signing.offline;"
        "places = {n: getattr(m, '__file__', '') or '' for n, m in sys.modules.items()};"
        "found = {n.split('.')[0] for n, place in places.items() if 'site-packages' in place};"
        "about_pip = {'_distutils_hack', '_virtualenv', *(n for n in found if n.startswith('__editable_'))};"
        "print(*sorted(found - about_pip))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(done) <= {"cryptography", "_cffi_backend", "cffi", "bcrypt"}
    assert "cryptography" in done


WHOLE_STATEMENT = release_to_bytes(
    ReleaseStatement("demo-1.0", 1_767_225_600, {"gw-1": {"image.img": "0" * 64}}, {"report.html": "1" * 64})
)


def emitted_whole(directory: Path) -> Path:
    write_request(directory, (), PUBLIC.public_bytes_raw(), release="demo-1.0", key="manifests", whole=WHOLE_STATEMENT)
    return directory


@pytest.mark.tools
@pytest.mark.parametrize("how", ["station", "openssh"])
def test_a_release_as_a_whole_is_signed_where_the_key_is(
    tmp_path: Path, key: Path, store: SignatureStore, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    request = emitted_whole(tmp_path / "out")
    apart = DetachedKey("manifests", PUBLIC, store, "manifest")
    signer = ManifestSigner("manifests", "release@example.com", PUBLIC.public_bytes_raw(), False, apart)
    with pytest.raises(PipelineError, match="as a whole"):
        sign(WHOLE_STATEMENT, signer, NAMESPACE, "release demo-1.0 as a whole")
    assert take_signatures(request, (), PUBLIC, store, whole=WHOLE_STATEMENT) == ([], ["release.json"])
    if how == "station":
        assert offline.main([str(request), "--key", f"file:{key}"]) == 0
        assert "signed release demo-1.0 as a whole: gw-1" in capfd.readouterr().out
    else:
        (line,) = [text for text in (request / COMMANDS).read_text().splitlines() if text.startswith("ssh-keygen")]
        words = [str(key) if word == "KEY" else word for word in shlex.split(line)]
        subprocess.run(words, cwd=request, check=True, capture_output=True)
    assert take_signatures(request, (), PUBLIC, store, whole=WHOLE_STATEMENT) == (["release.json"], [])
    assert sign(WHOLE_STATEMENT, signer, NAMESPACE) == sign(WHOLE_STATEMENT, LOCAL, NAMESPACE)


def test_the_station_signs_no_other_statement(tmp_path: Path, key: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = emitted_whole(tmp_path / "out")
    for content in (b"{}\n", b"", ITEMS[0].manifest, WHOLE_STATEMENT + b" "):
        (request / "release.json").write_bytes(content)
        assert offline.main([str(request), "--key", f"file:{key}"]) == 2
        assert "its file is missing or is not what it was" in capfd.readouterr().err
        if content:
            digest = hashlib.sha256(content).hexdigest()
            _listed(request, lambda value, digest=digest: value.update({"release.json": digest}))  # type: ignore[misc]
            assert offline.main([str(request), "--key", f"file:{key}"]) == 2
            assert "release.json" in capfd.readouterr().err
    assert not list(request.glob("*.sig"))
