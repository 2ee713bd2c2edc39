"""Manifests and signature files of JARs: read section by section, edited without touching the other bytes.

The digests in a signature file are taken over a manifest's raw bytes, so everything that is kept is kept as it was.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from pipeline.errors import PipelineError

_ATTRIBUTE = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_-]{0,69}): (.*)", re.DOTALL)
_LONGEST = (
    511  # bytes without the line ending that java.util.jar reads; a longer one is "line too long", the JAR useless
)
_LINE = 72  # bytes without the line ending (JAR File Specification, "Notes on Manifest and Signature Files")


@dataclass(frozen=True)
class Attribute:
    """One header with its raw lines, continuations included."""

    name: str
    value: str
    raw: bytes = field(repr=False)

    @property
    def is_digest(self) -> bool:
        """Whether it is one that a signer writes into a manifest (``SHA-256-Digest`` and its kin)."""
        return self.name.lower().endswith("-digest")


@dataclass(frozen=True)
class Section:
    """The main section (empty name) or that of one entry.

    Attributes:
        blank: the blank line that ends it.
        gap: further blank lines before the next section; no digest covers them.
    """

    name: str
    attributes: tuple[Attribute, ...]
    blank: bytes = b"\r\n"
    gap: bytes = b""

    @property
    def raw(self) -> bytes:
        """The bytes that a digest covers, the closing blank line included."""
        return b"".join(attribute.raw for attribute in self.attributes) + self.blank

    def get(self, name: str) -> str | None:
        """Value of an attribute; names do not distinguish case, and the last one counts, as in Java."""
        values = [attribute.value for attribute in self.attributes if attribute.name.lower() == name.lower()]
        return values[-1] if values else None

    def with_attribute(self, name: str, value: str) -> Section:
        """The section with one more attribute at its end, in the line ending it already uses."""
        raw = _folded(name, value, self.blank)
        return Section(self.name, (*self.attributes, Attribute(name, value, raw)), self.blank, self.gap)

    def without_digests(self) -> Section:
        """The section as it was before somebody signed."""
        kept = tuple(attribute for attribute in self.attributes if not attribute.is_digest)
        return Section(self.name, kept, self.blank, self.gap)


@dataclass(frozen=True)
class Manifest:
    """A manifest or signature file."""

    main: Section
    sections: tuple[Section, ...] = ()

    def render(self) -> bytes:
        """The bytes; what was read and not edited comes out as it was."""
        return b"".join(section.raw + section.gap for section in (self.main, *self.sections))

    @cached_property
    def by_name(self) -> Mapping[str, Section]:
        """The sections of entries by name."""
        return {section.name: section for section in self.sections}

    def without_digests(self) -> Manifest:
        """The manifest as it was before somebody signed; sections that held nothing but digests go."""
        stripped = [(section, section.without_digests()) for section in self.sections]
        return Manifest(self.main, tuple(after for before, after in stripped if len(after.attributes) > 1))


def new_manifest() -> Manifest:
    """The manifest for a JAR that has none."""
    return Manifest(Section("", (Attribute("Manifest-Version", "1.0", b"Manifest-Version: 1.0\r\n"),)))


def new_section(name: str, attribute: str, value: str) -> Section:
    """A section of one entry with one attribute."""
    bare = Section(name, (Attribute("Name", name, _folded("Name", name, b"\r\n")),))
    return bare.with_attribute(attribute, value)


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest or signature file; a missing last line ending or blank line is repaired.

    Args:
        where: what the user calls the file, for messages.

    Raises:
        PipelineError: lines ended by a bare carriage return, malformed or undecodable lines, sections without or
            with a repeated name, no ``Manifest-Version`` or ``Signature-Version``.
    """
    if re.search(rb"\r(?!\n)", data):
        _refuse(where, "it ends lines with a bare carriage return")
    ending = b"\r\n" if b"\r\n" in data or b"\n" not in data else b"\n"
    if data and not data.endswith(b"\n"):
        data += ending
    sections: list[Section] = []
    attributes: list[Attribute] = []
    for number, raw in _logical_lines(data, where):
        if raw.strip(b"\r\n"):
            attributes.append(_attribute(raw, where, number))
        elif attributes:
            sections.append(_section(tuple(attributes), raw, where, first=not sections))
            attributes = []
        elif sections:
            last = sections[-1]
            sections[-1] = Section(last.name, last.attributes, last.blank, last.gap + raw)
        else:
            _refuse(where, "it begins with a blank line")
    if attributes:
        sections.append(_section(tuple(attributes), ending, where, first=not sections))
    if not sections:
        _refuse(where, "it is empty")
    repeated = [name for name, times in Counter(section.name for section in sections[1:]).items() if times > 1]
    if repeated:
        _refuse(where, f"it has two sections for {repeated[0]}")
    return Manifest(sections[0], tuple(sections[1:]))


