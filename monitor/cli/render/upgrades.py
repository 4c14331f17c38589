"""Renders an upgrade: functions that the new code gained and lost, its size, signs of another storage layout, source links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.events import CodeChange, CodeCompared
    from chain.events.upgrades import ContractUpgraded
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


def upgrade_row(event: ContractUpgraded) -> str:
    """One upgrade in one cell."""
    how = HOW[event.seen_by.value]
    parts = [f"{event.proxy_kind} {event.contract}: {event.role} {event.old or '?'} → {event.new} {how}"]
    if event.holder is not None:
        parts.append(f"at {event.holder}")
    if event.queued is not None:
        parts.append(f"announced as {event.operation}" if event.queued else "NOT announced in its timelock")
    functions = [(word, names) for word, names in (("gained", event.gained), ("lost", event.lost)) if names]
    parts += [f"{word} {_named(names)}" for word, names in functions]
    return "; ".join(parts)


def compared_row(event: CodeCompared) -> str:
    """What an upgrade changed, in one cell."""
    parts = [f"{label} {text}" for label, text in change_lines(event.change)]
    return f"{event.contract}: {event.role} {event.new}: {'; '.join(parts)}"


def change_lines(change: CodeChange) -> Iterator[tuple[str, str]]:
    """What is known about a change, as (label, text)."""
    types = {one.split("(")[0]: one for one in change.signatures}
    for label, names in (("gained", change.gained), ("lost", change.lost)):
        if names is not None:
            yield label, _named([types.get(one, one) for one in names])
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
        yield "storage hints (inferred, no proof)", _named([hint.said for hint in change.layout], " | ")
    elif change.layout is not None and change.new_size:
        yield "storage hints", "none"
    if change.links:
        yield "source, if verified", " ".join(change.links)


def source_words(seen: SourceSeen) -> str:
    """What an explorer reports about one contract's source."""
    if not seen.verified:
        return f"{seen.address}: NOT verified"
    parts = [f"{seen.address}: {seen.name or 'verified'}", seen.compiler, seen.licence]
    parts.append(f"itself a proxy of {seen.implementation or '?'}" if seen.proxy else None)
    return ", ".join(one for one in parts if one)


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
