"""Names the keys in which two trees of settings differ, never their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from monitor.settings.tree import Settings


def changed_keys(before: Settings, after: Settings) -> tuple[str, ...]:
    """The keys that differ, in order of the tree: "venues.bybit.timeout_s"; "venues.okx" if it is new or gone."""
    return tuple(_changed(before, after, ""))


def _changed(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    ours, theirs = _inner(before), _inner(after)
    if ours is None or theirs is None:
        yield path
        return
    for name in dict.fromkeys((*ours, *theirs)):
        key = f"{path}.{name}" if path else name
        if name in ours and name in theirs:
            yield from _changed(ours[name], theirs[name], key)
        else:
            yield key


def _inner(value: Any) -> Mapping[str, Any] | None:
    """The keys under a value; None if it has none."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return value if isinstance(value, Mapping) else None
