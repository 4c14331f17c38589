"""Compares how the old and the new code read storage: hints from bytecode alone, never proof. Pure.

Storage survives an upgrade, so new code that reads a slot differently misreads the old bytes. Types are inferred from masks
and hashes, and unused gaps are invisible. Therefore only differences that compilers do not blur count: a mapping is no value;
overlapping values of different width conflict, unless the records of one code already conflict in that slot; and a getter
that reads one variable, before and after, should find it in the same place. Storage that only one of the codes uses is no
hint: appending is safe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

from chain.bytecode.code import Record
from chain.events.upgrades import LayoutHint

WORD = 32
MAPPING, LONG = -1, 0
MAX_HINTS = 32
_WIDTHS = {"address": 20, "bool": 1}
_SIZED = re.compile(r"u?int(\d{1,3})|bytes(\d{1,2})")


def hints(old: Sequence[Record], new: Sequence[Record]) -> tuple[LayoutHint, ...]:
    """Return the hints, lowest slot first, at most `MAX_HINTS`."""
    found = [*_retyped(old, new), *_moved(old, new)]
    return tuple(hint for _, _, hint in sorted(found, key=lambda one: one[:2]))[:MAX_HINTS]


_Placed = tuple[int, int, LayoutHint]


def _retyped(old: Sequence[Record], new: Sequence[Record]) -> list[_Placed]:
    slots = _clear(new)
    found: dict[tuple[int, int], _Placed] = {}
    for before in (one for there in _clear(old).values() for one in there):
        for now in slots.get(before.slot, ()):
            if _clash(before, now):
                hint = LayoutHint(
                    slot=hex(before.slot), offset=before.offset, old=before.type, new=now.type,
                    said=f"{_where(before)} held {before.type}, is read as {now.type}"
                    + (f" at byte {now.offset}" if now.offset != before.offset else ""),
                )  # fmt: skip
                found.setdefault((before.slot, before.offset), (before.slot, before.offset, hint))
    return list(found.values())


def _clear(records: Sequence[Record]) -> Mapping[int, Sequence[Record]]:
    """Group the records by slot, without slots in which records of one code clash (neighbours used as one)."""
    slots: dict[int, list[Record]] = {}
    for one in records:
        if len(there := slots.setdefault(one.slot, [])) <= WORD:
            there.append(one)
    return {slot: there for slot, there in slots.items() if not _unclear(there)}


def _unclear(there: Sequence[Record]) -> bool:
    return len(there) > WORD or any(_clash(one, other) for one, other in combinations(there, 2))


def _clash(before: Record, now: Record) -> bool:
    """Whether two records share bytes but cannot be the same variable."""
    was, is_ = _form(before.type), _form(now.type)
    if was is None or is_ is None:
        return False
    if MAPPING in (was, is_):
        return was != is_
    same = (before.offset, was or WORD) == (now.offset, is_ or WORD)
    return not same and before.offset < now.offset + (is_ or WORD) and now.offset < before.offset + (was or WORD)


def _form(kind: str) -> int | None:
    """Return the width in bytes; `MAPPING`; `LONG` for a type that stores its length in the slot; None if unknown."""
    if kind.startswith("mapping("):
        return MAPPING
    if kind.endswith("[]") or kind in ("string", "bytes"):
        return LONG
    sized = _SIZED.fullmatch(kind)
    if sized:
        return int(sized[1]) // 8 if sized[1] else int(sized[2])
    return _WIDTHS.get(kind)


def _moved(old: Sequence[Record], new: Sequence[Record]) -> list[_Placed]:
    """Return hints for getters that read their variable from another place now."""
    was, is_ = _getters(old), _getters(new)
    found: dict[tuple[int, int], _Placed] = {}
    for selector in sorted(was.keys() & is_.keys()):
        before, now = was[selector], is_[selector]
        if (before.slot, before.offset) != (now.slot, now.offset) and _form(before.type) == _form(now.type):
            hint = LayoutHint(
                slot=hex(before.slot), offset=before.offset, old=_where(before), new=_where(now),
                said=f"{selector} read {before.type} from {_where(before)}, reads it from {_where(now)}{_shift(before, now)}",
            )  # fmt: skip
            found.setdefault((before.slot, before.offset), (before.slot, before.offset, hint))
    return list(found.values())


def _getters(records: Sequence[Record]) -> Mapping[str, Record]:
    reads: dict[str, list[Record]] = {}
    writers: set[str] = set()
    for one in records:
        writers |= one.writes
        for selector in one.reads:
            reads.setdefault(selector, []).append(one)
    return {selector: of[0] for selector, of in reads.items() if len(of) == 1 and selector not in writers}


def _where(one: Record) -> str:
    return f"slot {one.slot if one.slot < 1 << 64 else hex(one.slot)}" + (f" byte {one.offset}" if one.offset else "")


def _shift(before: Record, now: Record) -> str:
    """Explain a small shift by its usual cause."""
    slots = now.slot - before.slot
    if not 0 < abs(slots) <= 1024:
        return ""
    return (
        f" ({slots} on: something came before it)"
        if slots > 0
        else f" ({-slots} back: a gap or a variable before it shrank)"
    )
