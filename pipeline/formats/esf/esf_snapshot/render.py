"""A snapshot as bytes that every generation loads with the meaning it has here.

ASCII only, since the gateway reads with the platform's character set; one tag per line and no line end inside a value,
since generation A joins lines; values touch their tags, since nothing is trimmed; sorted, so that bytes repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipeline.errors import PipelineError
from pipeline.formats.esf.esf_snapshot.values import Configuration, Property, Snapshot

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<esf:configurations xmlns:esf="http://eurotech.com/esf/2.0"'
    ' xmlns:ocd="http://www.osgi.org/xmlns/metatype/v1.2.0">',
)
_TO_ESCAPE = re.compile(r"""[^ !#-%'-;=?-~]""")
# XML 1.0 has no way at all to write these.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def render(snapshot: Snapshot) -> bytes:
    """The document.

    Raises:
        PipelineError: a value holds a character that XML cannot express.
    """
    lines = [*_HEAD]
    for configuration in snapshot.configurations:
        lines.extend(_configuration(configuration))
    lines.append("</esf:configurations>")
    return ("\n".join(lines) + "\n").encode("ascii")


def places(snapshot: Snapshot) -> Mapping[tuple[str, str], tuple[int, int]]:
    """First and last line of each property in what `render` writes, by pid and name."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    number = len(_HEAD)
    for configuration in snapshot.configurations:
        number += 2
        for prop in configuration.properties:
            found[configuration.pid, prop.name] = (number + 1, number + 2 + len(prop.values))
            number += 2 + len(prop.values)
        number += 2
    return found


def _configuration(configuration: Configuration) -> Iterator[str]:
    yield f'    <esf:configuration pid="{_escaped(configuration.pid, configuration.pid)}">'
    yield "        <esf:properties>"
    for prop in configuration.properties:
        yield from _property(prop, f"{configuration.pid} {prop.name}")
    yield "        </esf:properties>"
    yield "    </esf:configuration>"


def _property(prop: Property, where: str) -> Iterator[str]:
    array, encrypted = str(prop.array).lower(), str(prop.encrypted).lower()
    name = _escaped(prop.name, where)
    yield f'            <esf:property array="{array}" encrypted="{encrypted}" name="{name}" type="{prop.type}">'
    for value in prop.values:
        text = _escaped(value, where)
        yield f"                <esf:value>{text}</esf:value>" if text else "                <esf:value/>"
    yield "            </esf:property>"


def _escaped(text: str, where: str) -> str:
    if _UNWRITABLE.search(text):
        raise PipelineError(
            f"snapshot: {where}: holds a control character, which XML cannot express",
            "take the character out of the value",
        )
    return _TO_ESCAPE.sub(lambda found: _NAMES.get(found[0], f"&#{ord(found[0])};"), text)
