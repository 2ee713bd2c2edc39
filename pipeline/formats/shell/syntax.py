"""Reads the structure of a shell script.

POSIX shell 2.9 and 2.10, with the parts of bash that init scripts use (``[[``, ``function``, arrays). What does not fit
is kept as far as it was understood, with a mark that the rest was not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.formats.shell.structure import (
    AndOr,
    Body,
    Case,
    Command,
    Function,
    Group,
    If,
    Loop,
    Lost,
    Pipeline,
    Simple,
)
from pipeline.formats.shell.words import Word, tokens

_RESERVED = {"then", "else", "elif", "fi", "do", "done", "esac", "}", ")", ";;"}
_SEPARATORS = {";", "&", "\n"}
_REDIRECTIONS = {"<", ">", ">>", "<&", ">&", "<>", ">|", "<<", "<<-", "<<<"}
_DEEPEST = 60
"""Structures inside one another; no script anybody wrote comes near."""


@lru_cache(maxsize=512)
def parse(text: str) -> Body:
    """The script's commands in order; never refuses, but ends with `Lost` where it is not understood."""
    parser = _Parser(list(tokens(text)))
    body = parser.body(frozenset())
    if parser.place < len(parser.items):
        body = (*body, AndOr(Pipeline((Lost(parser.position()),))))
    return body


