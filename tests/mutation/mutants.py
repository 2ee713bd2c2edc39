"""Small faults planted into a source text: each a change somebody could make by mistake and nobody would see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One planted fault.

    Attributes:
        number: which of the module's mutants it is.
        line: where it is.
        what: the change in words, such as ``== becomes !=``.
    """

    number: int
    line: int
    what: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines; docstrings and annotations are left alone."""
    for number, (line, what, _) in enumerate(_planted(source)):
        yield Mutant(number, line, what)


def text_of(source: str, mutant: Mutant) -> str:
    """The whole source with the fault."""
    return next(ast.unparse(tree) for number, (_, _, tree) in enumerate(_planted(source)) if number == mutant.number)


def _planted(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """Line, words and tree of each mutant; the tree has its fault until the next one is asked for."""
    tree = ast.parse(source)
    spared = _annotations(tree)
    for node in sorted((n for n in ast.walk(tree) if hasattr(n, "lineno")), key=lambda n: (n.lineno, n.col_offset)):
        if id(node) not in spared:
            for what, undo in _changes(node):
                yield node.lineno, what, tree
                undo()


def _annotations(tree: ast.AST) -> set[int]:
    """What runs nothing: types, docstrings, the texts of problems."""
    spared: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns, *(arg.annotation for arg in node.args.args + node.args.kwonlyargs)]
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts = [node]
        for part in parts:
            if part is not None:
                spared |= {id(inner) for inner in ast.walk(part)}
    return spared


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Change a node in place, and how to change it back."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        old = node.ops[0]
        new = _COMPARED[type(old)]()
        node.ops[0] = new
        yield f"{type(old).__name__} becomes {type(new).__name__}", lambda: node.ops.__setitem__(0, old)
    elif isinstance(node, ast.BoolOp):
        before = node.op
        node.op = ast.Or() if isinstance(before, ast.And) else ast.And()
        yield f"{type(before).__name__} becomes {type(node.op).__name__}", lambda: setattr(node, "op", before)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not isinstance(node.left, ast.JoinedStr):
        operator = node.op
        node.op = _ARITHMETIC[type(operator)]()
        yield f"{type(operator).__name__} becomes {type(node.op).__name__}", lambda: setattr(node, "op", operator)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        yield f"{not node.value} becomes {node.value}", lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        number = node.value
        node.value = number + 1
        yield f"{number} becomes {number + 1}", lambda: setattr(node, "value", number)
    elif isinstance(node, ast.If | ast.IfExp):
        test = node.test
        for answer in (True, False):
            node.test = ast.copy_location(ast.Constant(answer), test)
            yield f"the condition is always {answer}", lambda: setattr(node, "test", test)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        operand = node.operand
        node.operand = ast.UnaryOp(ast.Not(), operand)
        yield "not is gone", lambda: setattr(node, "operand", operand)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom):
        value = node.value
        node.value = ast.copy_location(ast.Constant(None), value)
        yield f"{type(value).__name__.lower()} is gone", lambda: setattr(node, "value", value)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        returned = node.value
        node.value = ast.copy_location(ast.Constant(None), returned)
        yield "returns nothing", lambda: setattr(node, "value", returned)
