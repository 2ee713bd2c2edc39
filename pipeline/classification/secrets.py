"""Finds secrets by type, name and content, in every kind of file an export holds, inside archives too (A:135)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.classification.closed import is_opaque
from pipeline.classification.containers import MOST_DEPTH, Budget, NotSearchedError, Unzstd, members
from pipeline.classification.found import ENTROPY, NOT_SEARCHED, PASSWORD, FoundSecret
from pipeline.classification.magics import by_content, texts_inside
from pipeline.classification.randomness import looks_random
from pipeline.classification.texts import by_line, is_resource
from pipeline.classification.wording import announces, is_label, is_pin, is_said_to_people, is_sentence, is_value
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Property
from pipeline.formats.java.java_properties import Properties

_NEWLINE = b"\n"
_MOST_ENCODED = 3  # texts in Base64 inside each other
# Programs are full of words such as password, and their texts are not values.
_CODE = (b"\xca\xfe\xba\xbe", b"\x7fELF", b"MZ")
_PRINTABLE = re.compile(rb"[\t\x20-\x7e]{8,}")
_NUMBERS = frozenset({"Long", "Double", "Float", "Integer", "Byte", "Short", "Boolean"})
# Manifests and signature files of JARs are lists of digests; lists of digests are no secrets either.
_DIGESTS = re.compile(
    r"(?:.*/)?(?:META-INF/(?:MANIFEST\.MF|[^/]+\.(?:SF|RSA|DSA|EC))|SHA\d+SUMS|moduli|[^/]+\.(?:sha\d+|md5|class))"
)
_SCHEMA = re.compile(r"(?:.*/)?(?:OSGI-INF|schemas?)/.*\.(?:xml|xsd)|.*\.xsd")
# Generated names of instances look random, too.
_NAMES = re.compile(r".*(?:service\.pid|factoryPid|\.target|\.pid)")


def find_secrets(name: str, content: bytes, unzstd: Unzstd | None = None) -> tuple[FoundSecret, ...]:
    """Everything in a file that is, holds or may hold a secret, sorted; values are never repeated.

    Containers are looked into; what cannot be looked into, because of its kind, its damage, its size or because it is
    encrypted, is reported as ``not searched``, not passed over.

    Args:
        unzstd: unpacks zstd; without it such data is not searched.
    """
    return tuple(sorted(set(_in_file(name, content, name, 0, Budget(unzstd)))))


def secret_in_property(pid: str, prop: Property) -> FoundSecret | None:
    """Why a property of a snapshot is a secret: by type, by name, or by what is in it; None when nothing says so.

    A downloaded snapshot has passwords in Base64 with ``encrypted="true"``, which is no encryption (formats 1.6); a
    modem's ``config.password`` is typed as plain text before Kura 5 (formats 2).
    """
    place = f"{pid} {prop.name}"
    texts = [text for text in prop.texts if text]
    if prop.type == "Password" and texts:
        how = 'Base64 of clear text under encrypted="true"' if prop.encrypted else "by its type Password"
        return FoundSecret(PASSWORD, place, how)
    values = [text for text in texts if is_value(text)]
    if values and announces(prop.name) and (prop.type not in _NUMBERS or is_pin(prop.name)):
        return FoundSecret(PASSWORD, place, f"by its name, though it is typed as {prop.type}")
    if prop.type in _NUMBERS:
        return None
    # The elements of an array may be the words of one command.
    lines = [" ".join(texts), " ".join(f'"{text}"' for text in texts)] if len(texts) > 1 else []
    for text in (*texts, *lines):
        for kind, reason in _in_value(text):
            return FoundSecret(kind, place, f"{reason}, inside the value" if kind == PASSWORD else reason)
        if looks_random(text) and not _NAMES.fullmatch(prop.name):
            return FoundSecret(ENTROPY, place, "a run that looks random")
    return None


def _in_value(text: str) -> Iterator[tuple[str, str]]:
    """Kind and reason of what stands inside one text of a setting, in Base64 too."""
    content = text.encode("utf-8", "surrogatepass")
    yield from ((kind, reason) for _, kind, reason in by_content(content))
    yield from ((kind, reason) for _, kind, reason in by_line("", text, entropy=False))
    yield from ((kind, reason) for _, kind, reason in _inside(content, 0))


def _inside(content: bytes, depth: int) -> Iterator[tuple[int, str, str]]:
    """Offset, kind and reason of what stands in texts in Base64, these in Base64 too."""
    for offset, plain in texts_inside(content) if depth < _MOST_ENCODED else ():
        found = [*by_content(plain), *by_line("", plain.decode("ascii"), entropy=False), *_inside(plain, depth + 1)]
        yield from ((offset, kind, f"{reason}, in Base64") for _, kind, reason in found[:1])


def _in_file(name: str, content: bytes, place: str, depth: int, budget: Budget) -> Iterator[FoundSecret]:
    inner = members(content, budget)
    if inner is not None:
        yield from _in_container(inner, place, depth, budget)
        return
    if b"esf:configuration" in content:
        snapshot = esf_snapshot.load(content, "C").snapshot
        if snapshot is not None:
            for configuration in snapshot.configurations:
                for prop in configuration.properties:
                    found = secret_in_property(configuration.pid, prop)
                    if found:
                        yield FoundSecret(found.kind, f"{place}: {found.place}", found.reason)
            return
    utf16 = _from_utf16(content)
    for offset, kind, reason in by_content(utf16 or content):
        where = f"{place}: line {(utf16 or content).count(_NEWLINE, 0, offset) + 1}" if offset else place
        yield FoundSecret(kind, where, reason)
    if b"\0" in content[:65536] and not utf16:
        yield from _in_binary(name, content, place)
    elif not _SCHEMA.fullmatch(name):
        yield from _in_text(name, utf16 or content, place)


def _in_text(name: str, content: bytes, place: str) -> Iterator[FoundSecret]:
    if name.endswith(".properties"):
        yield from _in_properties(name, content, place)
    if is_opaque(content) and not _DIGESTS.fullmatch(name):
        yield FoundSecret(NOT_SEARCHED, place, _OPAQUE)
        return
    # Lists of digests, certificates and keys in PEM are random all over; keys were found by their first line.
    is_random_telling = not _DIGESTS.fullmatch(name) and b"-----BEGIN " not in content
    text = content.decode("utf-8", "replace")
    for number, kind, reason in by_line(name, text, entropy=is_random_telling):
        yield FoundSecret(kind, f"{place}: line {number}", reason)
    for offset, kind, reason in _inside(content, 0):
        yield FoundSecret(kind, f"{place}: line {content.count(_NEWLINE, 0, offset) + 1}", reason)


_OPAQUE = "looks packed or encrypted, by no program that is known here"


def _in_binary(name: str, content: bytes, place: str) -> Iterator[FoundSecret]:
    """What is written in clear between the bytes of a program's own format; code is left to its authors."""
    if is_opaque(content):
        yield FoundSecret(NOT_SEARCHED, place, _OPAQUE)
    elif not content.startswith(_CODE) and not _DIGESTS.fullmatch(name):
        text = b"\n".join(_PRINTABLE.findall(content)).decode("ascii")
        for _, kind, reason in by_line(name, text, entropy=False):
            yield FoundSecret(kind, place, reason)


