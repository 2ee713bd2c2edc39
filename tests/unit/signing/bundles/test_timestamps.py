"""RFC 3161 timestamps by an authority of our own, judged by jarsigner and by openssl."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc3161_client
from cryptography import x509

from pipeline.build import keys_and_bundles, reading
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks, signature_block, timestamp
from pipeline.formats.crypto.timestamp import TimestampError
from pipeline.host.workspace import Workspace
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.inspection import inspect
from pipeline.signing.bundles.timestamps import Authority, authority_of
from pipeline.signing.keys.signers import BundleSigner, read_certificates
from tests.support.keys.signing_workspace import edit, signing_workspace
from tests.support.programs.timestamp_authority import TimestampAuthority, make_authority
from tests.support.trust import LEAF, ROOT, a_bundle, a_chain_signer, archive_of, chain_of, jarsigner, rsa_key

pytestmark = pytest.mark.tools
CHAIN = chain_of(LEAF, ROOT, "company")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return make_authority(tmp_path_factory.mktemp("authority") / "rsa")


def signer(authority: Authority) -> BundleSigner:
    return BundleSigner.of("company", rsa_key("company"), CHAIN, authority=authority)


def by_program(tsa: TimestampAuthority, directory: Path) -> Authority:
    made = authority_of("", tsa.command, directory)
    assert made is not None
    return made


def test_jarsigner_sees_the_time(tsa: TimestampAuthority, tmp_path: Path) -> None:
    signed = tmp_path / "signed.jar"
    signed.write_bytes(sign_bundle(a_bundle(), signer(by_program(tsa, tmp_path / "tokens"))))
    root, authority = a_chain_signer().certificates[-1].der, read_certificates(tsa.place / "tsa.crt", "authority")[0]
    store = tmp_path / "trust.ks"
    entries = [jks.TrustedCertificate("root", root), jks.TrustedCertificate("authority", authority)]
    store.write_bytes(jks.write_keystore(entries, "changeit", b"", "trust.ks"))
    verdict = jarsigner(signed, store, "-verbose")
    assert verdict.returncode == 0, verdict.stdout
    assert "jar verified." in verdict.stdout
    assert "Timestamped by" in verdict.stdout
    assert "entry was signed on" in verdict.stdout


def test_tokens_are_inputs_so_rebuilds_repeat(tsa: TimestampAuthority, tmp_path: Path) -> None:
    """No authority gives the same token twice."""
    authority = by_program(tsa, tmp_path / "tokens")
    first = sign_bundle(a_bundle(), signer(authority))
    gone = authority_of("", ("false",), tmp_path / "tokens")
    assert gone is not None
    assert sign_bundle(a_bundle(), signer(gone)) == first
    assert sign_bundle(a_bundle(), signer(by_program(tsa, tmp_path / "others"))) != first
    with pytest.raises(PipelineError, match="failed to ask for a timestamp"):
        sign_bundle(a_bundle("org.example.other"), signer(gone))
    (token,) = (tmp_path / "tokens").iterdir()
    block = archive_of(first).read(archive_of(first).entries[2])
    info = signature_block.parse_block(block).signers[0]
    assert token.name == f"{hashlib.sha256(info.signature).hexdigest()}.tst"
    assert info.unsigned_attributes
    assert not info.signed_attributes
    assert token.read_bytes() in block
    assert inspect(archive_of(first)) is not None


def test_openssl_agrees_about_the_token(tsa: TimestampAuthority, tmp_path: Path) -> None:
    authority = by_program(tsa, tmp_path / "tokens")
    digest = hashlib.sha256(b"signature").hexdigest()
    (tmp_path / "token").write_bytes(authority.token(b"signature", "x"))
    verify = ["openssl", "ts", "-verify", "-in", tmp_path / "token", "-token_in", "-CAfile", tsa.place / "tsa.crt"]
    told = subprocess.run([*verify, "-digest", digest], capture_output=True, text=True, check=True)
    assert "Verification: OK" in told.stdout + told.stderr
    assert subprocess.run([*verify, "-digest", "00" * 32], capture_output=True, check=False).returncode


def test_over_http(tsa: TimestampAuthority, tmp_path: Path) -> None:
    with tsa.served() as url:
        authority = authority_of(url, (), tmp_path / "tokens")
        assert authority is not None
        signed = sign_bundle(a_bundle(), signer(authority))
    assert sign_bundle(a_bundle(), signer(authority)) == signed
    with pytest.raises(PipelineError, match="it cannot be asked: "):
        authority.token(b"another", "x")


def test_off_unless_somebody_is_named(tmp_path: Path) -> None:
    assert authority_of("", (), tmp_path) is None


def test_an_authority_that_would_unsign_the_bundle_is_warned_about(tmp_path: Path) -> None:
    elliptic = make_authority(tmp_path / "ec", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    authority = by_program(elliptic, tmp_path / "tokens")
    assert sign_bundle(a_bundle(), signer(authority))
    (doubt,) = authority.doubts()
    assert "the authority's own signature is not RSA named rsaEncryption" in doubt


def test_no_doubts_about_an_rsa_authority(tsa: TimestampAuthority, tmp_path: Path) -> None:
    authority = by_program(tsa, tmp_path / "tokens")
    sign_bundle(a_bundle(), signer(authority))
    assert authority.doubts() == []


def test_sha256_with_rsa_is_doubted_too(tsa: TimestampAuthority) -> None:
    """Openssl names its RSA signatures rsaEncryption; others write the name the old framework does not know."""
    token = timestamp.token_in(tsa.reply(timestamp.query(hashlib.sha256(b"x").digest(), 7)))
    place = token.rindex(signature_block.RSA_ENCRYPTION)
    other = token[:place] + signature_block.SHA256_WITH_RSA + token[place + len(signature_block.RSA_ENCRYPTION) :]
    assert timestamp.doubts_of(timestamp.read_token(token)) == []
    assert timestamp.doubts_of(timestamp.read_token(other)) != []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda token: token[:-40], "malformed"),
        (lambda token: b"", "malformed"),
        (lambda token: b"\x30\x00", "malformed"),
        (lambda token: token.replace(hashlib.sha256(b"signature").digest(), bytes(32)), "about another statement"),
        (lambda token: token[:-1] + bytes([token[-1] ^ 1]), "not signed by a certificate in it"),
    ],
    ids=range(5),
)
def test_tokens_that_are_none_are_refused(
    tsa: TimestampAuthority, tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    authority = by_program(tsa, tmp_path / "tokens")
    good = authority.token(b"signature", "bundle x")
    (kept,) = (tmp_path / "tokens").iterdir()
    kept.write_bytes(change(good))
    with pytest.raises(PipelineError, match=f"timestamp of bundle x: .*{reason}"):
        authority.token(b"signature", "bundle x")


def test_damaged_tokens_never_surprise(tsa: TimestampAuthority) -> None:
    """Every byte of a token changed once: read or refused, nothing else."""
    token = timestamp.token_in(tsa.reply(timestamp.query(hashlib.sha256(b"x").digest(), 7)))
    refused = 0
    for place in range(len(token)):
        try:
            timestamp.read_token(token[:place] + bytes([token[place] ^ 0x55]) + token[place + 1 :])
        except TimestampError:
            refused += 1
    assert refused > len(token) // 2


def test_a_token_of_something_else_is_refused(tsa: TimestampAuthority, tmp_path: Path) -> None:
    authority = by_program(tsa, tmp_path / "tokens")
    other = authority.token(b"other", "x")
    name = hashlib.sha256(b"signature").hexdigest()
    (tmp_path / "tokens" / f"{name}.tst").write_bytes(other)
    with pytest.raises(PipelineError, match="about something else"):
        authority.token(b"signature", "x")
    # a reply to another query is no reply
    stale = tmp_path / "stale"
    stale.write_bytes(tsa.reply(timestamp.query(hashlib.sha256(b"fresh").digest(), 5)))
    replayed = authority_of("", ("cat", str(stale)), tmp_path / "tokens")
    assert replayed is not None
    with pytest.raises(PipelineError, match="answers a different query"):
        replayed.token(b"fresh", "x")


def test_refusals_are_told(tsa: TimestampAuthority) -> None:
    with pytest.raises(TimestampError, match="refuses with status 2"):
        timestamp.token_in(tsa.reply(timestamp.query(b"short", 1)))
    for junk in (b"", b"<html>", b"\x30\x05\x30\x03\x02\x01\x00"):
        with pytest.raises(TimestampError, match="malformed"):
            timestamp.token_in(junk)


def test_a_release_with_timestamps(tsa: TimestampAuthority, tmp_path: Path) -> None:
    """Off by default; on by gateway.toml; what is kept is part of the key of every later step."""
    workspace = signing_workspace(tmp_path / "build", rsa_key("company"), CHAIN)
    plain = signed(workspace)
    words = ", ".join(f'"{word}"' for word in tsa.command)
    edit(workspace, "gateway.toml", "[signing] ", f"[signing]\ntimestamp_command = [{words}]\n#")
    stamped = signed(workspace)
    assert stamped != plain
    assert len(list((workspace.root / "keys/timestamps").iterdir())) == 2
    before = reading.signing_digest_of(workspace)
    assert signed(workspace) == stamped
    assert keys_and_bundles.are_signed(workspace)
    next((workspace.root / "keys/timestamps").iterdir()).unlink()
    assert reading.signing_digest_of(workspace) != before
    assert not keys_and_bundles.are_signed(workspace)
    said: list[str] = []
    reading.forget_inputs()
    keys_and_bundles.sign_bundles(workspace, said.append)
    assert not [line for line in said if "warning" in line]


def signed(workspace: Workspace) -> dict[str, bytes]:
    reading.forget_inputs()
    keys_and_bundles.sign_bundles(workspace, lambda _: None)
    return {path.name: path.read_bytes() for path in sorted(workspace.bundles.iterdir())}


def test_rfc3161_client_writes_the_same_query() -> None:
    """A second implementation, which nobody here wrote (ADR 12)."""
    asked = rfc3161_client.TimestampRequestBuilder().data(b"signature")
    theirs = asked.hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
    assert theirs.nonce is not None
    assert timestamp.query(hashlib.sha256(b"signature").digest(), theirs.nonce) == theirs.as_bytes()


@pytest.mark.parametrize("key", [("-newkey", "rsa:2048"), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")])
def test_rfc3161_client_agrees_about_replies(key: tuple[str, ...], tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority", *key)
    digest, nonce = hashlib.sha256(b"signature").digest(), 77
    reply = authority.reply(timestamp.query(digest, nonce))
    root = x509.load_pem_x509_certificate((authority.place / "tsa.crt").read_bytes())
    judge = rfc3161_client.VerifierBuilder().add_root_certificate(root).nonce(nonce).build()
    theirs = rfc3161_client.decode_timestamp_response(reply)
    assert judge.verify(theirs, digest)
    assert theirs.time_stamp_token() == timestamp.token_in(reply)
    ours = timestamp.read_token(timestamp.token_in(reply))
    assert (ours.imprint, ours.nonce, ours.time) == (
        theirs.tst_info.message_imprint.message,
        theirs.tst_info.nonce,
        int(theirs.tst_info.gen_time.timestamp()),
    )
    # A changed statement: both refuse it.
    spoilt = reply.replace(digest, hashlib.sha256(b"another").digest())
    with pytest.raises(rfc3161_client.VerificationError):
        judge.verify(rfc3161_client.decode_timestamp_response(spoilt), digest)
    with pytest.raises(TimestampError, match="about another statement"):
        timestamp.read_token(timestamp.token_in(spoilt))
