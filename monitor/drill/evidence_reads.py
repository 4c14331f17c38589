"""Finds which attributes of a signal a reader of the correlator reads, from the reader's own code.

It walks what `on_signal` runs for a signal of one kind: comparisons of `signal.kind` choose their branch, every other branch is
taken. So it says what a reader may read, and needs no list that somebody keeps.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS

VALUE = "value"
_PACKAGE = "monitor."
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def reads_of(reader: type, kind: SignalKind) -> frozenset[str]:
    """What `reader.on_signal` reads of a signal of this kind: names of its attributes, and "value"."""
    walk = _Walk(reader, kind)
    walk.function(vars_of(reader)["on_signal"])
    return frozenset(walk.found)


def vars_of(reader: type) -> Mapping[str, Any]:
    """The names that a class and its bases define, the nearest first."""
    return {name: one for base in reversed(reader.__mro__) for name, one in vars(base).items()}


class _Walk:
    """One walk through the code that a signal of one kind may run."""

    def __init__(self, reader: type, kind: SignalKind) -> None:
        self.found: set[str] = set()
        self._members = vars_of(reader)
        self._kind = kind
        self._names = KINDS[kind].attributes
        self._seen: set[tuple[FunctionType, bool]] = set()

    def function(self, function: FunctionType, *, own: bool = True) -> None:
        """Walk one function; `own`: a method of the reader, whose `self` is known."""
        if (function, own) in self._seen:
            return
        self._seen.add((function, own))
        node = _node_of(function)
        if node is None:
            return
        signals = {one.arg for one in node.args.args if one.annotation is not None and _is_signal(one.annotation)}
        _Frame(self, function.__globals__, signals, own).block(_without_docstring(node.body))

    def text(self, said: str) -> None:
        """Note a text that is the name of an attribute."""
        if said in self._names:
            self.found.add(said)

    def pattern(self, parts: Sequence[ast.expr]) -> None:
        """Note every attribute that an f-string can name."""
        plain = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        if any(plain):
            form = "".join(".+" if part is None else re.escape(str(part)) for part in plain)
            self.found.update(name for name in self._names if re.fullmatch(form, name))

    def member(self, name: str) -> None:
        """Follow a method or property of the reader."""
        one = self._members.get(name)
        one = one.fget if isinstance(one, property) else getattr(one, "__func__", one)
        if isinstance(one, FunctionType):
            self.function(one)

    def decide(self, left: ast.expr, operator: ast.cmpop, right: object) -> bool | None:
        """Whether a comparison of the signal's kind holds; None: it compares something else."""
        named = left.attr if isinstance(left, ast.Attribute) else left.id if isinstance(left, ast.Name) else ""
        if named != "kind":
            return None
        if isinstance(operator, ast.Is | ast.Eq | ast.IsNot | ast.NotEq):
            return (right is self._kind) == isinstance(operator, ast.Is | ast.Eq)
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, Iterable):
            return (self._kind in right) == isinstance(operator, ast.In)
        return None

    def matches(self, pattern: ast.pattern, names: dict[str, Any]) -> bool:
        """Whether a case of `match signal.kind` is taken, if none before was."""
        if isinstance(pattern, ast.MatchOr):
            return any(self.matches(one, names) for one in pattern.patterns)
        return not isinstance(pattern, ast.MatchValue) or _value_of(pattern.value, names) is self._kind