def _from_utf16(content: bytes) -> bytes:
    """The text of a file in UTF-16, with or without a mark, as UTF-8; empty for every other file."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        order = "utf-16"
    elif len(content) > 3 and not any(content[1:512:2]):
        order = "utf-16-le"
    elif len(content) > 3 and not any(content[0:512:2]):
        order = "utf-16-be"
    else:
        return b""
    try:
        text = content.decode(order)
    except UnicodeDecodeError:
        return b""
    return b"" if "\0" in text else text.encode("utf-8", "replace")


def _in_container(inner: Iterator[tuple[str, bytes]], place: str, depth: int, budget: Budget) -> Iterator[FoundSecret]:
    if depth >= MOST_DEPTH:
        yield FoundSecret(NOT_SEARCHED, place, f"more than {MOST_DEPTH} archives inside each other")
        return
    try:
        for name, content in inner:
            shown = name if name.isprintable() and len(name) < 200 else ascii(name[:200])
            yield from _in_file(name, content, f"{place}!/{shown}", depth + 1, budget)
    except NotSearchedError as error:
        yield FoundSecret(NOT_SEARCHED, place, str(error))


def _in_properties(name: str, content: bytes, place: str) -> Iterator[FoundSecret]:
    """As Java reads them: escapes and continued lines hide nothing."""
    try:
        items = Properties.parse(content).items()
    except PipelineError:
        yield FoundSecret(NOT_SEARCHED, place, "a properties file that Java would refuse")
        return
    resource = is_resource(name)
    for key, value in items:
        if resource and (is_label(key, value) or is_said_to_people(value)):
            continue
        if announces(key) and is_value(value) and not is_sentence(value):
            yield FoundSecret(PASSWORD, f"{place}: {key}", "by its name")
