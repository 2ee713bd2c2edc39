"""A company's authority that is younger than the release: dates that fit are chosen, the release's clock is named."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.build import reading
from pipeline.commands.keys import Keys
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.signing.prepare import prepare_certificates
from tests.support.trust import name_of, rsa_key

CHECKOUT = Path(__file__).resolve().parents[3]
DN = "CN=www.companyname.com,O=Company Name,C=US"
USER = "AAAAC3NzaC1lZDI1NTE5AAAAIKQFh2mG4U5yWv27en5KlYUy81Q3q7XhH2qEob+h+HRz"
UTC = datetime.UTC
EPOCH = 1_767_225_600  # the shipped one, 2026-01-01


def authority(
    subject: str, key: str, issuer: str, issuer_key: str, first: datetime.datetime, last: datetime.datetime
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(rsa_key(key).public_key())
        .serial_number(len(subject))
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(rsa_key(issuer_key), hashes.SHA256())
    )


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of the shipped release, and a root with an intermediate that was issued on a day of June 2026."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    shutil.copy(CHECKOUT / "gateway.toml", tmp_path)
    text = (tmp_path / "gateway.toml").read_text()
    (tmp_path / "user.pub").write_text(f"ssh-ed25519 {USER} a\n")
    (tmp_path / "gateway.toml").write_text(text.replace(".demo/keys/demo-user.pub", "user.pub"))
    reading.forget_inputs()
    day = datetime.datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
    root = authority("CN=Root", "authority", "CN=Root", "authority", day.replace(year=2020), day.replace(year=2045))
    inter = authority("CN=Issuing", "company", "CN=Root", "authority", day, day.replace(year=2031))
    for name, one in (("root.crt", root), ("issuing.crt", inter)):
        (tmp_path / name).write_bytes(one.public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").touch(0o600)
    (tmp_path / "ca.pem").write_bytes(
        rsa_key("company").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return tmp_path


def new(*more: str) -> int:
    documented = ("new", "signer", "--dn", DN, "--ca", "file:ca.pem", "--ca-cert", "issuing.crt", "root.crt")
    return Keys().execute({}, [*documented, "--bits", "2048", *more])


@pytest.mark.tools
def test_the_documented_line_works_and_says_what_the_release_needs(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0, capfd.readouterr().err
    shown = capfd.readouterr().out
    leaf = x509.load_pem_x509_certificates((place / "keys/signer.crt").read_bytes())[0]
    assert leaf.not_valid_before_utc == datetime.datetime(2026, 6, 2, tzinfo=UTC)
    assert leaf.not_valid_after_utc <= datetime.datetime(2031, 6, 1, 9, 30, tzinfo=UTC)
    moment = int(leaf.not_valid_before_utc.timestamp())
    assert shown.rstrip().endswith(f"epoch = {moment}")
    # openssl judges the chain at the epoch that is proposed, and a second earlier
    verify = ["openssl", "verify", "-CAfile", "root.crt", "-untrusted", "issuing.crt", "-attime"]
    assert subprocess.run([*verify, str(moment), "keys/signer.crt"], check=False).returncode == 0
    assert subprocess.run([*verify, str(moment - 1), "keys/signer.crt"], check=False).returncode != 0
    # and so does the release, before and after
    (place / "keys/keys.toml").write_text(
        '[bundle-signer]\nkey = "file:private/signer.pem"\ncertificates = ["signer.crt"]\n'
    )
    workspace = Workspace(place)
    with pytest.raises(PipelineError) as caught:
        prepare_certificates(reading.release_of(workspace), reading.keyring_of(workspace))
    assert f"epoch = {moment} or later" in str(caught.value)
    assert "(2026-01-01)" in str(caught.value)
    text = (place / "gateway.toml").read_text()
    (place / "gateway.toml").write_text(text.replace(f"epoch = {EPOCH}", f"epoch = {moment}"))
    reading.forget_inputs()
    chain, _ = prepare_certificates(reading.release_of(workspace), reading.keyring_of(workspace))
    assert len(chain) == 3


def test_days_that_were_chosen_are_not_changed(capfd: pytest.CaptureFixture[str]) -> None:
    assert new("--from", "2026-01-01", "--days", "365") == 2
    told = capfd.readouterr().err
    assert "from 2026-06-01 to 2031-06-01" in told
    assert "would be from 2026-01-01 to 2027-01-01" in told
    assert "--from 2026-06-02 or later and --days 1825 or less" in told
    assert new("--days", "9000") == 2
    assert new("--from", "2026-06-02", "--days", "365") == 0


def test_a_chain_that_is_never_valid(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    day = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    old = authority("CN=Root", "authority", "CN=Root", "authority", day, day.replace(year=2025))
    (place / "root.crt").write_bytes(old.public_bytes(Encoding.PEM))
    assert new() == 2
    assert "its chain is valid from 2026-06-01 to 2025-01-01" in capfd.readouterr().err
    assert not (place / "keys").exists()
