"""Deployment packages: bundles inside signed, the package itself never, its manifest untouched."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.errors import PipelineError
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.packages import sign_packages
from tests.support.trust import (
    HEATER,
    LEAF,
    VENDOR,
    VENDOR_CA,
    a_bundle,
    a_jar,
    a_package,
    a_signer,
    a_vendor,
    archive_of,
)

METER = "bundles/org.example.meter.jar"
PACKAGE = a_package({HEATER: a_bundle(), METER: sign_bundle(a_bundle("org.example.meter"), a_vendor())})


def test_bundles_are_signed_and_the_vendors_kept() -> None:
    (signed,) = sign_packages({"heater_1.0.0.dp": PACKAGE}, a_signer(), "keep")
    heater, meter = signed.bundles
    assert (heater.resigned, heater.signer_chain) == (True, (LEAF,))
    assert (meter.resigned, meter.signer_chain) == (False, (VENDOR, VENDOR_CA))
    assert meter.sha256_before == meter.sha256_after
    assert heater.signer_fingerprints == (a_signer().certificates[0].sha256,)
    assert (signed.symbolic_name, signed.version) == ("heater", "1.0.0")
    assert signed.sha256_before == hashlib.sha256(PACKAGE).hexdigest()
    before, after = archive_of(PACKAGE), archive_of(signed.content)
    assert [entry.name for entry in before.entries] == [entry.name for entry in after.entries]
    for old, new in zip(before.entries, after.entries, strict=True):
        content = after.read(new)
        if new.name == HEATER:
            assert hashlib.sha256(content).hexdigest() == heater.sha256_after
            assert content == sign_bundle(before.read(old), a_signer())
            assert new.method == 0
        else:
            assert content == before.read(old)


def test_the_same_bytes_twice_and_again() -> None:
    first = sign_packages({"a.dp": PACKAGE}, a_signer(), "keep")
    assert sign_packages({"a.dp": PACKAGE}, a_signer(), "keep") == first
    again = sign_packages({"a.dp": first[0].content}, a_signer(), "keep")
    assert again[0].content == first[0].content
    replaced = sign_packages({"a.dp": PACKAGE}, a_signer(), "replace")
    assert [bundle.signer_chain for bundle in replaced[0].bundles] == [(LEAF,), (LEAF,)]


def test_every_problem_of_every_package_comes_at_once() -> None:
    packages = {
        "bad name.dp": PACKAGE,
        "other.dp": a_package({HEATER: a_bundle("org.other", "2.0.0")}),
        "text.dp": b"no archive",
        "empty.dp": a_jar({"a": b"x"}),
        "jar.dp": a_package({HEATER: b"no archive"}),
        "bare.dp": a_package({HEATER: a_jar({"a": b"x"})}),
        "signed.dp": sign_bundle(a_package({HEATER: a_bundle()}), a_signer()),
    }
    with pytest.raises(PipelineError) as caught:
        sign_packages(packages, a_signer())
    text = str(caught.value)
    for reason in (
        "'bad name.dp': the gateway does not decode",
        "declared as org.example.heater and is org.other",
        "declared with version 1.0.0 and has 2.0.0",
        "packages/text.dp: it is not a ZIP archive",
        "packages/empty.dp: it has no manifest",
        f"packages/jar.dp: {HEATER}: it is not a ZIP archive",
        f"packages/bare.dp: {HEATER}: it has no manifest",
        "signed itself",
    ):
        assert reason in text, reason
