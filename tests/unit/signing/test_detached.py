"""A release key that never meets the build machine: out as a request, back as signatures, the same bytes in the end."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pipeline.build import keys_and_bundles, reading
from pipeline.commands.bundles import Bundles
from pipeline.commands.manifest import Manifest
from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.host.workspace import Workspace
from pipeline.signing import offline
from tests.support.keys.signing_workspace import edit, private, signing_workspace
from tests.support.trust import LEAF, ROOT, chain_of, rsa_key
from tests.support.workspaces import CHECKOUT

KEY = rsa_key("company")
CHAIN = chain_of(LEAF, ROOT, "company")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A build machine that has certificates only; the key lies outside of it."""
    made = signing_workspace(tmp_path / "build", None, CHAIN, uri="detached:signatures")
    monkeypatch.chdir(made.root)
    station = signing_workspace(tmp_path / "station", KEY, CHAIN)
    reading.forget_inputs()
    assert (station.root / "keys/bundle.pem").exists()
    return made


def station(workspace: Workspace) -> Path:
    return workspace.root.parent / "station"


def run(**options: str) -> int:
    return Bundles().execute({"emit": "", "take": "", **options}, [])


def sign_there(workspace: Workspace, directory: str = "out") -> int:
    key = station(workspace) / "keys/bundle.pem"
    return offline.main([str(workspace.root / directory), "--key", f"file:{key}"])


def signed(workspace: Workspace) -> dict[str, bytes]:
    reading.forget_inputs()
    keys_and_bundles.sign_bundles(workspace, lambda _: None)
    return {path.name: path.read_bytes() for path in sorted(workspace.bundles.iterdir())}


def wanted(workspace: Workspace) -> list[Path]:
    return sorted((workspace.root / "out").glob("*.SF"))


