"""Names that announce a secret, and texts that look like one."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

# Of a SIM card or a token; pins of a chip's case are named alike, but together with another word.
_PIN = re.compile(
    r"(?:^|[._-])(?:sim|card|user|so)?[._-]?(?:pin|puk)(?:[._-]?code)?\d?$|[a-z]pincode$|simpin$", re.IGNORECASE
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    """password passwords passwd passphrase passcode pass pwd secret secrets psk token tokens credential credentials
    apikey privatekey keypass storepass wpapsk""".split()
)
_SECRET_PAIRS = frozenset(
    """api-key private-key access-key shared-key account-key auth-key encryption-key preshared-key wep-key
    wep-tx signing-key master-key pre-shared pass-phrase pass-word""".split()
)
# What is said about a secret is none: password.min.length, private-key-name, token.url.
_ABOUT = frozenset(
    """file path alias length timeout enabled enable type policy name id algorithm change digits characters case min max
    count interval expiration provider class url uri endpoint required reset history age bits target prompt index
    usage format mode length size""".split()
)
_NO_VALUES = frozenset(
    """true false yes no on off null none nil undefined optional required sufficient requisite include prompt ask
    enabled disabled default * - ! !! n/a""".split()
)
_PATH = re.compile(
    r"(?:file:)?/?(?:[A-Za-z0-9_.@-]+/)+[A-Za-z0-9_.@-]+\.[a-z]{1,5}|/[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@-]+)+"
    r"|[A-Za-z0-9_.-]+\.(?:pem|key|crt|cer|der|ks|jks|p12|pfx|conf|properties|txt|xml)"
)
_VARIABLE = re.compile(r"[$%#@]?[{(][\w.:-]+[})]|\$\w+|%\w+%|\{\{.*")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")


def announces(name: str) -> bool:
    """Whether a name says that its value is a secret: ``config.password``, ``wpaPsk``, ``api_key``."""
    if is_pin(name):
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] in _ABOUT:
        return False
    pairs = {f"{left}-{right}" for left, right in pairwise(words)}
    return not _SECRET_WORDS.isdisjoint(words) or not _SECRET_PAIRS.isdisjoint(pairs)


def is_pin(name: str) -> bool:
    """Whether a name means a PIN or PUK, the one secret that is a number."""
    return _PIN.search(name) is not None


def is_value(text: str) -> bool:
    """Whether a text can be a secret at all: not empty, no flag, no path, nothing that is filled in later."""
    text = text.strip().strip("\"'")
    if not text or text.lower() in _NO_VALUES or (len(text) > 2 and set(text) <= set("*•xX.")):
        return False
    return not _PATH.fullmatch(text) and not _VARIABLE.fullmatch(text)


def looks_random(text: str) -> bool:
    """Whether a text has a run that no person would write: keys and generated passwords (Shannon entropy)."""
    # The parts of an address are words; one of them may be a key all the same.
    text = _URL.sub(lambda url: url[0].replace("/", " "), text) if "://" in text else text
    return any(_is_random(found[0]) for found in _RUN.finditer(text))


def _is_random(run: str) -> bool:
    hexadecimal = _HEX.search(run)
    if hexadecimal and not hexadecimal[0].isalpha() and not hexadecimal[0].isdigit():
        return _entropy(hexadecimal[0]) > 3.0
    # Words of names and paths are looked at one by one; what is random has long stretches without these letters.
    parts = re.split(r"[/_-]" if run.startswith("/") else r"[_-]", run)
    return any(_is_mixed(part) for part in parts if len(part) >= 16)


def _is_mixed(part: str) -> bool:
    digits = sum(map(str.isdigit, part))
    return digits >= 2 and any(map(str.isupper, part)) and any(map(str.islower, part)) and _entropy(part) > 3.4


def _entropy(text: str) -> float:
    """Bits for each letter."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
