"""Every citation leads somewhere: lines of the vendor's documents, sections of sources.md, pages, rules, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "docs/reference/sources.md").read_text("utf-8")
# How many lines the vendor's documents have, as sources.md says.
LINES = {"A": 249, "B": 618}

_NUMBERED = re.compile(r"\b(formats|threats) ((?:\d+(?:\.\d+)?)(?:(?:,| and| to) \d+(?:\.\d+)?)*)")
_UNIQUE = re.compile(r"\bU(\d{1,2})\b(?!\+)")
_DOCUMENT = re.compile(r"\b([AB]):(\d+)(?:-(\d+))?")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def texts() -> Iterator[tuple[str, str]]:
    """Everything of the repository that people read, but for this test."""
    for pattern in ("pipeline/**/*.py", "tests/**/*.py", "docs/**/*.md", "*.md", "ci/*", "keys/*.md", "*.toml"):
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and path != Path(__file__).resolve() and path.name != "golden.lock":
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def unresolved(text: str) -> Iterator[str]:
    """Citations of a text that sources.md does not know."""
    for kind, numbers in _NUMBERED.findall(text):
        for number in re.findall(r"\d+(?:\.\d+)?", numbers):
            if not re.search(rf"(?m)^(?:### |- \*\*){kind} {re.escape(number)}(?:\*\*|$)", SOURCES):
                yield f"{kind} {number}"
    if "uniqueness" in text:
        yield from (f"U{n}" for n in _UNIQUE.findall(text) if f"| U{n} |" not in SOURCES)
    for document, first, last in _DOCUMENT.findall(text):
        if not 1 <= int(first) <= int(last or first) <= LINES[document]:
            yield f"{document}:{first}-{last}"


def test_every_citation_is_resolved() -> None:
    found = [f"{name}: {citation}" for name, text in texts() for citation in unresolved(text)]
    assert not found, "\n" + "\n".join(found)


def test_a_citation_that_leads_nowhere_is_found() -> None:
    planted = "as formats 7.7 says; threats 99; uniqueness U77; A:900; B:0 and B:20-10; formats 2 and 6; A:84"
    assert list(unresolved(planted)) == ["formats 7.7", "threats 99", "U77", "A:900-", "B:0-", "B:20-10"]


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("keys/*.md")]
        for target in _LINK.findall(path.read_text("utf-8"))
        if ":" not in target and not (path.parent / target).exists()
    ]
    assert not broken, "\n" + "\n".join(broken)
