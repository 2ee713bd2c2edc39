"""Secrets never leave in a program's words."""

from __future__ import annotations

import pytest

from pipeline.readers.masking import masked, secrets_in


@pytest.mark.parametrize(
    ("path", "content", "secret"),
    [
        ("/etc/wpa.conf", b'network={\n ssid="a"\n psk="correct horse"\n}\n', "correct horse"),
        ("/etc/hostapd.conf", b"sae_password=battery|mac=00:11:22:33:44:55\n", "battery|mac=00:11:22:33:44:55"),
        ("/etc/hostapd.conf", b"wpa_passphrase=staple12\n", "staple12"),
        ("/etc/monitrc", b"set httpd\n allow admin:hunter22\n", "hunter22"),
        ("/etc/ppp/chap-secrets", b'"me" * "tr0ub4dor" *\n', "tr0ub4dor"),
        ("/etc/ppp/peers/x", b"user me\npassword s3cr3t99\n", "s3cr3t99"),
        ("/etc/bind/named.conf", b'key "k" { algorithm hmac-md5; secret "cGxhbnRlZA=="; };', "cGxhbnRlZA=="),
        ("/etc/dhcpd.conf", b"key k { algorithm hmac-md5; secret c2VjcmV0; }", "c2VjcmV0"),
    ],
)
def test_what_stands_where_secrets_stand_is_masked(path: str, content: bytes, secret: str) -> None:
    told = masked(f"line 3: cannot take '{secret}' here", secrets_in([(path, content)]))
    assert told == "line 3: cannot take '***' here"


@pytest.mark.parametrize(
    "secret",
    ["0123456789abcdef" * 2, "$6$salt$hash/with.dots", "A" * 43 + "=", "psk=whatever1", 'password "whatever1"'],
)
def test_what_looks_like_one_is_masked_too(secret: str) -> None:
    told = masked(f"bad value {secret} in line 7", ())
    assert "whatever1" not in told
    assert secret not in told
    assert told.endswith("in line 7")


def test_words_that_tell_nothing_stay() -> None:
    message = "Line 3: Invalid passphrase length 7 (expected: 8..63)"
    assert masked(message, ()) == message
    assert masked("a\x1b[31mred\x00", ()) == "a?[31mred?"