@dataclass
class _Parser:
    items: list[Word | str]
    place: int = 0
    depth: int = field(default=0)

    def position(self) -> int:
        return next((item.start for item in self.items[self.place :] if isinstance(item, Word)), 0)

    def peek(self, ahead: int = 0) -> Word | str | None:
        at = self.place + ahead
        return self.items[at] if at < len(self.items) else None

    def is_word(self, *values: str) -> bool:
        item = self.peek()
        return isinstance(item, Word) and item.value in values

    def skip(self, *operators: str) -> None:
        while self.place < len(self.items) and self.items[self.place] in operators:
            self.place += 1

    def take(self, value: str) -> bool:
        item = self.peek()
        if item == value or (isinstance(item, Word) and item.value == value):
            self.place += 1
            return True
        return False

    def body(self, ends: frozenset[str]) -> Body:
        found: list[AndOr] = []
        while True:
            self.skip(*_SEPARATORS)
            item = self.peek()
            if item is None or item in (")", ";;"):
                break
            if isinstance(item, Word) and item.value in (ends | _RESERVED):
                break
            before = self.place
            found.append(self.and_or())
            if self.place == before:
                break
        return tuple(found)

    def and_or(self) -> AndOr:
        first = self.pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while (operator := self.peek()) in ("&&", "||"):
            self.place += 1
            self.skip("\n")
            rest.append((str(operator), self.pipeline()))
        return AndOr(first, tuple(rest))

    def pipeline(self) -> Pipeline:
        negated = False
        while self.take("!"):
            negated = not negated
        commands = [self.command()]
        while self.peek() == "|":
            self.place += 1
            self.skip("&", "\n")
            commands.append(self.command())
        return Pipeline(tuple(commands), negated)

    def command(self) -> Command:
        self.depth += 1
        try:
            return self._command() if self.depth < _DEEPEST else self._lost()
        finally:
            self.depth -= 1

    def _command(self) -> Command:
        item = self.peek()
        if item == "(":
            return self.subshell()
        if item in _REDIRECTIONS:
            return self.simple()
        if not isinstance(item, Word):
            return self._lost()
        known = {
            "if": self.condition, "while": self.loop, "until": self.loop, "for": self.counted, "select": self.counted,
            "case": self.case, "{": self.braces, "[[": self.double_test, "function": self.function,
        }  # fmt: skip
        handle = known.get(item.value) if item.end - item.start == len(item.value) else None
        if handle is not None:
            return handle()
        if self.peek(1) == "(" and self.peek(2) == ")" and not item.value.endswith("="):
            return self.function()
        return self.simple()

    def _lost(self) -> Command:
        lost = Lost(self.position())
        self.place = len(self.items)
        return lost

    def subshell(self) -> Command:
        self.place += 1
        if (end := self._arithmetic()) is not None:
            self.place = end
            return Simple(())
        body = self.body(frozenset())
        if not self.take(")"):
            return self._lost()
        self.redirections()
        return Group(body)

    def _arithmetic(self) -> int | None:
        """Where ``((…))`` ends, in which nothing is run; None for a subshell, also for one in another."""
        if self.peek() != "(":
            return None
        depth = 0
        for place in range(self.place, len(self.items) - 1):
            depth += {"(": 1, ")": -1}.get(str(self.items[place]), 0) if isinstance(self.items[place], str) else 0
            if depth == 0:
                return place + 2 if self.items[place + 1] == ")" else None
        return None

    def braces(self) -> Command:
        self.place += 1
        body = self.body(frozenset({"}"}))
        if not self.take("}"):
            return self._lost()
        self.redirections()
        return Group(body)

    def condition(self) -> Command:
        branches: list[tuple[Body, Body]] = []
        otherwise: Body = ()
        while self.is_word("if", "elif"):
            self.place += 1
            test = self.body(frozenset({"then"}))
            if not self.take("then"):
                return self._lost()
            branches.append((test, self.body(frozenset({"elif", "else", "fi"}))))
        if self.take("else"):
            otherwise = self.body(frozenset({"fi"}))
        if not self.take("fi"):
            return self._lost()
        self.redirections()
        return If(tuple(branches), otherwise)

    def loop(self) -> Command:
        self.place += 1
        test = self.body(frozenset({"do"}))
        return self._done("", (), test)

    def counted(self) -> Command:
        self.place += 1
        name = self.peek()
        self.place += 1
        words: list[Word] = []
        if isinstance(name, str) or name is None:  # for ((…;…;…))
            while self.place < len(self.items) and not self.is_word("do"):
                self.place += 1
            return self._done("", (), ())
        self.skip("\n")
        if self.take("in"):
            while isinstance(item := self.peek(), Word) and item.value != "do":
                words.append(item)
                self.place += 1
        self.skip(";", "\n")
        return self._done(name.value, tuple(words), ())

    def _done(self, name: str, words: tuple[Word, ...], test: Body) -> Command:
        if not self.take("do"):
            return self._lost()
        body = self.body(frozenset({"done"}))
        if not self.take("done"):
            return self._lost()
        self.redirections()
        return Loop(name, words, test, body)

    def case(self) -> Command:
        self.place += 1
        word = self.peek()
        self.place += 1
        self.skip("\n")
        if not isinstance(word, Word) or not self.take("in"):
            return self._lost()
        branches: list[tuple[tuple[Word, ...], Body]] = []
        while True:
            self.skip("\n", ";;")
            if self.take("esac"):
                self.redirections()
                return Case(word, tuple(branches))
            self.take("(")
            patterns: list[Word] = []
            while isinstance(item := self.peek(), Word):
                patterns.append(item)
                self.place += 1
                self.skip("|")
            if not patterns or not self.take(")"):
                return self._lost()
            branches.append((tuple(patterns), self.body(frozenset({"esac"}))))

    def function(self) -> Command:
        self.take("function")
        name = self.peek()
        self.place += 1
        if self.peek() == "(":
            self.place += 2
        self.skip("\n")
        if not isinstance(name, Word):
            return self._lost()
        body = self.command()
        return Function(name.value, (AndOr(Pipeline((body,))),))

    def double_test(self) -> Command:
        words: list[Word] = []
        while self.place < len(self.items):
            item = self.items[self.place]
            self.place += 1
            if isinstance(item, Word):
                words.append(item)
                if item.value == "]]":
                    break
            else:
                words.append(Word(0, 0, item))
        return Simple(tuple(words))

    def simple(self) -> Command:
        words: list[Word] = []
        given: Word | None = None
        while True:
            given = self.redirections() or given
            item = self.peek()
            if not isinstance(item, Word):
                if item == "(" and words and words[-1].value.endswith("="):
                    self._array()
                    continue
                return Simple(tuple(words), given)
            words.append(item)
            self.place += 1

    def _array(self) -> None:
        while self.place < len(self.items) and not self.take(")"):
            self.place += 1

    def redirections(self) -> Word | None:
        """Redirections here; the file that ``<`` names."""
        given: Word | None = None
        while (operator := self.peek()) in _REDIRECTIONS:
            self.place += 1
            target = self.peek()
            if isinstance(target, Word):
                given = target if operator == "<" else given
                self.place += 1
            elif target in ("<", ">") and self.peek(1) == "(":  # a process in the place of a file
                self.place += 1
                self.command()
            else:
                break
        return given
