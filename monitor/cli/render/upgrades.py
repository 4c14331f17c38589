"""Renders an upgrade: functions that the new code gained and lost, its size, signs of another storage layout, source links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.events import CodeChange
    from chain.explorers.answers import SourceSeen

MAX_NAMED = 12
"""Functions or hints in one row; `--json` has all."""


HOW = {
    "log": "by event",
    "slot": "silently",
    "code": "by other code at its address",
    "trace": "silently, within the block",
    "behaviour": "as its behaviour shows",
}


def change_lines(change: CodeChange) -> Iterator[tuple[str, str]]:
    """What is known about a change, as (label, text)."""
    types = {one.split("(")[0]: one for one in change.signatures}
    for label, names in (("gained", change.gained), ("lost", change.lost)):
        if names is not None:
            yield label, functions_words(names, types)
    if change.new_size == 0:
        yield (
            "code",
            f"{_size(change.old_size)} → NONE: the new address has no code, calls to it do nothing",
        )
    elif change.new_size is not None or change.old_size is not None:
        yield "code", f"{_size(change.old_size)} → {_size(change.new_size)} bytes{_compilers(change)}"
    else:
        yield "code", "not known"
    if change.layout:
        hints = _named([hint.said for hint in change.layout], " | ")
        yield "storage", f"hints at another layout (inferred, no proof): {hints}"
    elif change.layout is not None and change.new_size:
        yield "storage", "no hints at another layout"
    if change.links:
        yield "source", f"{' '.join(change.links)} (if verified)"


def source_words(seen: SourceSeen) -> str:
    """What an explorer reports about one contract's source."""
    if not seen.verified:
        return f"{seen.address}: NOT verified"
    parts = [f"{seen.address}: {seen.name or 'verified'}", seen.compiler, seen.licence]
    parts.append(f"itself a proxy of {seen.implementation or '?'}" if seen.proxy else None)
    return ", ".join(one for one in parts if one)


def functions_words(names: Sequence[str], types: Mapping[str, str] | None = None) -> str:
    """Functions by name where the selector is known; `types` are selectors with the types of their arguments."""
    from chain.control.functions import function_words

    return _named([function_words(one, (types or {}).get(one, one)[len(one) :]) for one in names])


def _named(names: Sequence[str], between: str = ", ") -> str:
    more = len(names) - MAX_NAMED
    return between.join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "") or "nothing"


def _size(size: int | None) -> str:
    return "?" if size is None else str(size)


def _compilers(change: CodeChange) -> str:
    if change.new_compiler is None and change.old_compiler is None:
        return ""
    if change.new_compiler == change.old_compiler:
        return f", {change.new_compiler}"
    return f", {change.old_compiler or '?'} → {change.new_compiler or '?'}"
