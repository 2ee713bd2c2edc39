"""JUnit XML, which every CI shows: how suites and cases are written, for audits and for releases alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from pipeline.report.text.plain import plain


@dataclass(frozen=True)
class Case:
    """One test case.

    Attributes:
        group: viewers put a tree together from the names of suite and group.
        ending: empty when it passed, else ``failure``, ``error`` or ``skipped``.
        message: the ending in a line; `kind` its type, and `text` its details.
        output: what was seen besides, shown whatever the ending.
    """

    group: str
    name: str
    ending: str = ""
    message: str = ""
    text: str = ""
    kind: str = ""
    output: str | None = None


@dataclass(frozen=True)
class Suite:
    """What was judged, with properties of it, and a case for each rule or check."""

    name: str
    cases: Sequence[Case]
    properties: Mapping[str, str]


def junit_xml(name: str, suites: Iterable[Suite]) -> bytes:
    """The whole document; characters XML or a terminal cannot show are escaped."""
    root = etree.Element("testsuites", name=plain(name))
    for suite in suites:
        _suite(root, suite)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _suite(root: etree._Element, suite: Suite) -> None:
    endings = [case.ending for case in suite.cases]
    made = etree.SubElement(
        root,
        "testsuite",
        name=plain(suite.name),
        tests=str(len(suite.cases)),
        failures=str(endings.count("failure")),
        errors=str(endings.count("error")),
        skipped=str(endings.count("skipped")),
    )
    if suite.properties:
        properties = etree.SubElement(made, "properties")
        for key, value in suite.properties.items():
            etree.SubElement(properties, "property", name=key, value=plain(value))
    # Viewers cut the class name at its dots.
    group = plain(suite.name).replace(".", "_")
    for case in suite.cases:
        _case(made, f"{group}.{case.group}", case)


def _case(suite: etree._Element, group: str, case: Case) -> None:
    made = etree.SubElement(suite, "testcase", classname=group, name=plain(case.name), time="0")
    if case.ending:
        end = etree.SubElement(made, case.ending, message=plain(case.message))
        if case.kind:
            end.set("type", case.kind)
        end.text = _lines(case.text) if case.text else None
    if case.output is not None:
        etree.SubElement(made, "system-out").text = _lines(case.output)


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n"))
