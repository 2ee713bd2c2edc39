"""Runs of letters and digits that no person would write: keys, tokens, generated passwords (Shannon entropy)."""

from __future__ import annotations

import math
import re
from collections import Counter

_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_DIGEST_SIZES = (32, 40, 56, 64, 96, 128)  # hex digits of MD5, SHA-1 and the SHA-2 family
# Who speaks of digests and revisions means no secret.
_OF_DIGESTS = re.compile(
    r"(?i)commit|revision|\brev\b|changeset|\bsha\b|sha-?\d|md5|digest|checksum|\bhash(?:es)?\b|fingerprint|thumbprint"
    r"|\bgit\b|git[._-]|[._-]git|\bscm\b|\bbuild\b|\bbuild[._-]|\btree\b|\bparent\b|\bblob\b|\bmerge\b|etag|integrity|signature"
    r"|[0-9a-f]{7,40} \| "
)
# Pictures and fonts in style sheets, sub-resource integrity, hashed names of known hosts, public keys.
_PUBLIC = re.compile(
    r"data:[a-z+/.-]+;base64,\S+|\bsha(?:1|256|384|512)-[A-Za-z0-9+/=]+|\|1\|[A-Za-z0-9+/=]+\|[A-Za-z0-9+/=]+"
    r"|\bAAAA[BCE]3Nza[A-Za-z0-9+/=]+|\bMII[A-Z][A-Za-z0-9+/=]{40,}"
)
_NAME = re.compile(r"^\s*[A-Za-z][\w.-]*\s*[=:](?=\s|[^\s=])")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def looks_random(text: str) -> bool:
    """Whether a text has a run that no person would write."""
    whole = text
    text = (
        _PUBLIC.sub("", text)
        if ";base64," in text or "-" in text or "|" in text or "AAAA" in text or "MII" in text
        else text
    )
    # What a value is called is a name, however long.
    text = _NAME.sub("", text)
    # The parts of an address are words; one of them may be a key all the same.
    text = _URL.sub(lambda url: url[0].replace("/", " "), text) if "://" in text else text
    return any(_is_random(found[0], whole) for found in _RUN.finditer(text))


def _is_random(run: str, text: str) -> bool:
    hexadecimal = _HEX.search(run)
    if hexadecimal and not hexadecimal[0].isalpha() and not hexadecimal[0].isdigit():
        if len(hexadecimal[0]) in _DIGEST_SIZES and _OF_DIGESTS.search(text):
            return False
        return _entropy(hexadecimal[0]) > 3.0
    # Words of names and paths are looked at one by one; what is random has long stretches without these letters.
    parts = re.split(r"[/_-]" if run.startswith("/") else r"[_-]", run)
    return any(_is_mixed(part) for part in parts if len(part) >= 16)


def _is_mixed(part: str) -> bool:
    digits = sum(map(str.isdigit, part))
    if digits < 2 or not any(map(str.isupper, part)) or not any(map(str.islower, part)):
        return False
    return not _is_of_words(part) and _entropy(part) > 3.4


def _is_of_words(part: str) -> bool:
    """Whether it is a name such as ``HashBiMap2Inverse1Entry``: its humps are words, not single letters."""
    humps = _HUMPS.findall(part)
    return bool(humps) and sum(map(len, humps)) / len(humps) >= 2.8


def _entropy(text: str) -> float:
    """Bits for each letter."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
