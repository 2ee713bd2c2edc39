"""Secrets in texts: by names at any depth of quoting, by places that programs give them, and over several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification.across_lines import across_lines
from pipeline.classification.assignments import layers, secret_name
from pipeline.classification.found import ENTROPY, PASSWORD
from pipeline.classification.randomness import looks_random
from pipeline.classification.shapes import by_shape
from pipeline.classification.wording import is_sentence

# Every name that announces a secret has one of these in it; most lines have none.
_HINT = re.compile(
    r"pass|pwd|pw|secret|psk|token|authtok|credential|key|cak|shared|wep|pin|puk|kennwort|parola|senha|contrasena"
    r"|identified",
    re.IGNORECASE,
)
_CONNECTS = re.compile(r"Credential|Authenticat|getConnection|\b(?:basic|basicAuth|auth)\b")
_PUBLIC = re.compile(r"\b(?:ssh|ecdsa)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+")  # made to be known
_CODE = re.compile(
    r"(?i).*\.(?:java|js|mjs|jsx|ts|tsx|py|c|h|cc|cpp|hpp|go|rs|kt|groovy|scala|php|rb|html?|css|map|svg|md|rst|adoc|jsp|vue"
    r"|sql|lua|pl|pm|cs|swift|kts|gradle|aj|def)"
)
# Texts for people, in every language: their keys are named like what they speak of.
_RESOURCE = re.compile(
    r"(?i)(?:.*/)?(?:[^/]*(?:messages?|resources?|bundle|strings|labels|texts?|i18n|l10n|locali[sz]ation|plugin|errors?"
    r"|exceptions?|dictionary|translations?)[^/]*\.(?:properties|json|xml|xliff?|po|resx|ya?ml)"
    r"|[^/]+_[a-z]{2}(?:_[A-Z]{2})?\.(?:properties|json)|(?:.*/)?(?:l10n|i18n|nls|locales?|lang|translations)/.*"
    r"|[^/]*\.(?:properties|po|mo|pot|xlf|xliff|resx|1|3|5|8|txt|log))"
)
_OF_ANY_NAME = re.compile(r"(?i).*\.(?:txt|log|properties)")


def by_line(name: str, text: str, *, entropy: bool) -> Iterator[tuple[int, str, str]]:
    """Line, kind and reason of what looks like a secret in a text.

    Args:
        name: of the file: some kinds of files hold a secret in a place without a name.
        entropy: also report runs that look random; not wanted where digests are normal.
    """
    code, resource = _CODE.fullmatch(name) is not None, is_resource(name)
    for number, line in enumerate(text.splitlines(), 1):
        reason = _in_line(name, line, code=code, resource=resource)
        if reason:
            yield number, PASSWORD, reason
        elif entropy and not code and not (resource and is_sentence(line)) and looks_random(_PUBLIC.sub("", line)):
            yield number, ENTROPY, "a run that looks random"
    if not code:
        yield from ((number, PASSWORD, reason) for number, reason in across_lines(text))


def is_resource(name: str) -> bool:
    """Whether a file has texts for people rather than settings."""
    if not _RESOURCE.fullmatch(name):
        return False
    return not _OF_ANY_NAME.fullmatch(name) or "/l10n/" in f"/{name}" or _BUNDLE_NAME.search(name) is not None


_BUNDLE_NAME = re.compile(
    r"(?i)message|resource|bundle|strings|labels|texts?|i18n|l10n|locali[sz]ation|^plugin|errors?|exception|dictionary"
    r"|translation|_[a-z]{2}(?:_[A-Z]{2})?\.properties$"
)


def _in_line(path: str, line: str, *, code: bool, resource: bool) -> str:
    """By what a line holds a secret; empty when it does not. Comments are read, too: old passwords stay there."""
    if (_HINT.search(line) or (code and _CONNECTS.search(line))) and (
        found := secret_name(line, code=code, resource=resource)
    ):
        return f"by the name {found}"
    if code or resource:
        return ""
    return next((why for layer in layers(line) for why in by_shape(path, layer)), "")
