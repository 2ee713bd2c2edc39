"""EC keys: refused with the reason, unless the gateways' framework is known to take them; then judged by jarsigner."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from pipeline.build import keys_and_bundles, reading
from pipeline.errors import PipelineError
from pipeline.formats.crypto.signature_block import check_shape
from pipeline.inputs import layout_files
from pipeline.rules.esf.signature import signature_of
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.inspection import inspect
from pipeline.signing.bundles.packages import sign_packages
from pipeline.signing.keys.signers import BundleSigner
from tests.support.keys.signing_workspace import edit, signing_workspace
from tests.support.trust import (
    HEATER,
    LEAF,
    ROOT,
    a_bundle,
    a_jar,
    a_package,
    archive_of,
    certificate,
    ec_key,
    jarsigner,
    names_of,
    rsa_key,
    trusting,
)


@cache
def chain() -> Sequence[bytes]:
    return (
        certificate(LEAF, ec_key(), ROOT, rsa_key("ec ca"), serial=2),
        certificate(ROOT, rsa_key("ec ca"), ca=True, serial=1),
    )


@cache
def signer() -> BundleSigner:
    return BundleSigner.of("elliptic", ec_key(), chain())


def newer_layouts(directory: Path) -> Path:
    """The layouts that ship, all of frameworks that take EC signatures."""
    source = Path(layout_files.__file__).resolve().parents[1] / "layouts"
    shutil.copytree(source, directory)
    for file in directory.glob("*.toml"):
        if "framework_accepts_ec" not in file.read_text():
            file.write_text("framework_accepts_ec = true\n" + file.read_text())
    return directory


def test_only_the_newest_framework_is_known_to_take_them() -> None:
    assert [layout.name for layout in layout_files.load_layouts() if layout.framework_accepts_ec] == ["kura-6"]


def test_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = signing_workspace(tmp_path / "build", ec_key(), chain())
    with pytest.raises(PipelineError, match="the vanilla image has not been inspected yet"):
        keys_and_bundles.check_keys(workspace, lambda _: None)
    edit(workspace, "gateway.toml", "[vanilla] ", '[vanilla]\nlayout = "esf-5"\n#')
    with pytest.raises(PipelineError, match=r"looks at \.RSA and \.DSA signatures only"):
        keys_and_bundles.check_keys(workspace, lambda _: None)
    known = layout_files.load_layouts(newer_layouts(tmp_path / "layouts"))
    monkeypatch.setattr(layout_files, "layouts_with", lambda _: known)
    keys_and_bundles.check_keys(workspace, lambda _: None)
    (first, *_) = reading.trust_of(workspace).packages
    assert first.bundles[0].signer_chain == (LEAF, ROOT)


def test_twice_is_the_same_and_each_judge_is_told() -> None:
    """ECDSA takes a random number elsewhere; here it comes from key and message (RFC 6979)."""
    signed = sign_bundle(a_bundle(), signer())
    assert sign_bundle(a_bundle(), signer()) == signed
    assert names_of(signed)[:3] == ["META-INF/MANIFEST.MF", "META-INF/ELLIPTIC.SF", "META-INF/ELLIPTIC.EC"]
    archive = archive_of(signed)
    block = archive.read(archive.entries[2])
    assert check_shape(block, accept_ec=True) == []
    assert "its key is not RSA" in check_shape(block)
    seen = inspect(archive, accept_ec=True)
    assert seen is not None
    assert seen.subjects == (LEAF, ROOT)
    assert signature_of(signed, accept_ec=True).subjects == (LEAF, ROOT)
    assert "its key is not RSA" in signature_of(signed).problem
    with pytest.raises(PipelineError, match="would take it for unsigned"):
        inspect(archive)


def test_changed_bundles_are_noticed() -> None:
    archive = archive_of(sign_bundle(a_bundle(), signer()))
    content = {entry.name: archive.read(entry) for entry in archive.entries}
    signature_file = content["META-INF/ELLIPTIC.SF"]
    changed = a_jar({**content, "META-INF/ELLIPTIC.SF": signature_file.replace(b"Created-By", b"Created-by")})
    assert "is no signature of" in signature_of(changed, accept_ec=True).problem
    with pytest.raises(PipelineError, match="is not a signature of"):
        inspect(archive_of(changed), accept_ec=True)


@pytest.mark.tools
def test_jarsigner_accepts(tmp_path: Path) -> None:
    signed = tmp_path / "signed.jar"
    signed.write_bytes(sign_bundle(a_bundle(), signer()))
    verdict = jarsigner(signed, trusting(tmp_path, signer()))
    assert verdict.returncode == 0, verdict.stdout
    assert "jar verified." in verdict.stdout


def test_packages_too() -> None:
    (package,) = sign_packages({"heater_1.0.0.dp": a_package({HEATER: a_bundle()})}, signer())
    assert package.bundles[0].resigned
    assert package.bundles[0].signer_chain == (LEAF, ROOT)
