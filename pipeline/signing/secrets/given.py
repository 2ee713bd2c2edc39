"""What a gateway has been given instead of derived: passwords, SSH host keys, keys for mutual TLS; read strictly.

The text is TOML or JSON with these keys, all optional::

    root = "…"                      # passwords; strong ones
    console = "…"
    certificates_keystore = "…"
    cacerts_keystore = "…"
    wifi = "…"
    ssh_host_ed25519 = "…"          # private keys as PEM or OpenSSH wrote them
    ssh_host_ecdsa = "…"
    [client_keys.ALIAS]
    key = "…"
    certificates = "…"              # PEM, leaf first up to the root

Nothing of a value is ever repeated in a message.
"""

from __future__ import annotations

import binascii
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, load_ssh_private_key

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.inputs.toml_table import Table
from pipeline.model.trust import ClientIdentity, HostKey
from pipeline.rules.esf.strength import SHORTEST, SHORTEST_WIFI, weakness
from pipeline.signing.keys.private_keys import PrivateKey
from pipeline.signing.secrets.client_keys import client_identity
from pipeline.signing.secrets.host_keys import ecdsa_host_key_of, ed25519_host_key

PASSWORDS = ("root", "console", "certificates_keystore", "cacerts_keystore", "wifi")
_LONGEST_WIFI = 63  # IEEE 802.11i, H.4.1
_LONGEST = 128
# Visible ASCII without what some file on the way gives a meaning: quotes, backslash, dollar, hash, ampersand, brackets.
_LETTERS = re.compile(r"[!%()*+,./0-9:;=?@A-Z\[\]^_a-z{|}~-]+")
_TEXT = r"[\n\r\t -~]+"
_ALIAS = r"[a-z0-9][a-z0-9._-]{0,63}"


@dataclass(frozen=True)
class Given:
    """What goes before what is derived; passwords by name."""

    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    host_keys: tuple[HostKey, ...] = field(default=(), repr=False)
    client_keys: tuple[ClientIdentity, ...] = field(default=(), repr=False)


NOTHING = Given()


def parse_given(data: bytes, what: str, *, gateway: str, epoch: int) -> Given:
    """Read what a provider gave.

    Args:
        what: what the user calls it.
        epoch: seconds since 1970 at which certificates have to be valid.

    Raises:
        PipelineError: everything that is wrong, each with its key, none with a value.
    """
    problems: list[Problem] = []
    table = Table(what, _decoded(data, what), problems)
    passwords = {name: _password(table, name, gateway) for name in PASSWORDS if table.has(name)}
    values = list(passwords.values())
    for name, value in passwords.items():
        if value and values.count(value) > 1:
            table.wrong(name, "is the same as another of them", "give each its own")
    host_keys = [
        key
        for kind in ("ed25519", "ecdsa")
        if table.has(f"ssh_host_{kind}") and (key := _host_key(table, kind, gateway)) is not None
    ]
    client_keys = _client_keys(table, epoch)
    table.close()
    raise_if_any(problems)
    return Given(passwords, tuple(host_keys), client_keys)


def _decoded(data: bytes, what: str) -> object:
    """The parsers' own messages quote what they stumble over, so they are not repeated."""
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):
        raise PipelineError(f"{what}: it is neither TOML nor JSON", "see docs/guide/secrets.md for its form") from None


def _password(table: Table, name: str, gateway: str) -> str:
    value = table.text(name, meaning="a password")
    if not value:
        return ""
    wifi = name == "wifi"
    weak = weakness(value, (gateway,), shortest=SHORTEST_WIFI if wifi else SHORTEST)
    longest = _LONGEST_WIFI if wifi else _LONGEST
    if weak:
        table.wrong(name, weak, "make a strong one: openssl rand -base64 18")
    elif len(value) > longest:
        table.wrong(name, f"is longer than {longest} characters", "make it shorter")
    elif not _LETTERS.fullmatch(value):
        table.wrong(
            name, "has characters with a special meaning in some file of the gateway", f"allowed: {_LETTERS.pattern}"
        )
    return value


def _host_key(table: Table, kind: str, gateway: str) -> HostKey | None:
    name, comment = f"ssh_host_{kind}", f"root@{gateway}"
    key = _private_key(table.text(name, form=_TEXT, meaning="a private key"))
    if kind == "ed25519" and isinstance(key, Ed25519PrivateKey):
        return ed25519_host_key(key.private_bytes_raw(), comment)
    if kind == "ecdsa" and isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return ecdsa_host_key_of(key.private_numbers().private_value, comment)
    wanted = "an Ed25519" if kind == "ed25519" else "a P-256"
    table.wrong(name, f"is not {wanted} private key without passphrase", "make one: ssh-keygen -N '' -t " + kind)
    return None


def _private_key(text: str) -> PrivateKey | None:
    load = load_ssh_private_key if "BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        key = load(text.encode(), None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key  # type: ignore[return-value]


def _client_keys(table: Table, epoch: int) -> tuple[ClientIdentity, ...]:
    found: list[ClientIdentity] = []
    keys = table.table("client_keys")
    for alias in keys.names():
        entry = keys.table(alias)
        if not re.fullmatch(_ALIAS, alias):
            keys.wrong(ascii(alias), "is not an alias", f"allowed form: {_ALIAS}")
        key = _private_key(entry.text("key", form=_TEXT, meaning="a private key"))
        chain = _certificates(entry.text("certificates", form=_TEXT, meaning="certificates"))
        entry.close()
        if key is None:
            entry.wrong("key", "is not a private key without passphrase", "give it as PEM")
        elif not chain:
            entry.wrong("certificates", "are not X.509 certificates", "give them as PEM, leaf first up to the root")
        else:
            try:
                found.append(client_identity(alias, key, chain, entry.place, epoch))
            except PipelineError as error:
                table.problems.extend(error.problems)
    return tuple(found)


def _certificates(text: str) -> list[bytes]:
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        return [item.public_bytes(Encoding.DER) for item in found if item.subject and item.issuer is not None]
    except (ValueError, TypeError, x509.InvalidVersion):
        return []
