"""Passwords that Kura 3 and 4 cannot read back once they have stored them.

When they read a password that a snapshot marks as encrypted, they first try to decrypt its text, and decode its Base64
only if that throws (XmlConfigPropertiesAdapter, 3.0.0 and 4.1.2 line 263); whether a password is encrypted already
they find out in the same way (ConfigurationServiceImpl.isEncrypted, 4.1.2 line 950). The cipher is AES in ECB mode,
with a key that stands in Kura's sources unless an installation has its own (CryptoServiceImpl, 3.0.0 and 4.1.2 line
46). By chance that succeeds with what is no ciphertext: with the Base64 text of one of three blocks for one in 256
passwords of 33 to 47 bytes, and with a password that is itself Base64 of whole blocks. What comes out is not the
password. Kura 5 uses GCM, where chance has no part in it.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_KEY = b"rv;ipse329183!@#"  # public: it stands in Kura's sources
_BLOCK = 16
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")


def is_lost(password: str) -> bool:
    """Whether Kura 3 and 4 take a password, or what they store of it, for something encrypted that it is not."""
    plain = password.encode()
    size = _BLOCK - len(plain) % _BLOCK
    stored = base64.b64encode(_cipher().encryptor().update(plain + bytes([size]) * size))
    return _decrypts(stored) or _decrypts(_decoded(plain))


def _decoded(text: bytes) -> bytes:
    """What java.util.Base64's basic decoder makes of a text; nothing where it throws."""
    if not _BASE64.fullmatch(text):
        return b""
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def _decrypts(data: bytes) -> bool:
    """Whether the padding of the last block is valid after decryption, all that Java looks at."""
    if not data or len(data) % _BLOCK:
        return False
    plain = _cipher().decryptor().update(data)
    size = plain[-1]
    return 1 <= size <= _BLOCK and plain.endswith(bytes([size]) * size)


def _cipher() -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(_KEY), modes.ECB())  # noqa: S305 - Kura's choice, which is judged here
