"""Secrets whose name stands on one line and whose value on another: YAML, pretty JSON and XML, blocks of OpenVPN."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification.wording import announces, is_sentence, is_value

_VALUE = r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',\]}<>]+))"""
_FORMS: tuple[re.Pattern[str], ...] = (
    # name: DB_PASSWORD, and below it value: x, as container tools write their environment.
    re.compile(rf"""["']?(?:name|key|Name|Key)["']?\s*[:=]\s*["']?([\w.\-]+)["']?,?\s*?\n?\s*["']?(?:value|Value)["']?\s*[:=]\s*{_VALUE}"""),
    # A list of a command's words, one on each line.
    re.compile(rf"""["'\s]--?([A-Za-z][\w.\-]*)["']?\s*,?\s*\n\s*(?:-\s+)?{_VALUE}"""),
    # <name>password</name> <value>x</value>, also over lines.
    re.compile(r"<(?:name|key|param-name|id)>\s*([\w.\-]+)\s*</\w[\w-]*>\s*<(?:value|string|param-value)>\s*([^<]+?)\s*</"),
    # An element or attribute whose value begins on the next line; a block scalar of YAML.
    re.compile(r"<(?:[\w-]+:)?([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?>\s*\n\s*([^<\s][^<]*?)\s*</"),
    re.compile(r"(?m)^\s*[\"']?([A-Za-z_][\w.\-]*)[\"']?:\s*[|>][+-]?\d?\s*\n\s+(\S[^\n]*)"),
    re.compile(r"(?m)^\s*[\"']?([A-Za-z_][\w.\-]*)[\"']?\s*[:=]\s*\\?\n\s+[\"']?([^\s:=\"'\[{<-][^\s:=\"']*)[\"']?,?\s*$"),
    # A property of a snapshot or of Spring: the name is an attribute, the value an element below it.
    re.compile(r"""\b(?:name|property)\s*=\s*["']([\w.\-]+)["'][^<>]*>\s*<(?:[\w-]+:)?(?:value|constant|simple|string)[^<>]*>\s*([^<]+?)\s*</"""),
    # named's statement over lines.
    re.compile(r"(?m)^\s*(secret)\s*\n\s*\"?([A-Za-z0-9+/=]{4,})\"?\s*;"),
    # A dictionary of macOS or of Java's XML.
    re.compile(r"<key>\s*([\w.\-]+)\s*</key>\s*<string>\s*([^<]+?)\s*</"),
)  # fmt: skip
# What people teach expect(1), and what ftp(1) reads from a script.
_SENT = re.compile(
    r"(?im)^[^\n#]*(?:assword|passphrase|\bPIN\b)[^\n]*\n\s*(?:exp_)?send(?:_user)?\s+(?:--\s+)?\"([^\"\\\n]+)"
    r"|\bftp\b[^\n]*<<[^\n]*\n(?:[^\n]*\n){0,3}?\s*user\s+\S+\s+(\S+)"
)
_BLOCK = re.compile(
    r"<(auth-user-pass|tls-auth|tls-crypt(?:-v2)?|pkcs12|secret|http-proxy-user-pass|key)>\s*\n([^<]+?)\n\s*</\1>"
)
_SHARED = re.compile(r"machine\s+\S+\s+login\s+\S+\s+password\s+(\S+)|default\s+login\s+\S+\s+password\s+(\S+)")


def across_lines(text: str) -> Iterator[tuple[int, str]]:
    """Line of the name, and by what it is a secret."""
    for form in _FORMS:
        for found in form.finditer(text):
            value = next((group for group in found.groups()[1:] if group is not None), "")
            if announces(found[1]) and is_value(value) and not is_sentence(value):
                yield _line(text, found.start(1)), f"by the name {found[1]}"
    for found in _BLOCK.finditer(text):
        yield _line(text, found.start()), f"the block {found[1]} of OpenVPN"
    for found in _SENT.finditer(text):
        if is_value(found[1] or found[2]):
            yield _line(text, found.end()), "a password sent to a program"
    for found in _SHARED.finditer(text):
        yield _line(text, found.end()), "a password in the form of .netrc"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
