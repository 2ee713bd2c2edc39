"""Bytes of a document to a plain element tree, by an XML parser that knows no name spaces, as the gateway's does.

The gateway asks its parser for elements called literally ``esf:configuration`` (formats 1.2): a parser that resolves
prefixes would take documents the gateway finds empty, and refuse some it loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from pipeline.formats.esf.esf_snapshot.malformed import DocumentLostError, Effect, Malformation

# A gateway's whole configuration is a few hundred kilobytes; what is beyond these is no configuration.
MOST_BYTES = 16 << 20
MOST_DEPTH = 64
MOST_ELEMENTS = 1_000_000
_XINCLUDE = "http://www.w3.org/2001/XInclude"


@dataclass(slots=True)
class Element:
    """An element: qualified name as written, attributes, and what is in it, text and elements in order."""

    name: str
    attributes: dict[str, str]
    line: int
    content: list[str | Element] = field(default_factory=list, repr=False)
    children: list[Element] = field(default_factory=list, repr=False)  # the elements directly in it

    @property
    def text(self) -> str:
        """The text of the element and everything in it, in order, as `Node.getTextContent` gives it."""
        if len(self.content) == 1 and not self.children:
            return str(self.content[0])
        return "".join(item if isinstance(item, str) else item.text for item in self.content)

    def walk(self) -> Iterator[Element]:
        """The element and everything below it, in document order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            if element.children:
                waiting.extend(reversed(element.children))


def parse(text: str) -> Element:
    """The document element; the gateway parses text it has decoded before, so a declared encoding says nothing to it.

    Raises:
        DocumentLostError: not well-formed, or with parts that are never let through.
    """
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.XmlDeclHandler = builder.declaration
    builder.parser = parser
    if text.startswith("\ufeff"):
        raise _fatal("byte-order-mark", Effect.DOES_NOT_START, 1, "remove it")
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)  # noqa: FBT003 - expat's "this is the end"
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        raise _fatal("not-well-formed", Effect.DOES_NOT_START, error.lineno, said) from None
    if builder.root is None:
        raise _fatal("not-well-formed", Effect.DOES_NOT_START, 1, "no element")
    return builder.root


class _Builder:
    """Collects what the parser reports."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.parser: expat.XMLParserType | None = None
        self._open: list[Element] = []
        self._text: list[str | Element] = []  # where text goes; outside the document element nowhere
        self._count = 0

    def _line(self) -> int:
        return self.parser.CurrentLineNumber if self.parser else 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, self._line())
        self._count += 1
        if len(self._open) >= MOST_DEPTH or self._count > MOST_ELEMENTS:
            raise _fatal("too-large", Effect.REFUSED_HERE, element.line, "nested too deeply or too many elements")
        if _XINCLUDE in attributes.values() or name == "xi:include":
            raise _fatal("xinclude", Effect.REFUSED_HERE, element.line, "a configuration includes nothing")
        if self._open:
            self._text.append(element)
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._text = element.content

    def end(self, _name: str) -> None:
        self._open.pop()
        self._text = self._open[-1].content if self._open else []

    def characters(self, text: str) -> None:
        self._text.append(text)

    def doctype(self, _name: str, _system: str | None, _public: str | None, _has_internal: int) -> None:
        raise _fatal("document-type", Effect.REFUSED_HERE, self._line(), "no DTD, no entities")

    def declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise _fatal("xml-version", Effect.REFUSED_HERE, 1, f"version {version[:8]}")


def _fatal(name: str, effect: Effect, line: int, detail: str) -> DocumentLostError:
    return DocumentLostError(Malformation(name, effect, line, "", detail))