def test_out_signed_and_back(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    keys_and_bundles.check_keys(workspace, lambda _: None)
    with pytest.raises(PipelineError) as caught:
        reading.trust_of(workspace)
    missing = caught.value.problems
    assert len(missing) == 2
    assert all("the signature by company is missing" in problem.what for problem in missing)
    assert run(emit="out") == 0
    listed = capfd.readouterr().out
    for problem in missing:
        assert Path(problem.what.split(": ")[2]).stem in listed
    assert sign_there(workspace) == 0
    assert run(take="out") == 0
    assert "2 signatures kept" in capfd.readouterr().out
    apart = signed(workspace)
    # a rebuild needs nothing but what was kept, wherever the request has gone
    subprocess.run(["rm", "-r", workspace.root / "out"], check=True)
    assert signed(workspace) == apart
    assert apart == signed(Workspace(station(workspace)))
    assert run(emit="out") == 0
    assert "nothing to sign" in capfd.readouterr().out
    assert not (workspace.root / "out").exists()


def test_the_request_says_what_is_signed(workspace: Workspace) -> None:
    assert run(emit="out") == 0
    data = (workspace.root / "out/request.json").read_bytes()
    request = json.loads(data)
    assert canonical_json.dumps(request) == data
    assert request["algorithm"] == "RSA PKCS #1 v1.5 with SHA-256"
    assert [one["subject"] for one in request["certificates"]] == [LEAF, ROOT]
    assert [item["sha256"] for item in request["items"]] == [path.stem for path in wanted(workspace)]
    assert all(
        "org.example" in bundle and "SHA-256" in bundle for item in request["items"] for bundle in item["bundles"]
    )
    assert run(emit="again") == 0
    for path in (workspace.root / "out").iterdir():
        assert (workspace.root / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.tools
def test_any_program_can_sign(workspace: Workspace) -> None:
    """One signature alone, one as a whole block, both by openssl."""
    assert run(emit="out") == 0
    first, second = wanted(workspace)
    key = station(workspace) / "keys/bundle.pem"
    openssl("dgst", "-sha256", "-sign", key, "-out", first.with_suffix(".sig"), first)
    block = ["cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER", "-in", second, "-inkey", key]
    openssl(*block, "-signer", workspace.root / "keys/bundle.crt", "-out", second.with_suffix(".RSA"))
    assert run(take="out") == 0
    assert signed(workspace) == signed(Workspace(station(workspace)))


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.mark.tools
def test_signatures_that_are_none_are_named_and_nothing_is_kept(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(emit="out") == 0
    first, second = wanted(workspace)
    key = station(workspace) / "keys/bundle.pem"
    openssl("dgst", "-sha1", "-sign", key, "-out", first.with_suffix(".sig"), first)
    block = ["cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-in", second, "-inkey", key]
    openssl(*block, "-signer", workspace.root / "keys/bundle.crt", "-out", second.with_suffix(".RSA"))
    assert run(take="out") == 2
    told = capfd.readouterr().err
    assert f"{first.stem}.sig: it is not a signature of" in told
    assert "it has signed attributes, which gateways do not accept" in told
    assert not (workspace.root / "keys/signatures").exists()
    second.with_suffix(".RSA").write_bytes(b"junk")
    first.with_suffix(".sig").unlink()
    assert run(take="out") == 2
    assert "is not a signature block" in capfd.readouterr().err


def test_what_is_still_missing_is_said(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(emit="out") == 0
    assert sign_there(workspace) == 0
    first, second = wanted(workspace)
    second.with_suffix(".sig").unlink()
    assert run(take="out") == 1
    told = capfd.readouterr().out
    assert f"missing: {second.name}" in told
    assert "1 signatures kept" in told
    with pytest.raises(PipelineError, match=second.stem) as caught:
        reading.trust_of(workspace)
    assert len(caught.value.problems) == 1
    # only what is missing goes out the next time
    assert run(emit="rest") == 0
    assert [path.name for path in (workspace.root / "rest").glob("*.SF")] == [second.name]
    assert first.name not in str(list((workspace.root / "rest").iterdir()))


def test_signatures_of_a_former_certificate_do_not_count(workspace: Workspace, tmp_path: Path) -> None:
    assert run(emit="out") == 0
    assert sign_there(workspace) == 0
    assert run(take="out") == 0
    other = signing_workspace(tmp_path / "other", None, chain_of(LEAF, ROOT, "successor"), uri="detached:signatures")
    (workspace.root / "keys/bundle.crt").write_bytes((other.root / "keys/bundle.crt").read_bytes())
    reading.forget_inputs()
    with pytest.raises(PipelineError, match="is missing"):
        reading.trust_of(workspace)


def test_the_station_refuses_what_it_should(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(emit="out") == 0
    first, _ = wanted(workspace)
    original = first.read_bytes()
    private(tmp_path / "other.pem", (station(workspace) / "keys/manifest").read_bytes())
    assert offline.main([str(workspace.root / "out"), "--key", f"file:{tmp_path / 'other.pem'}"]) == 2
    assert "is not the key of the certificate" in capfd.readouterr().err
    first.write_bytes(original + b"\r\n")
    assert sign_there(workspace) == 2
    assert "is missing or is not what it was" in capfd.readouterr().err
    # somebody who may write the request cannot have anything else signed either
    request = workspace.root / "out/request.json"
    text = request.read_text()
    first.unlink()
    evil = b"pay 1000"
    digest = hashlib.sha256(evil).hexdigest()
    (workspace.root / f"out/{digest}.SF").write_bytes(evil)
    request.write_text(text.replace(first.stem, digest))
    assert sign_there(workspace) == 2
    assert "is not the signature file of a JAR" in capfd.readouterr().err
    for content, reason in (
        ("{}", "not a signing request"),
        (text.replace("request 1", "request 2"), "another version"),
    ):
        request.write_text(content)
        assert sign_there(workspace) == 2
        assert reason in capfd.readouterr().err
    assert not list((workspace.root / "out").glob("*.sig"))


def test_the_station_tool_runs_alone_and_says_nothing_secret(workspace: Workspace) -> None:
    """Its own process, an encrypted key, the passphrase through a descriptor: nothing of it anywhere."""
    assert run(emit="out") == 0
    planted = b"planted-passphrase-2213"
    encrypted = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(planted))
    private(station(workspace) / "encrypted.pem", encrypted)
    for given, status in ((planted, 0), (b"planted-wrong", 2)):
        reading_end, writing_end = os.pipe()
        os.write(writing_end, given + b"\n")
        os.close(writing_end)
        key = ("--key", f"file:{station(workspace)}/encrypted.pem", "--passphrase", f"fd:{reading_end}")
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.signing.offline", "out", *key],
            cwd=workspace.root, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, pass_fds=[reading_end],
            capture_output=True, check=False,
        )  # fmt: skip
        os.close(reading_end)
        assert done.returncode == status, done.stderr
        assert b"planted" not in done.stdout + done.stderr
    assert run(take="out") == 0


def test_emit_and_take_refuse_what_cannot_be(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    (workspace.root / "full").mkdir()
    (workspace.root / "full/x").touch()
    assert run(emit="full") == 2
    assert "is not an empty directory" in capfd.readouterr().err
    assert run(take="nowhere") == 2
    assert "no such directory" in capfd.readouterr().err
    assert run(emit="a", take="b") == 2
    assert "too many arguments" in capfd.readouterr().err
    edit(workspace, "keys/keys.toml", "detached:signatures", "file:bundle.pem")
    assert run(take="full") == 2
    assert "takes no signatures back" in capfd.readouterr().err


def test_a_manifest_key_may_be_out_of_reach_too(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    """Its public half is all the build opens; what comes of it is in test_release_apart.py."""
    assert Manifest().execute({"emit": "x", "take": ""}, []) == 2
    assert "the build itself signs manifests with manifests" in capfd.readouterr().err
    edit(workspace, "keys/keys.toml", "file:manifest", "detached:signatures")
    (workspace.root / "keys/manifest").unlink()
    reading.forget_inputs()
    keys_and_bundles.check_keys(workspace, lambda _: None)
    assert Manifest().execute({"emit": "a", "take": "b"}, []) == 2
    assert "too many arguments" in capfd.readouterr().err
