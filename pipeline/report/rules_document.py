"""``docs/reference/rules.md``: what the rules say of themselves.

Made by ``python -m pipeline.report.rules_document > docs/reference/rules.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

from pipeline.model.rule import Rule
from pipeline.rules.registry import RULES

_HEAD = """\
# Rules

Made from the rules themselves by `python -m pipeline.report.rules_document > docs/reference/rules.md`; a test compares.

A rule looks at an image - planned, finished, or anybody's (`doit audit IMAGE`) - and ends in one of five ways:
**pass**, **fail**, **not applicable** (there is nothing in this image it is about), **cannot be verified offline**
(only people or a running gateway can tell), **rule and reader disagree** (the program the rule speaks for says
otherwise and has the last word, see [readers](readers.md)). The profile `documents` has what the documents ask for,
`strict` adds what public benchmarks ask for besides, as far as a gateway that routes can bear it: `[rules] profile` in
`gateway.toml`. A rule can be waived there with a reason, a name and a last day; the waiver is shown in every report,
and it lapses.

**Severity** is what a broken rule can cost at worst. *High*: somebody gets in, reads secrets or passes for the gateway,
or the gateway is lost until somebody visits it. *Medium*: a second line of defence is missing, gateways are mixed up,
or a service fails in the field. *Low*: it helps an attacker, or hinders whoever looks for one, only together with
something else. Every unwaived failure stops a build, whatever its severity.

`A:n` is line n of *Move to Production*, `B:n` of *Security Features*. CIS: CIS Debian Linux 12 Benchmark 1.1.0; CaC:
ComplianceAsCode; ANSSI: BP-028 2.0; ETSI: EN 303 645 2.1.1; CRA: Regulation (EU) 2024/2847, Annex I; 62443:
IEC 62443-4-2.
"""


def text(rules: Sequence[Rule]) -> str:
    """The whole document: a list, the documents' lines with their rules, and a section for each rule."""
    return "\n".join([_HEAD, *_overview(rules), *_lines(rules), *_sections(rules)])


def _overview(rules: Sequence[Rule]) -> Iterator[str]:
    strict = sum(rule.profile == "strict" for rule in rules)
    yield f"{len(rules)} rules, {len(rules) - strict} of them in the profile `documents`.\n"
    yield "| rule | asks that | severity | documents | enforced by |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        documents = ", ".join(rule.documents) or "strict"
        name = f"[{rule.id}](#{_anchor(rule.id)})"
        yield f"| {name} | {_cell(rule.title)} | {rule.severity} | {documents} | {rule.enforced_by or '-'} |"
    yield ""


def _lines(rules: Sequence[Rule]) -> Iterator[str]:
    lines = sorted({line for rule in rules for line in rule.documents}, key=_order)
    yield "## The documents, line by line\n"
    yield "| line | rules |"
    yield "|---|---|"
    for line in lines:
        yield f"| {line} | {', '.join(rule.id for rule in rules if line in rule.documents)} |"
    yield ""


def _sections(rules: Sequence[Rule]) -> Iterator[str]:
    for subject, group in groupby(sorted(rules, key=_subject), key=_subject):
        yield f"## {subject}\n"
        for rule in group:
            yield f"### {rule.id}\n"
            yield f"{rule.title[:1].upper()}{rule.title[1:]}.\n"
            yield f"{rule.why}\n"
            yield f"- severity: {rule.severity}"
            if rule.documents:
                yield f"- documents: {', '.join(rule.documents)}"
            yield f"- references: {', '.join(rule.references)}"
            yield f"- profile: {rule.profile}; " + (
                f"enforced by {rule.enforced_by}" if rule.enforced_by else "only checked"
            )
            if rule.remedy:
                yield f"- remedy: {rule.remedy}"
            if rule.conflict:
                yield f"- conflict: {rule.conflict}"
            yield ""


def _subject(rule: Rule) -> str:
    return rule.id.partition(".")[0]


def _order(line: str) -> tuple[str, int]:
    document, _, number = line.partition(":")
    return document, int(number.partition("-")[0])


def _anchor(name: str) -> str:
    """As the usual renderers make them of a heading: no dots."""
    return name.replace(".", "")


def _cell(content: str) -> str:
    return content.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(text(RULES))
