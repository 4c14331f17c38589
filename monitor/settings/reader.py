"""Reads a tree of TOML tables into frozen dataclasses, strictly: unknown keys, wrong types and bad units are errors.

It knows no setting: the dataclasses are beside the code that they configure. A field whose name ends in `_s` is a length of
time and takes "250ms", "5s", "2m", "1h", "7d" or a plain number of seconds. A field whose name ends in `_env` or `_file` names
where to find a secret, never the secret itself.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from monitor.errors import Mistakes, OperatorError, nearest
from monitor.settings.shown import kind_of, shown

Form = TypeVar("Form")

LENGTH = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MOVED = {
    "store.batch_s": "remove it: log.group_s says how long rows wait in memory",
    "store.queue_rows": "it is log.queue_rows now",
    "store.spool_mb": "it is log.max_mb now",
    "store.resume_s": "remove it: log.image_s and log.keep_s say what a restart continues from",
    "correlator.level_short_s": "remove it: it had no effect",
}
"""Keys of earlier versions, and where to find what they were for."""
_LENGTH_ALLOWED = 'a length of time such as "250ms", "5s", "2m", "1h", "7d", or seconds as a number'


def is_length(name: str) -> bool:
    """Whether a key of this name is a length of time: "timeout_s" is one, "calls_per_s" is a rate."""
    return name.endswith("_s") and not name.endswith("_per_s")


def length_s(key: str, given: object) -> float:
    """The seconds of a length of time as operators write it. Raises OperatorError."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        if isfinite(given) and given >= 0:
            return float(given)
    elif isinstance(given, str) and (match := LENGTH.match(given)):
        return float(match[1]) * _SECONDS[match[2]]
    raise OperatorError(key, given, _LENGTH_ALLOWED, "give the unit")


def read(form: type[Form], tree: Mapping[str, Any], path: str = "") -> Form:
    """An instance of dataclass `form` from a table. Raises OperatorError with all mistakes at once."""
    mistakes = Mistakes()
    known = {one.name: one for one in fields(form)}  # type: ignore[arg-type]  # every form is a dataclass
    for name in tree:
        if name not in known:
            mistakes.add(
                OperatorError(
                    _join(path, name),
                    kind_of(tree[name]),
                    "keys " + ", ".join(known),
                    _MOVED.get(_join(path, name)) or "remove it, or " + nearest(name, list(known)),
                )
            )
    hints = get_type_hints(form)
    given = {}
    for name, value in tree.items():
        if name in known:
            with mistakes:
                given[name] = _value(hints[name], value, _join(path, name))
    for name, one in known.items():
        if name not in tree and one.default is MISSING and one.default_factory is MISSING:
            mistakes.add(OperatorError(_join(path, name), None, _allowed(hints[name]), "it must be given"))
    mistakes.tell()
    try:
        return form(**given)
    except ValueError as error:  # a dataclass's own check of its values
        raise OperatorError(path or "settings", shown(tree), str(error), "correct it") from None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _value(hint: Any, given: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        arms = [arm for arm in get_args(hint) if arm is not type(None)]
        return _value(arms[0], given, path)
    if is_dataclass(hint) and isinstance(hint, type):
        return read(hint, _expect(given, Mapping, hint, path), path)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        inner = get_args(hint)[1]
        return _table(inner, _expect(given, Mapping, hint, path), path)
    if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, tuple)):
        inner = get_args(hint)[0]
        return _list(inner, _expect(given, list, hint, path), path)
    if isinstance(hint, type) and issubclass(hint, Enum):
        if given in [member.value for member in hint]:
            return hint(given)
        raise OperatorError(path, given, ", ".join(str(m.value) for m in hint), "choose one of them")
    if hint is float:
        if any(is_length(name) for name in path.split(".")[-2:]):  # every_s.server_time is one too
            return length_s(path, given)
        if isinstance(given, int | float) and not isinstance(given, bool) and isfinite(given):
            return float(given)
        raise OperatorError(path, given, "a number", "correct it")
    if hint is int and isinstance(given, bool):
        raise OperatorError(path, given, "a whole number", "correct it")
    if hint is Any:
        return given
    return (
        _moment(path, given) if hint is datetime else _expect(given, getattr(hint, "__supertype__", hint), hint, path)
    )


def _list(hint: Any, given: list[Any], path: str) -> tuple[Any, ...]:
    mistakes = Mistakes()
    values = []
    for index, value in enumerate(given):
        with mistakes:
            values.append(_value(hint, value, f"{path}[{index}]"))
    mistakes.tell()
    return tuple(values)


def _moment(path: str, given: object) -> datetime:
    """A time as TOML writes it, or as text in ISO 8601, in UTC. Raises OperatorError for one without a zone."""
    at = given
    if isinstance(given, str):
        try:
            at = datetime.fromisoformat(given)
        except ValueError:
            at = None
    if not isinstance(at, datetime) or at.tzinfo is None:
        shown_as = at.isoformat() if isinstance(at, date) else shown(given)
        remedy = f"write {shown_as}Z for UTC, or an offset" if isinstance(at, datetime) else "correct it"
        raise OperatorError(path, shown_as, "a time with its zone, such as 2026-11-24T01:30:00Z", remedy)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise OperatorError(path, at.isoformat(), "a time from the year 1 to 9999 in UTC", "correct it") from None


def _table(hint: Any, given: Mapping[Any, Any], path: str) -> dict[str, Any]:
    mistakes = Mistakes()
    values = {}
    for name, value in given.items():
        with mistakes:
            values[str(name)] = _value(hint, value, _join(path, str(name)))
    mistakes.tell()
    return values


def _expect(given: Any, kind: Any, hint: Any, path: str) -> Any:
    if not isinstance(given, kind):
        raise OperatorError(
            path, shown(given) if kind in (str, int, bool) else kind_of(given), _allowed(hint), "correct its type"
        )
    return given


def _allowed(hint: Any) -> str:
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", datetime: "a date with time"}
    if is_dataclass(hint) and isinstance(hint, type):
        return "a table with keys " + ", ".join(one.name for one in fields(hint))
    if get_origin(hint) is Mapping:
        return "a table"
    return words.get(hint, "a list" if get_origin(hint) in (tuple, list) else str(hint))
