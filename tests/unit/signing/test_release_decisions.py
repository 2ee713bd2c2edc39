"""What a release decides about signing: whose keys may sign it, and what happens to bundles that come signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.build import keys_and_bundles, reading
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.inputs.release_file import read_release
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.keys.signers import DEVELOPMENT_UNIT
from tests.support.keys.signing_workspace import edit, signing_workspace
from tests.support.trust import (
    HEATER,
    LEAF,
    ROOT,
    VENDOR,
    VENDOR_CA,
    a_bundle,
    a_package,
    a_vendor,
    certificate,
    chain_of,
    rsa_key,
)

KEY = rsa_key("company")
CHAIN = chain_of(LEAF, ROOT, "company")
MARKED = (certificate(f"CN=Demo,OU={DEVELOPMENT_UNIT},O=Demo,C=IT", KEY),)


def check(workspace: Workspace) -> list[str]:
    said: list[str] = []
    keys_and_bundles.check_keys(workspace, said.append)
    return said


@pytest.mark.parametrize(
    ("chain", "development", "reasons"),
    [
        (MARKED, (), ["is a development certificate in a production release"]),
        (CHAIN, ("company",), ["is a development certificate in a production release"]),
        (CHAIN, ("manifests",), ["manifests is a development key"]),
        (MARKED, ("manifests",), ["is a development certificate", "manifests is a development key"]),
    ],
    ids=["by its certificate", "by keys.toml", "the manifest's", "both at once"],
)
def test_production_refuses_development_keys(
    chain: Sequence[bytes], development: Sequence[str], reasons: list[str], tmp_path: Path
) -> None:
    workspace = signing_workspace(tmp_path / "p", KEY, chain, production=True, development=development)
    with pytest.raises(PipelineError) as caught:
        check(workspace)
    for reason in reasons:
        assert reason in str(caught.value)
    assert not workspace.record("keys").exists()
    # nor does anything later on let them pass
    with pytest.raises(PipelineError, match="development"):
        reading.trust_of(workspace)
    with pytest.raises(PipelineError, match="development"):
        reading.certificates_of(workspace)  # which every later step's key is made of
    # the same keys do for another release, which says whose they are
    workspace = signing_workspace(tmp_path / "d", KEY, chain, development=development)
    said = check(workspace)
    assert ("(development)" in said[0]) == (chain is MARKED or "company" in development)
    assert keys_and_bundles.are_checked(workspace)


def test_production_keys_pass(tmp_path: Path) -> None:
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN, production=True)
    derived = "secrets of gateways: product demo, generation 1, format 2"
    assert check(workspace) == [f"company: {LEAF}", f"company: {ROOT}", derived]


def test_another_certificate_is_checked_anew(tmp_path: Path) -> None:
    """Keys.toml stays as it is; the file it names does not."""
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN)
    check(workspace)
    assert keys_and_bundles.are_checked(workspace)
    other = signing_workspace(tmp_path / "other", KEY, MARKED)
    (workspace.root / "keys/bundle.crt").write_bytes((other.root / "keys/bundle.crt").read_bytes())
    assert not keys_and_bundles.are_checked(workspace)


def test_nothing_to_do_needs_no_key(tmp_path: Path) -> None:
    """What is up to date is found out from what is public: no passphrase is asked for, no token has to be there."""
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN)
    keys_and_bundles.sign_bundles(workspace, lambda _: None)
    check(workspace)
    (workspace.root / "keys/bundle.pem").unlink()
    reading.forget_inputs()
    assert keys_and_bundles.are_checked(workspace)
    assert keys_and_bundles.are_signed(workspace)
    assert reading.certificates_of(workspace)
    with pytest.raises(PipelineError, match=r"bundle\.pem cannot be read"):
        reading.trust_of(workspace)


@pytest.fixture
def with_vendors(tmp_path: Path) -> Workspace:
    """A golden sample that has a bundle of the vendor's in one of its packages."""
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN)
    package = next((workspace.root / "golden").rglob("*.dp"))
    symbolic = package.name.split("_")[0]
    package.write_bytes(a_package({HEATER: sign_bundle(a_bundle(), a_vendor())}, symbolic))
    reading.forget_inputs()
    return workspace


def signers(workspace: Workspace) -> set[tuple[str, ...]]:
    return {bundle.signer_chain for package in reading.trust_of(workspace).packages for bundle in package.bundles}


def test_bundles_that_come_signed_are_a_decision(with_vendors: Workspace) -> None:
    workspace = with_vendors
    assert read_release(workspace.release_file, None).signing.resign == "refuse"
    with pytest.raises(PipelineError, match="it is signed already") as caught:
        reading.trust_of(workspace)
    assert 'resign = "keep"' in caught.value.problems[0].remedy
    # Which signatures the framework takes is its layout's matter.
    edit(workspace, "gateway.toml", "[vanilla] ", '[vanilla]\nlayout = "esf-5"\n#')
    before = keys_and_bundles._bundles_key(workspace)
    edit(workspace, "gateway.toml", '# resign = "refuse"', 'resign = "keep"')
    assert signers(workspace) == {(LEAF, ROOT), (VENDOR, VENDOR_CA)}
    assert keys_and_bundles._bundles_key(workspace) != before
    edit(workspace, "gateway.toml", 'resign = "keep"', 'resign = "replace"')
    assert signers(workspace) == {(LEAF, ROOT)}
    edit(workspace, "gateway.toml", 'resign = "replace"', 'resign = "add"')
    with pytest.raises(PipelineError, match="resign: is not one of the values known"):
        reading.release_of(workspace)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ('timestamp = "ftp://x"', "is not the http or https address"),
        ('timestamp_command = "openssl ts"', "must be an array"),
        ('timestamp_command = ["openssl", 1]', "is not a program and its arguments"),
        ('timestamp = "http://x"\ntimestamp_command = ["y"]', "cannot be given together with timestamp"),
        ("timestamp_hash = 1", "unknown key"),
    ],
)
def test_what_is_wrong_about_timestamps_is_named(tmp_path: Path, section: str, reason: str) -> None:
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN)
    edit(workspace, "gateway.toml", "[signing] ", f"[signing]\n{section}\n#")
    with pytest.raises(PipelineError, match=reason):
        reading.release_of(workspace)


def test_a_passphrase_itself_is_refused_unshown(tmp_path: Path) -> None:
    workspace = signing_workspace(tmp_path / "p", KEY, CHAIN)
    text = (workspace.root / "keys/keys.toml").read_text()
    (workspace.root / "keys/keys.toml").write_text(
        text.replace("[company]\n", '[company]\npassphrase = "planted-passphrase"\n')
    )
    with pytest.raises(PipelineError, match="passphrase: is not a source") as caught:
        reading.keyring_of(workspace)
    assert "planted" not in str(caught.value)
