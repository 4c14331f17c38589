"""Compares the old and the new code of an upgrade. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chain.bytecode.code import Code
from chain.bytecode.storage_layout import hints
from chain.events.upgrades import CodeChange

MAX_NAMED = 256
"""Selectors that are reported as gained or lost; hostile code has thousands."""


Selectors = tuple[str, ...]


def changed(
    old: Code | None, new: Code | None, links: Sequence[str] = (), served: tuple[Selectors, Selectors] | None = None
) -> CodeChange:
    """Compare two codes; None for a code that is not known. `served`: the selectors gained and lost, if already known."""
    gained, lost = served or _differing(old, new)
    types = {**(old.arguments if old else {}), **(new.arguments if new else {})}
    was, is_ = (one.storage if one else None for one in (old, new))
    return CodeChange(
        old_size=old.size if old else None,
        new_size=new.size if new else None,
        gained=gained,
        lost=lost,
        signatures=tuple(
            f"{one}({types[one]})" for one in dict.fromkeys((*(gained or ()), *(lost or ()))) if one in types
        ),
        layout=hints(was, is_) if was is not None and is_ is not None else None,
        old_compiler=old.compiler if old else None,
        new_compiler=new.compiler if new else None,
        links=tuple(links),
    )


def _differing(old: Code | None, new: Code | None) -> tuple[Selectors | None, Selectors | None]:
    before, after = (one.selectors if one else None for one in (old, new))
    if before is None or after is None:
        return None, None
    return tuple(sorted(after - before))[:MAX_NAMED], tuple(sorted(before - after))[:MAX_NAMED]
