"""The demo's keys: made once, private, marked, and named by the committed keys.toml."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.inputs.key_config import allowed_signers, read_keys
from pipeline.model.release import Release
from pipeline.signing.keys.development import make_development_keys
from pipeline.signing.keys.signers import open_bundle_signer, open_manifest_signer
from pipeline.signing.prepare import prepare_signers, prepare_trust
from pipeline.signing.secrets.secrets import read_fleet_secret
from tests.support.release import EPOCH, a_release
from tests.support.trust import a_golden, certificate, rsa_key

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("workspace")
    (directory / "keys").mkdir()
    shutil.copy(ROOT / "keys" / "keys.toml", directory / "keys" / "keys.toml")
    umask = os.umask(0)
    try:
        make_development_keys(directory / ".demo", epoch=EPOCH)
    finally:
        os.umask(umask)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_everything_the_committed_key_file_names_is_there(workspace: Path) -> None:
    ring = read_keys(workspace / "keys" / "keys.toml")
    assert open_bundle_signer(ring, "bundle-signer").certificates[0].development
    assert open_manifest_signer(ring, "manifest-signer").development
    assert (workspace / ".demo/keys/allowed_signers").read_bytes() == allowed_signers(ring, "manifest-signer")
    assert len(read_fleet_secret("file:.demo/secrets/fleet.key", workspace).material) == 32


def test_private_files_are_private(workspace: Path) -> None:
    for path in (workspace / ".demo").rglob("*"):
        public = path.suffix in (".crt", ".pub") or path.name == "allowed_signers"
        expected = 0o700 if path.is_dir() else 0o644 if public else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_nothing_is_replaced_and_certificates_come_back(workspace: Path) -> None:
    before = contents(workspace / ".demo")
    (workspace / ".demo/keys/bundle-signer.crt").unlink()
    (workspace / ".demo/keys/manifest-signer.pub").unlink()
    make_development_keys(workspace / ".demo", epoch=EPOCH)
    assert contents(workspace / ".demo") == before


def test_damaged_keys_are_not_replaced(tmp_path: Path) -> None:
    for name in ("bundle-signer.pem", "manifest-signer"):
        directory = tmp_path / name
        (directory / "keys").mkdir(parents=True)
        (directory / "keys" / name).write_bytes(b"precious")
        with pytest.raises(PipelineError, match="it is not an"):
            make_development_keys(directory, epoch=EPOCH)
        assert (directory / "keys" / name).read_bytes() == b"precious"


def test_trust_is_prepared_and_refused_for_production(workspace: Path) -> None:
    ring = read_keys(workspace / "keys" / "keys.toml")
    trust = prepare_trust(a_golden(), a_release(), ring)
    assert trust.packages[0].bundles[0].signer_chain == (trust.signer_chain[0].subject,)
    with pytest.raises(PipelineError, match="development certificate in a production release"):
        prepare_trust(a_golden(), a_release(production=True), ring)
    with pytest.raises(PipelineError, match="epoch = 1767225600 or later, since the certificate is younger"):
        prepare_trust(a_golden(), a_release(epoch=EPOCH - 100 * 86400), ring)


def test_further_tls_certificates(workspace: Path, tmp_path: Path) -> None:
    ring = read_keys(workspace / "keys" / "keys.toml")
    broker = certificate("CN=Broker", rsa_key("broker"), ca=True)
    (tmp_path / "broker.der").write_bytes(broker)
    release = a_release()
    release = replace(release, keystores=replace(release.keystores, trusted_tls={"broker": "broker.der"}))
    trust = prepare_trust(a_golden(), release, ring, base=tmp_path)
    assert [(entry.alias, entry.der) for entry in trust.tls] == [("broker", broker)]
    with pytest.raises(PipelineError, match=r"broker: .* cannot be read"):
        prepare_trust(a_golden(), release, ring, base=tmp_path / "elsewhere")


def test_others_who_sign_bundles(workspace: Path, tmp_path: Path) -> None:
    ring = read_keys(workspace / "keys" / "keys.toml")
    partner = certificate("CN=Partner", rsa_key("partner"))
    (tmp_path / "partner.der").write_bytes(partner)
    (tmp_path / "made.der").write_bytes(certificate("CN=Made,OU=Development", rsa_key("partner")))
    (tmp_path / "weak.der").write_bytes(certificate("CN=Weak", rsa_key("weak", 1024)))
    release = a_release()

    def trusting(file: str, **more: object) -> Release:
        wanted = replace(release, keystores=replace(release.keystores, trusted_signers={"partner": file}))
        return replace(wanted, **more)  # type: ignore[arg-type]

    trust = prepare_trust(a_golden(), trusting("partner.der"), ring, base=tmp_path)
    assert [(entry.alias, entry.der, entry.development) for entry in trust.signers] == [("partner", partner, False)]
    (made,) = prepare_signers(trusting("made.der"), base=tmp_path)
    assert made.development
    assert prepare_signers(release, base=tmp_path) == ()
    for wanted, reason in (
        (trusting("none.der"), "cannot be read"),
        (trusting("weak.der"), "trusted_signers\\] partner: CN=Weak: its RSA key has 1024 bits"),
        (trusting("partner.der", epoch=4_000_000_000), "expired on"),
        (trusting("made.der", production=True), "is a development certificate in a production release"),
    ):
        with pytest.raises(PipelineError, match=reason):
            prepare_signers(wanted, base=tmp_path)
