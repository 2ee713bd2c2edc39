"""The shape of signature blocks: ours has it, and every way to miss it is named."""

from __future__ import annotations

import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs7

from pipeline.formats.crypto import signature_block
from pipeline.formats.crypto.signature_block import BlockError, build_block, check_shape, parse_block
from tests.support.trust import LEAF, ROOT, certificate, chain_of, ec_key, rsa_key

MESSAGE = b"Signature-Version: 1.0\r\n\r\n"
CHAIN = chain_of(LEAF, ROOT, "block")
BARE = pkcs7.PKCS7Options.NoAttributes
SHA256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")
OPTIONS = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]


def signature() -> bytes:
    return rsa_key("block").sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())


def theirs(*options: pkcs7.PKCS7Options, leaf: bytes = CHAIN[0], more: tuple[bytes, ...] = CHAIN[1:]) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(MESSAGE)
    key = ec_key() if leaf not in CHAIN else rsa_key("block")
    builder = builder.add_signer(x509.load_der_x509_certificate(leaf), key, hashes.SHA256())
    for der in more:
        builder = builder.add_certificate(x509.load_der_x509_certificate(der))
    return builder.sign(serialization.Encoding.DER, [*OPTIONS, *options])


def test_our_block_is_byte_for_byte_that_of_an_independent_writer() -> None:
    block = build_block(CHAIN, signature())
    assert block == theirs(BARE)
    assert check_shape(block) == []


def test_the_chain_is_read_back_leaf_first() -> None:
    block = parse_block(build_block(CHAIN, signature()))
    assert block.chain(block.signers[0]) == CHAIN


def altered(old: bytes, new: bytes, count: int = -1) -> bytes:
    block = build_block(CHAIN, signature())
    assert old in block
    assert len(old) == len(new)
    return block.replace(old, new, count)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (theirs(), "signed attributes"),
        (theirs(BARE, more=()), "do not form a chain"),
        (theirs(BARE, more=(*CHAIN[1:], certificate("CN=Other", rsa_key("other")))), "not of"),
        (build_block([certificate(LEAF, ec_key())], b"x" * 70), "not RSA"),
        (build_block([certificate(LEAF, rsa_key("weak", 1024))], b"x" * 128), "1024 bits"),
        (altered(signature_block.RSA_ENCRYPTION + b"\5\0\4", SHA256_WITH_RSA + b"\5\0\4"), "rsaEncryption"),
        (build_block(CHAIN[:1], b"x"), "do not form a chain"),
        (build_block((CHAIN[0], certificate(ROOT, rsa_key("impostor"), ca=True)), b"x"), "do not form a chain"),
        (b"", "not a signature block"),
        (b"0\x80\0\0", "not a signature block"),
        (build_block(CHAIN, signature())[:-1], "not a signature block"),
        (build_block(CHAIN, signature()) + b"\0", "not a signature block"),
    ],
    ids=range(12),
)  # fmt: skip
def test_every_other_shape_is_named(block: bytes, reason: str) -> None:
    assert any(reason in problem for problem in check_shape(block)), check_shape(block)


def test_other_digests_and_content_are_named() -> None:
    sha512 = bytes.fromhex("608648016503040203")
    assert "its digest is not SHA-256" in check_shape(altered(signature_block.SHA256 + b"\5\0", sha512 + b"\5\0"))
    assert "it carries content of its own" in check_shape(
        altered(signature_block.DATA, signature_block.DATA[:-1] + b"\3")
    )


def test_changed_bytes_give_block_errors_only() -> None:
    block = build_block(CHAIN, signature())
    source = random.Random(3)
    for _ in range(2000):
        broken = bytearray(block)
        for _ in range(source.randint(1, 3)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        cut = bytes(broken[: source.randint(0, len(broken))] if source.random() < 0.3 else broken)
        try:
            parsed = parse_block(cut)
            for signer in parsed.signers:
                parsed.chain(signer)
        except BlockError:
            pass
        check_shape(cut)