def signature_file(manifest: Manifest, created_by: str) -> bytes:
    """The ``.SF`` file of a manifest: SHA-256 digests of the whole, of the main section and of every other section.

    Lines end in CRLF, because the gateway's framework cuts one byte before each line feed.
    """
    lines = [
        _folded("Signature-Version", "1.0", b"\r\n"),
        _folded("Created-By", created_by, b"\r\n"),
        _folded("SHA-256-Digest-Manifest", digest(manifest.render()), b"\r\n"),
        _folded("SHA-256-Digest-Manifest-Main-Attributes", digest(manifest.main.raw), b"\r\n"),
        b"\r\n",
    ]
    for section in manifest.sections:
        lines += [
            _folded("Name", section.name, b"\r\n"),
            _folded("SHA-256-Digest", digest(section.raw), b"\r\n"),
            b"\r\n",
        ]
    return b"".join(lines)


def check_signature_file(data: bytes, manifest: bytes) -> list[str]:
    """What keeps the gateway's framework from accepting a signature file for a manifest; empty when nothing does."""
    problems = []
    if re.search(rb"(?<!\r)\n", data):
        problems.append("its lines do not all end in CRLF")
    if not data.startswith(b"Signature-Version: 1.0\r\n"):
        problems.append("it does not begin with Signature-Version: 1.0")
    if b"\nSHA-256-Digest-Manifest: " + digest(manifest).encode() + b"\r\n" not in data:
        problems.append("its SHA-256-Digest-Manifest is not that of the manifest")
    if b"\r\nName: " not in data:
        problems.append("it names no entry")
    return problems


def digest(data: bytes) -> str:
    """SHA-256 in Base64, as manifests hold it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")


def _logical_lines(data: bytes, where: str) -> list[tuple[int, bytes]]:
    """Lines with their continuation lines, each with its line number."""
    lines: list[tuple[int, bytes]] = []
    parts: list[bytes] = []
    start = 0
    for number, raw in enumerate(data.split(b"\n")[:-1], 1):
        raw += b"\n"
        size = len(raw.rstrip(b"\r\n"))
        if size > _LONGEST:
            _refuse(where, f"line {number} has {size} bytes, Java reads {_LONGEST} at most: fold it")
        if raw.startswith(b" "):
            if not parts or not parts[0].strip(b"\r\n"):
                _refuse(where, f"line {number} continues nothing")
            parts.append(raw)
        else:
            if parts:
                lines.append((start, b"".join(parts)))
            parts, start = [raw], number
    if parts:
        lines.append((start, b"".join(parts)))
    return lines


def _attribute(raw: bytes, where: str, number: int) -> Attribute:
    joined = re.sub(rb"\r?\n ", b"", raw).rstrip(b"\r\n")
    match = _ATTRIBUTE.fullmatch(joined)
    if match is None or b"\0" in joined:
        _refuse(where, f"line {number} is not a header of the form Name: value")
    try:
        return Attribute(match[1].decode("ascii"), match[2].decode("utf-8"), raw)
    except UnicodeDecodeError:
        _refuse(where, f"line {number} is not UTF-8")


def _section(attributes: tuple[Attribute, ...], blank: bytes, where: str, *, first: bool) -> Section:
    if first:
        if not any(item.name.lower() in ("manifest-version", "signature-version") for item in attributes):
            _refuse(where, "its main section has no Manifest-Version")
        return Section("", attributes, blank)
    # the gateway's framework looks for "Name: " in exactly these letters
    if attributes[0].name != "Name" or not attributes[0].value:
        _refuse(where, f"a section begins with {attributes[0].name} instead of Name")
    return Section(attributes[0].value, attributes, blank)


def _folded(name: str, value: str, ending: bytes) -> bytes:
    line = f"{name}: {value}".encode()
    pieces = [line[:_LINE]]
    pieces += [b" " + line[start : start + _LINE - 1] for start in range(_LINE, len(line), _LINE - 1)]
    return ending.join(pieces) + ending


def _refuse(where: str, problem: str) -> NoReturn:
    raise PipelineError(f"{where}: {problem}", "write the manifest anew, in UTF-8, by the JAR specification")
