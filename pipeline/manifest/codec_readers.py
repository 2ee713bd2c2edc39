"""What programs said of the files they read, as JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.formats.tree_text import escape, unescape
from pipeline.model.manifest import ReaderFact
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict


def reader_json(fact: ReaderFact) -> dict[str, object]:
    """One answer; what is empty is left out."""
    answer = fact.answer
    value: dict[str, object] = {
        "reader": answer.reader,
        "subject": escape(answer.subject),
        "verdict": answer.verdict.value,
        "program": answer.program,
        "source": answer.source,
        "read": [escape(path) for path in answer.read],
        "sha256": fact.sha256,
    }
    optional = {
        "message": escape(answer.message),
        "line": answer.line,
        "version": escape(answer.version),
        "by_shape": answer.by_shape,
    }
    return value | {name: about for name, about in optional.items() if about}


def read_reader(value: Mapping[str, Any]) -> ReaderFact:
    """The answer of such a value."""
    answer = ReaderAnswer(
        value["reader"],
        unescape(value["subject"]),
        ReaderVerdict(value["verdict"]),
        unescape(value.get("message", "")),
        value.get("line", 0),
        value["program"],
        unescape(value.get("version", "")),
        value["source"],
        tuple(unescape(path) for path in value["read"]),
        value.get("by_shape", False),
    )
    return ReaderFact(answer, value["sha256"])
