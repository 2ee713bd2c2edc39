"""Certificates in every form people have them in: text around PEM, marks of editors, DER."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.signing.keys.signers import read_certificates
from tests.support.trust import certificate, rsa_key

DER = certificate("CN=Site", rsa_key("site"))


def openssl(*words: str | Path, given: bytes) -> bytes:
    return subprocess.run(["openssl", *map(str, words)], input=given, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def forms() -> dict[str, bytes]:
    pem = openssl("x509", "-inform", "DER", given=DER)
    text = openssl("x509", "-text", given=pem)
    assert text.startswith(b"Certificate:")
    return {
        "DER": DER,
        "PEM": pem,
        "openssl x509 -text": text,
        "UTF-8 with a mark": b"\xef\xbb\xbf" + pem,
        "UTF-16 of an editor": pem.decode().encode("utf-16"),
        "carriage returns": text.replace(b"\n", b"\r\n"),
        "text in Latin-1 before": b"Z\xfcrich, plant 3\n" + pem,
        "bag attributes of PKCS 12": b"Bag Attributes\n    friendlyName: site\nsubject=CN = Site\n" + pem,
        "two": pem + b"and again\n" + pem,
    }


@pytest.mark.tools
@pytest.mark.parametrize(
    "form",
    [
        "DER", "PEM", "openssl x509 -text", "UTF-8 with a mark", "UTF-16 of an editor", "carriage returns",
        "text in Latin-1 before", "bag attributes of PKCS 12", "two",
    ],
)  # fmt: skip
def test_it_is_read(form: str, forms: dict[str, bytes], tmp_path: Path) -> None:
    file = tmp_path / "site.pem"
    file.write_bytes(forms[form])
    assert read_certificates(file, "site") == [DER] * (2 if form == "two" else 1)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nxx\n", b"\xff\xfeab"])
def test_what_is_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "site.pem"
    file.write_bytes(content)
    with pytest.raises(PipelineError, match=r"holds no X\.509 certificate"):
        read_certificates(file, "site")
