"""Names and values in a line, whatever writes them: files of settings, JSON, XML, commands, addresses, source code.

Quotation marks and escapes hide nothing: what stands inside a value is looked at again (``Environment="PASSWORD=x"``),
and so is the line with its escapes taken away, as often as there are some.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from pipeline.classification.wording import announces, is_label, is_pin, is_said_to_people, is_sentence, is_value

_QUOTED = r'"((?:[^"\n\\]|\\.)*)"|\'((?:[^\'\n\\]|\\.)*)\''
# The value is looked at and not passed over: it may hold further names.
_ASSIGNED = re.compile(
    rf"([A-Za-z_][\w.\-]*)[\"'\]]*[ \t]*(?P<sign>=>|:=|\?=|\+=|=(?!=)|::(?=[ \t])|:(?!:))[ \t]*"
    rf"(?=(?:{_QUOTED}|([^\s\"',;<>&|]+)))"
)
_OPTION = re.compile(r"""^\s*([A-Za-z_][\w.\-]*)[ \t]+(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"';]+))[ \t]*;?\s*(?:#.*)?$""")
_NAMED = re.compile(
    r"""\b(?:name|key|id)\s*=\s*["']([^"']+)["'][^>]*?(?:\bvalue\s*=\s*["']([^"']*)["']|>\s*([^<]*)<)"""
)
# named, dhcpd, nginx: statements also where several stand on one line.
_STATEMENT = re.compile(r"""(?:^|[{;])\s*([A-Za-z_][\w.\-]*)[ \t]+(?:"([^"\n]*)"|([^\s"';{}]+))\s*(?=;)""")
_ELEMENT = re.compile(r"<(?:[\w-]+:)?([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?([^<>\]]+)(?:\]\]>)?</")
# --password x, -tcpPassword x; not what a manual writes, such as --password PASSWORD.
_SWITCH = re.compile(
    r"""(?<![\w-])--?([A-Za-z][\w.\-]*)["']?(?:[ \t]+|[ \t]*,[ \t]*)"""
    r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',;|&<>\-\]][^\s"',;|&<>\]]*))"""
)
# Of source code: a setter with the secret, an entry of a map.
_CALL = re.compile(r"""\b(?:\w+\.)*([A-Za-z_]\w*)\(\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')\s*[,).]""")
_PAIR = re.compile(r"""\b(?!get)(\w+)\(\s*["']([\w.\-]+)["']\s*,\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')""")
# Commands that set a name: of a boot loader's environment, of a shell of another kind.
_SETS = re.compile(
    r"""\b(?:ENV|ARG|LABEL|option|fw_setenv|setenv|nvram\s+set|uci\s+set|set|setx|git\s+config(?:\s+--\S+)*)\s+([A-Za-z_][\w.\-]*)[\s=]+"""
    r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"';]+))"""
)
# Names and values in turn: Map.of("user", "a", "password", "b").
_ENTRIES = re.compile(r"""\b(?:Map|ImmutableMap|Dictionary\w*|Properties)\.of\(([^)\n]*)""")
_TEXT = re.compile(r"""["']((?:[^"'\\\n]|\\.)*)["']""")
# Quotation marks of other languages: `raw` of Go and JavaScript, b"bytes" of Python.
_BACKTICKS, _PREFIX = re.compile(r"`([^`'\"\n]*)`"), re.compile(r"""(?<![\w"'])[bBrRuUfF]{1,2}(?=["'])""")
# Put together by a +, defined for a preprocessor, a statement of a build file, the default of a variable.
_FURTHER = (
    re.compile(r"""([A-Za-z_][\w.\-]*)=["']\s*\+\s*["']([^"'\n]+)["']"""),
    re.compile(r"""^\s*#\s*define\s+(\w+)\s+"([^"\n]+)\""""),
    re.compile(r"""^\s*([A-Za-z_][\w.\-]*)\s+["']([^"'\n]+)["']\s*[;}]*\s*$"""),
    re.compile(r"""\b(?:getenv|environ\.get|getOrDefault)\(\s*["']([\w.\-]+)["']\s*,\s*["']([^"'\n]+)["']"""),
)
_OF_A_TYPE = re.compile(r":\s*(?:string|String|str|bytes|any|&(?:'static )?str)(?=\s*=)")
_OF_SQL = re.compile(
    r"""(?i)\b(?:CREATE|ALTER|GRANT|SET)\s.*?\b(?:IDENTIFIED(?:\s+WITH\s+\S+)?\s+(?:BY|AS)|PASSWORD)\s+'([^'"+\n]+)'"""
)
_ANCHOR = re.compile(r"(:[ \t]+)(?:&\w+|!!?\w+)[ \t]+")
# A user and a password for a connection.
_LOG_IN = re.compile(
    r"""\b\w*(Credentials?|Authentication|getConnection|basic|basicAuth|auth\s*=\s*)\(\s*(?:[^,()\n]+,\s*)+(?:"([^"\n]+)"|'([^'\n]+)')\s*\)"""
)
_COMMENT = re.compile(r"\s*(?:#|;|//|!|\*|--|<!--|rem\b)", re.IGNORECASE)
_CALLED = re.compile(r"(?!RAW\()[A-Za-z_$][\w$.]*(?:\(|\[).*|[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+|[{(\[].*")
_LIST = re.compile(r"""(?<!\\)["']\s*,\s*["']""")
_ESCAPED = re.compile(r"""\\["'/\\$=:&u]|&(?:quot|apos|amp|lt|gt|#\d+|#x[0-9a-fA-F]+);|%[0-9A-Fa-f]{2}|\$\$""")
_UNICODE = re.compile(r"\\u00([0-7][0-9a-fA-F])")
_MOST_LAYERS = 6
_PIN_VALUE = re.compile(r"\d{4}")

# Loads from a place, does not state: systemd's LoadCredential=name:path.
_NAMES_A_PLACE = re.compile(r"(?i)(?:Load|Import)Credential(?:Encrypted)?|.*credsStore|.*credential[._-]?helper")


def layers(line: str) -> Iterator[str]:
    """The line, and the line without one layer of escapes after the other."""
    for _ in range(_MOST_LAYERS):
        yield line
        if _LIST.search(line):
            # ["curl", "-u", "a:b"] is a command, too.
            yield _LIST.sub(" ", line).replace("[", " ").replace("]", " ")
        if not _ESCAPED.search(line):
            return
        plain = html.unescape(_UNICODE.sub(lambda found: chr(int(found[1], 16)), line))
        plain = re.sub(r"""\\(["'/\\$=:&])""", r"\1", plain).replace("$$", "$")
        plain = unquote(plain) if "%" in plain else plain
        if plain == line:
            return
        line = plain


def secret_name(line: str, *, code: bool, resource: bool) -> str:
    """By which name a line holds a secret; empty when it does not.

    Args:
        code: the file is source code, where a word without quotation marks is a variable.
        resource: the file has texts for people, where a value that is a sentence or a label is no secret.
    """
    return next((name for layer in layers(line) for name in _names(layer, code=code, resource=resource)), "")


def _names(line: str, *, code: bool, resource: bool) -> Iterator[str]:
    comment = _COMMENT.match(line) is not None
    line = line.replace("'''", "'").replace('"""', '"')
    line = _as_written_elsewhere(line) if code else _ANCHOR.sub(r"\1", line)
    for found in _ASSIGNED.finditer(line):
        quoted = found[3] if found[3] is not None else found[4]
        name, value = found[1], quoted if quoted is not None else found[5]
        if not _announced(name, value) or not is_value(value):
            continue
        if quoted is None and _is_prose_or_code(line, found, value, code=code, people=comment or resource):
            continue
        if resource and is_said_to_people(value if quoted is not None else line[found.end() :]):
            continue
        if not (is_sentence(value) or ((code or resource) and (is_label(name, value) or _is_dotted(value)))):
            yield name
    for name, value in _others(line, code=code, comment=comment):
        if (
            _announced(name, value)
            and is_value(value)
            and not is_sentence(value)
            and not (code and is_label(name, value))
        ):
            yield name


def _as_written_elsewhere(line: str) -> str:
    """A line of source code with the quotation marks that all languages have, and without types of variables."""
    return _OF_A_TYPE.sub("", _PREFIX.sub("", _BACKTICKS.sub(r"'\1'", line)))


def _rest(line: str, found: re.Match[str]) -> str:
    return re.split(r"[\"'<>]", line[found.end() :])[0]


def _is_prose_or_code(line: str, found: re.Match[str], value: str, *, code: bool, people: bool) -> bool:
    inside = line.count('"', 0, found.start()) % 2 == 1 or line.count("'", 0, found.start()) % 2 == 1
    if _CALLED.fullmatch(value) and (code or "(" in value or value[0] in "{(["):
        return True
    if code and not inside:
        return True
    return (people or found["sign"] == ":") and is_sentence(_rest(line, found))


def _is_dotted(value: str) -> bool:
    """A key of a translation, such as ``login.password``."""
    return re.fullmatch(r"[A-Za-z_]+(?:\.[A-Za-z_]+)+", value) is not None


def _announced(name: str, value: str) -> bool:
    if is_pin(name):
        return _PIN_VALUE.search(value) is not None
    return announces(name) and not _NAMES_A_PLACE.fullmatch(name)


def _others(line: str, *, code: bool, comment: bool) -> Iterator[tuple[str, str]]:
    if not code:
        option = None if comment else _OPTION.match(line)
        if option:
            yield option[1], _first(option.groups()[1:])
        for pattern in (_STATEMENT, _SWITCH, _SETS):
            yield from ((found[1], _first(found.groups()[1:])) for found in pattern.finditer(line))
    else:
        for found in _CALL.finditer(line):
            if not found[1].startswith(("get", "has", "is", "find", "remove", "add", "contains", "equals")):
                yield found[1], _first(found.groups()[1:])
        yield from ((found[2], _first(found.groups()[2:])) for found in _PAIR.finditer(line))
        yield from (("password", _first(found.groups()[1:])) for found in _LOG_IN.finditer(line))
        for pattern in _FURTHER:
            yield from ((found[1], found[2]) for found in pattern.finditer(line))
        for found in _ENTRIES.finditer(line):
            words = _TEXT.findall(found[1])
            yield from zip(words[::2], words[1::2], strict=False)
    yield from (("password", found[1]) for found in _OF_SQL.finditer(line))
    for pattern in (_NAMED, _ELEMENT):
        yield from ((found[1], _first(found.groups()[1:])) for found in pattern.finditer(line))


def _first(groups: tuple[str | None, ...]) -> str:
    return next((group for group in groups if group is not None), "")
