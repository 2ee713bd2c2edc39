"""Public keys are taken apart, so that what only looks like one is noticed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.ssh.ssh_public_key import PublicKeyError, parse
from tests.support.keys.ssh_keys import a_public_key, dsa, ecdsa, ed25519, rsa

POINT = b"\4" + b"\1" * 64


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        (rsa(2048), 2048), (rsa(1024), 1024), (rsa(3073), 3073), (ecdsa(256), 256), (ecdsa(521), 521),
        (ed25519(), 256), (dsa(), 1024),
    ],
)  # fmt: skip
def test_size_is_that_of_the_key_s_own_kind(line: str, bits: int) -> None:
    key = parse(line)
    assert (key.bits, key.comment, key.options) == (bits, "someone@example", "")
    assert key.line == line


@pytest.mark.parametrize(
    "options", ['command="/bin/sh -c \\"x y\\"",no-pty', "no-agent-forwarding", 'from="10.0.0.0/8,192.0.2.1"']
)
def test_options_are_told_from_the_key(options: str) -> None:
    assert parse(f"{options} {ed25519()}").options == options


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        ed25519()[:40],
        ed25519() + "\nssh-rsa x",
        a_public_key("ssh-ed25519", b"\1" * 31),
        a_public_key("ssh-ed25519", b"\1" * 32, b"more"),
        a_public_key("ssh-ed25519", b"\1" * 32, name="ssh-rsa"),
        a_public_key("ssh-rsa", b"\1"),
        a_public_key("ecdsa-sha2-nistp256", b"nistp384", POINT),
        a_public_key("ecdsa-sha2-nistp256", b"nistp256", POINT[:-1]),
        a_public_key("ecdsa-sha2-nistp256", b"nistp256", b"\2" + POINT[1:]),
        a_public_key("ssh-ed25519-cert-v01@openssh.com", b"\1" * 32),
        "ssh-unheard-of AAAA",
    ],
)
def test_what_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(PublicKeyError):
        parse(line)


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_crash(text: str) -> None:
    with pytest.raises(PublicKeyError):
        parse(text)


@pytest.mark.tools
@pytest.mark.parametrize(
    ("kind", "bits"), [("rsa", 2048), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("ed25519", 256)]
)
def test_ssh_keygen_s_keys_are_read_as_it_reads_them(tmp_path: Path, kind: str, bits: int) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", path], check=True, timeout=60)
    listed = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True, timeout=60)
    assert parse(path.with_suffix(".pub").read_text().strip()).bits == int(listed.stdout.split()[0]) == bits
