"""What breaks the rule about the sizes of SSH keys."""

from __future__ import annotations

from tests.support.breakages import (
    Breakage,
    append,
    put,
)
from tests.support.keys.ssh_keys import dsa, ed25519, rsa
from tests.support.linux_places import (
    HOST_KEY,
    KEYS,
)

# Exponent 3 and a modulus of 1024 bits; the secret numbers that follow are not looked at.
SHORT = b"\0\0\0\7ssh-rsa\0\0\0\1\3\0\0\0\x81\0" + b"\xff" * 128

BREAKAGES = (
    Breakage(
        "a short RSA key of dropbear, without a public half",
        "accounts.keys",
        "/etc/dropbear/dropbear_rsa_host_key",
        put("/etc/dropbear/dropbear_rsa_host_key", SHORT, 0o600),
    ),
    Breakage("an RSA key of 1024 bits", "accounts.keys", KEYS, append(KEYS, f"{rsa(1024)}\n"), "ssh-rsa"),
    Breakage("an RSA key of 2047 bits", "accounts.keys", KEYS, append(KEYS, f"{rsa(2047)}\n"), "ssh-rsa"),
    Breakage("a DSA key", "accounts.keys", KEYS, append(KEYS, f"{dsa()}\n"), "ssh-dss"),
    Breakage("half a key", "accounts.keys", KEYS, append(KEYS, f"{ed25519(7)[:40]}\n"), ed25519(7)[:40]),
    Breakage(
        "a short host key", "accounts.keys", f"{HOST_KEY}.pub", put(f"{HOST_KEY}.pub", f"{rsa(1024)}\n"), "ssh-rsa"
    ),
)
