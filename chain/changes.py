"""What an upgrade changed, as far as two codes tell: its event, and how it comes from codes that were read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chain.code import Code
from chain.layout import LayoutHint, hints
from chain.place import Address, Place

MOST_NAMED = 256
"""Selectors gained or lost that are told; hostile code has thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeChange:
    """How two codes differ. What is not known is None: the code could not be had, or not be read in time.

    `gained` and `lost` are selectors that only the new or only the old code answers (of a diamond's facet: that it serves
    from here on, or no longer), `signatures` those of them whose
    argument types could be inferred ("0xa9059cbb(address,uint256)"). Sizes are in bytes; a `new_size` of 0 means that
    nothing stands there: every call runs into the void. `layout` are hints, not proof (None: storage was not read).
    `links` say where verified source of the new code would be found, if there is any.
    """

    old_size: int | None
    new_size: int | None
    gained: tuple[str, ...] | None
    lost: tuple[str, ...] | None
    signatures: tuple[str, ...] = ()
    layout: tuple[LayoutHint, ...] | None = None
    old_compiler: str | None = None
    new_compiler: str | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCompared:
    """What the upgrade `upgrade_id` changed, told after it: reading code takes time, and an upgrade must not wait for it.

    One follows each upgrade of code, with its place, before anything of the next block. `role`, `old` and `new` are the
    upgrade's. Where the codes were not compared (no node gave them, more upgrades in one block than are looked at) all of
    `change` is None.
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    role: str
    old: str | None
    new: str
    upgrade_id: str
    change: CodeChange


Selectors = tuple[str, ...]


def changed(
    old: Code | None, new: Code | None, links: Sequence[str] = (), served: tuple[Selectors, Selectors] | None = None
) -> CodeChange:
    """How these codes differ; None for one that could not be had. `served`: what was gained and lost, where that is known."""
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
    return tuple(sorted(after - before))[:MOST_NAMED], tuple(sorted(before - after))[:MOST_NAMED]