class _Frame:
    """One function of a walk: the names that it sees, and which of its arguments are signals."""

    def __init__(self, walk: _Walk, names: dict[str, Any], signals: set[str], own: bool) -> None:
        self._walk = walk
        self._names = names
        self._signals = signals
        self._own = own

    def block(self, body: Sequence[ast.stmt]) -> bool:
        """Walk statements in order; whether the last one leaves for certain."""
        return any(self._statement(one) for one in body)

    def _statement(self, one: ast.stmt) -> bool:
        if isinstance(one, ast.If):
            held = self._test(one.test)
            if held is not None:
                return self.block(one.body if held else one.orelse)
            left, also = self.block(one.body), self.block(one.orelse)
            return left and also
        if isinstance(one, ast.Match) and isinstance(one.subject, ast.Attribute) and one.subject.attr == "kind":
            taken = next((case for case in one.cases if self._walk.matches(case.pattern, self._names)), None)
            return taken is not None and self.block(taken.body)
        for part in ast.iter_child_nodes(one):
            self._part(part)
        return isinstance(one, _LEAVES)

    def _part(self, one: ast.AST) -> None:
        if isinstance(one, ast.keyword) and isinstance(one.value, ast.Constant):
            return  # `name="withdrawals"` says what a finding is called
        if isinstance(one, ast.stmt):
            self._statement(one)
        elif isinstance(one, ast.expr):
            self._expression(one)
        else:
            for part in ast.iter_child_nodes(one):
                self._part(part)

    def _test(self, one: ast.expr) -> bool | None:
        """Walk a condition as far as it is evaluated, and say whether it holds, if only the kind decides."""
        if isinstance(one, ast.Compare) and len(one.ops) == 1:
            right = _value_of(one.comparators[0], self._names)
            decided = self._walk.decide(one.left, one.ops[0], right)
            if decided is not None:
                return decided
            self._parts(one)
            return None
        if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.Not):
            held = self._test(one.operand)
            return None if held is None else not held
        if isinstance(one, ast.BoolOp):
            ends = isinstance(one.op, ast.Or)
            parts = []
            for part in one.values:
                parts.append(self._test(part))
                if parts[-1] is ends:
                    return ends
            return None if None in parts else not ends
        self._expression(one)
        return None

    def _expression(self, one: ast.expr) -> None:
        if isinstance(one, ast.IfExp):
            held = self._test(one.test)
            for part in (one.body, one.orelse) if held is None else (one.body if held else one.orelse,):
                self._expression(part)
            return
        if isinstance(one, ast.BoolOp) or (isinstance(one, ast.Compare) and len(one.ops) == 1):
            self._test(one)
            return
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            self._walk.text(one.value)
        elif isinstance(one, ast.JoinedStr):
            self._walk.pattern(one.values)
            self._parts(one, but=ast.Constant)
            return
        elif isinstance(one, ast.Name):
            self._named(self._names.get(one.id))
        elif isinstance(one, ast.Attribute):
            self._attribute(one)
        elif isinstance(one, ast.Call):
            self._call(one)
        self._parts(one)

    def _parts(self, one: ast.AST, but: type[ast.AST] | None = None) -> None:
        for part in ast.iter_child_nodes(one):
            if but is None or not isinstance(part, but):
                self._part(part)

    def _attribute(self, one: ast.Attribute) -> None:
        if not isinstance(one.value, ast.Name):
            return
        if one.value.id in self._signals and one.attr == VALUE:
            self._walk.found.add(VALUE)
        elif self._own and one.value.id in ("self", "cls"):
            self._walk.member(one.attr)
        elif isinstance(module := self._names.get(one.value.id), ModuleType):
            self._named(getattr(module, one.attr, None))

    def _call(self, one: ast.Call) -> None:
        """Follow a method of another object that is given the signal: its class is one that the module names."""
        if not isinstance(one.func, ast.Attribute):
            return
        given = any(isinstance(part, ast.Name) and part.id in self._signals for part in one.args)
        if not given or (isinstance(one.func.value, ast.Name) and one.func.value.id == "self"):
            return
        for kind in self._names.values():
            method = vars(kind).get(one.func.attr) if isinstance(kind, type) else None
            if isinstance(method, FunctionType) and method.__module__.startswith(_PACKAGE):
                self._walk.function(method, own=False)

    def _named(self, one: object) -> None:
        if isinstance(one, FunctionType) and one.__module__.startswith(_PACKAGE):
            self._walk.function(one, own=False)
            return
        for said in _texts(one):
            self._walk.text(said)


def _texts(one: object) -> Iterator[str]:
    if isinstance(one, str):
        yield one
    elif isinstance(one, tuple | frozenset):
        for part in one:
            yield from _texts(part)
    elif isinstance(one, Mapping):
        for key, part in one.items():
            yield from (*_texts(key), *_texts(part))


def _value_of(one: ast.expr, names: dict[str, Any]) -> object:
    """What an expression of names alone stands for; None: it needs more."""
    if any(isinstance(part, ast.Call) for part in ast.walk(one)):
        return None
    try:
        return eval(compile(ast.Expression(one), "kinds", "eval"), names)  # noqa: S307  our own source, names only
    except (NameError, AttributeError):
        return None


def _is_signal(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "Signal"


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if said else body


def _node_of(function: FunctionType) -> ast.FunctionDef | None:
    module = inspect.getmodule(function)
    return None if module is None else _functions(module).get(function.__code__.co_firstlineno)


@lru_cache(maxsize=256)
def _functions(module: ModuleType) -> Mapping[int, ast.FunctionDef]:
    """Line -> the function that begins there, with its decorators."""
    found = (one for one in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(one, ast.FunctionDef))
    return {min([one.lineno, *(each.lineno for each in one.decorator_list)]): one for one in found}
