"""Makes one small edit of a module at a time, and finds the places where an edit is possible.

An edit replaces the text of one node, so that a difference reads as if a person had written it.
Code that no test could judge is not edited: docstrings, annotations, asserts, logging, decorators, `if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}
MODULE = "<module>"
LOGGERS = frozenset({"log", "_log", "logger", "logging", "warnings"})
UNJUDGED = frozenset({"annotation", "returns", "decorator_list", "bases", "format_spec", "pattern"})
LEFT_ALONE = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: the operator, the function, the lines of the statement, the replaced bytes and the new text."""

    operator: str
    function: str
    line: int
    lines: tuple[int, int]
    start: int
    end: int
    text: str

    def applied(self, source: str) -> str | None:
        """The module after the edit; None if the result is not valid Python or is unchanged."""
        encoded = source.encode()
        for words in (self.text, f"({self.text})"):
            whole = (encoded[: self.start] + words.encode() + encoded[self.end :]).decode()
            if _is_other(source, whole):
                return whole
        return None


def difference(before: str, after: str) -> str:
    """The lines that differ, as `-` and `+`."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in found if not line.startswith(("---", "+++", "@@")))


def edits(source: str) -> list[Edit]:
    """Every edit that may be made of a module, in the order of its text; `applied` says which make a module."""
    starts = [0, *accumulate(len(line.encode()) for line in source.splitlines(keepends=True))]
    made: dict[tuple[int, int, str], Edit] = {}
    tree = ast.parse(source)
    for place in _places(tree, _Place(tree, MODULE, (1, 1), False)):
        node = place.node
        if not isinstance(node, ast.expr | ast.stmt) or node.end_lineno is None or node.end_col_offset is None:
            continue
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        for operator, text in _variants(node, is_condition=place.is_condition):
            made.setdefault(
                (start, end, text), Edit(operator, place.function, node.lineno, place.lines, start, end, text)
            )
    return list(made.values())


@dataclass(frozen=True, slots=True)
class _Place:
    node: ast.AST
    function: str
    lines: tuple[int, int]
    is_condition: bool


def _places(node: ast.AST, at: _Place) -> Iterator[_Place]:
    """Every node under `node` that may be edited, with the function and the lines of the statement that it stands in."""
    for name, value in ast.iter_fields(node):
        if name in UNJUDGED or (name == "keywords" and isinstance(node, ast.ClassDef)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _left_alone(child):
                place = _Place(child, _name(child, at), _lines(child, at), name in ("test", "ifs", "guard"))
                yield place
                yield from _places(child, place)


def _name(node: ast.AST, at: _Place) -> str:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return at.function
    return node.name if at.function == MODULE else f"{at.function}.{node.name}"


def _lines(node: ast.AST, at: _Place) -> tuple[int, int]:
    """First and last line of a statement, without the statements within it."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno, max(node.pattern.lineno, node.body[0].lineno - 1)
    if not isinstance(node, ast.stmt):
        return at.lines
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    first = body[0] if body else None
    inner = first.pattern if isinstance(first, ast.match_case) else first
    last = inner.lineno - 1 if isinstance(inner, ast.stmt | ast.pattern) else node.end_lineno or node.lineno
    return node.lineno, max(node.lineno, last)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, LEFT_ALONE) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(one, ast.Name) and one.id in ("__all__", "__slots__") for one in targets)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    if isinstance(node, ast.keyword):
        return node.arg in ("strict", "exc_info")  # of zip and of a log line
    return isinstance(node, ast.Expr) and _is_talk(node.value)


def _is_talk(node: ast.expr) -> bool:
    """Whether it only logs, or marks code as never reached for the type checker."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in ("assert_never", "warn")
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in LOGGERS


def _variants(node: ast.expr | ast.stmt, *, is_condition: bool) -> Iterator[tuple[str, str]]:
    """The possible replacements of a node: the operator's name and the new text."""
    if is_condition and not isinstance(node, ast.Compare | ast.UnaryOp):
        yield "negate", f"not ({ast.unparse(node)})"
    if isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield "arithmetic", ast.unparse(ast.BinOp(node.left, COUNTED[type(node.op)](), node.right))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and-or", ast.unparse(ast.BoolOp(other, node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield "drop not" if isinstance(node.op, ast.Not) else "drop minus", ast.unparse(node.operand)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Name) and node.id in RENAMED and isinstance(node.ctx, ast.Load):
        yield "min-max", RENAMED[node.id]
    elif isinstance(node, ast.IfExp):
        yield "first choice", ast.unparse(node.body)
        yield "second choice", ast.unparse(node.orelse)
    elif isinstance(node, ast.stmt):
        yield from _removals(node)


def _compared(node: ast.Compare) -> Iterator[tuple[str, str]]:
    for index, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield "comparison", ast.unparse(ast.Compare(node.left, ops, node.comparators))


def _constants(node: ast.Constant) -> Iterator[tuple[str, str]]:
    value = node.value
    if isinstance(value, bool):
        yield "true-false", str(not value)
    elif isinstance(value, int):
        yield "constant", str(value + 1)
        if value > 1:
            yield "constant", str(value - 1)
    elif isinstance(value, float):
        yield "constant", repr(value * 2 if value else 1.0)


def _removals(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "return none", "return None"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield "remove call", "pass"
    elif isinstance(node, ast.AugAssign | ast.Raise | ast.Delete):
        yield "remove statement", "pass"
    elif isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name):
        yield "remove assignment", "pass"
    elif isinstance(node, ast.Break):
        yield "break-continue", "continue"
    elif isinstance(node, ast.Continue):
        yield "break-continue", "break"
    elif (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue)
    ):
        yield "remove guard", "pass"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_other(source: str, made: str) -> bool:
    try:
        return ast.dump(ast.parse(made)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False
