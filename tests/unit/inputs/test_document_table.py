"""docs/reference/golden-sample.md: a row for every sentence of the documents' part; every named test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SEEDS = ROOT.parent / "shared" / "seeds"
FIRST, LAST = 126, 249
# Lines with text in this part, told apart from blank ones and from the marks of boxes; compared with the document
# itself where it is at hand.
WITHOUT_TEXT = frozenset(
    map(
        int,
        """127 130 132 134 136 138 139 140 142 161 163 165 167 169 172 174 176 177 178 180 182 184 194 195 196 199 201
        203 204 205 207 209 211 213 215 218 220 222 223 224 226 228 229 230 232 234 236 241 242 243 245""".split(),
    )
)
# Lines of more than one sentence, with how many; numbers of list items are none.
SENTENCES = {
    129: 3, 133: 2, 135: 4, 162: 3, 179: 2, 183: 2, 206: 2, 208: 2, 212: 2, 214: 2, 225: 2, 227: 2, 231: 2, 246: 2,
}  # fmt: skip
_ROW = re.compile(r"\| (A:\d+(?:\.\d+|-\d+)?) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[str, str, str, str]]:
    text = (ROOT / "docs/reference/golden-sample.md").read_text("utf-8")
    found = []
    for line in text.splitlines():
        if line.startswith("| A:"):
            match = _ROW.fullmatch(line)
            assert match, line
            found.append((match[1].removeprefix("A:"), match[2], match[3], match[4]))
    return found


def sentences_of(where: str) -> list[tuple[int, int]]:
    """Line and sentence of each sentence a row is about."""
    line, _, sentence = where.partition(".")
    if sentence:
        return [(int(line), int(sentence))]
    first, _, last = where.partition("-")
    return [(number, 1) for number in range(int(first), int(last or first) + 1)]


def sentences_in(text: str) -> int:
    text = re.sub(r"^\s*\d+\.\s+", "", text)
    return len(re.findall(r"[.!?](?=\s+[A-Z])", text)) + 1


def test_every_sentence_has_a_row_and_no_row_is_of_nothing() -> None:
    covered = [sentence for where, *_ in rows() for sentence in sentences_of(where)]
    lines = set(range(FIRST, LAST + 1)) - WITHOUT_TEXT
    wanted = [(line, sentence) for line in sorted(lines) for sentence in range(1, SENTENCES.get(line, 1) + 1)]
    assert covered == wanted


@pytest.mark.skipif(not SEEDS.is_dir(), reason="needs the document, which is not part of the checkout")
def test_the_sentences_are_those_of_the_document() -> None:
    (document,) = SEEDS.glob("000_*.txt")
    lines = dict(enumerate(document.read_text("utf-8").splitlines(), 1))
    with_text = {number for number in range(FIRST, LAST + 1) if re.search(r"\w", lines[number])}
    assert with_text == set(range(FIRST, LAST + 1)) - WITHOUT_TEXT
    assert {line: count for line in sorted(with_text) if (count := sentences_in(lines[line])) > 1} == SENTENCES


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"A:{row[0]}")
def test_what_a_row_names_exists(row: tuple[str, str, str, str]) -> None:
    _, says, done_by, shown_by = row
    assert says.strip()
    assert done_by.strip()
    tests = _TEST.findall(shown_by)
    assert tests, "names no test"
    for file, name in tests:
        assert name in functions(ROOT / file), f"{file} has no {name}"
    # Nothing but tests stands in the last column.
    assert not _TEST.sub("", shown_by).replace("<br>", "").strip()


def test_modules_and_rules_that_are_named_exist() -> None:
    origins = "\n".join(path.read_text("utf-8") for path in (ROOT / "pipeline").rglob("*.py"))
    for _, _, done_by, _ in rows():
        for name in re.findall(r"`([a-z_]+\.[a-z_.]+)`", done_by):
            module = ROOT / name.replace(".", "/")
            if name.startswith("pipeline."):
                package = module.parent / module.name.removesuffix(".render")
                assert any(place.is_dir() or Path(f"{place}.py").is_file() for place in (module, package)), name
            elif not name.endswith((".toml", ".conf", ".properties", ".xml", ".ks", ".policy", ".lock")):
                assert f'"{name}"' in origins, name


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
