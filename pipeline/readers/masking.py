"""Takes secrets out of what programs print: they quote the lines they refuse, and messages go into signed manifests."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
_SHORTEST = 4  # characters; shorter ones are words of every message
# Words after which, in the files readers read, a secret stands: as their manuals name them.
_NAMES = (
    r"(?:sae_|private_key_|dh_|wpa_|radius_|auth_server_shared_|acct_server_shared_)?"
    r"(?:psk|passphrase|password|passwd|passwords|shared_secret|secret|wep_key[0-3]|pin|key_data|priv(?:ate)?key|"
    r"omapi-key|crypt|preshared[-_ ]key|community|rocommunity|rwcommunity)"
)
_AFTER = re.compile(rf"(?i)\b{_NAMES}\b[\"']?\s*[=:\s]\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s;]+))")
# In a message only where a value is really given: "passphrase length 7" tells nothing.
_TOLD = re.compile(
    rf"(?i)\b{_NAMES}\b[\"']?\s*(?:[=:]\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s;]+))|\"([^\"]+)\"|'([^']+)')"
)
_ALLOW = re.compile(r"(?im)^\s*allow\s+[^\s:]+:(?:\"([^\"\n]*)\"|'([^'\n]*)'|(\S+))")  # monit
_CHAP = re.compile(r"(?m)^\s*(?:\"[^\"\n]*\"|\S+)\s+(?:\"[^\"\n]*\"|\S+)\s+(?:\"([^\"\n]*)\"|(\S+))\s*\S*\s*$")
_LONG = re.compile(r"\b[0-9A-Fa-f]{32,}\b|[A-Za-z0-9+/]{40,}={0,2}|\$[0-9a-z]+\$[^\s:\"']+")


def secrets_in(contents: Iterable[tuple[str, bytes]]) -> frozenset[str]:
    """Values that stand where secrets stand in files, given as path and content."""
    found: set[str] = set()
    for path, content in contents:
        text = content.decode("utf-8", "replace")
        patterns = [_AFTER, _ALLOW, *([_CHAP] if path.endswith(("-secrets", "secrets")) else [])]
        for pattern in patterns:
            found |= {group for match in pattern.finditer(text) for group in match.groups() if group}
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def masked(message: str, secrets: Iterable[str]) -> str:
    """The message without them, and without anything that looks like a key, a hash or a token."""
    for secret in sorted(secrets, key=len, reverse=True):
        message = message.replace(secret, MASK)
    shown = _LONG.sub(MASK, message)
    shown = _TOLD.sub(lambda match: match[0].replace(next(group for group in match.groups() if group), MASK)
                       if any(match.groups()) else match[0], shown)  # fmt: skip
    return "".join(character if character.isprintable() else "?" for character in shown)
