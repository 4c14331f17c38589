"""Reads diamonds' tables (EIP-2535) from cut logs and the loupe's answers, and compares two tables. Pure.

A table maps selectors ("0x" and 8 digits) to facets (addresses). Sources: EIP-2535 (`DiamondCut`, `facets()`), EIP-1538
(`FunctionUpdate`, one selector a log).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chain.blocks.abi import address_of
from chain.blocks.block import Log
from chain.blocks.standards import NOBODY
from chain.events import Address

DIAMOND_CUT = "0x8faa70878671ccd212d20771b795c50af8fd3ff6cf27f4bde57e5d4de0aeb673"
FUNCTION_UPDATE = "0x3234040ce3bd4564874e44810f198910133a1b24c4e84aac87edbf6b458f5353"
ERA_CUT = "0x87b829356b3403d36217eff1f66ee48eacd0a69015153aba4f0de29fe5340c30"
"""ZKsync's: DiamondCut((address,uint8,bool,bytes4[])[],address,bytes), each change with a flag whether it can be frozen."""
FEATURE_UPDATE = "0x2ae221083467de52078b0096696ab88d8d53a7ecb44bb65b56a2bab687598367"
"""0x's: ProxyFunctionUpdated(bytes4,address,address), with the layout of EIP-1538's log."""
CUTS = {DIAMOND_CUT: "eip2535", ERA_CUT: "eip2535", FUNCTION_UPDATE: "eip1538", FEATURE_UPDATE: "zero_ex"}
"""The logs that change a table, and the kind that they are of."""
REMOVE = 2
WORD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """These selectors went from one facet to another; `old` or `new` is None where no facet served or serves them."""

    old: Address | None
    new: Address | None
    selectors: tuple[str, ...]


def swaps(before: Mapping[str, Address], after: Mapping[str, Address]) -> list[Swap]:
    """The differences, one swap for each pair of facets, in a fixed order."""
    groups: dict[tuple[str, str], list[str]] = {}
    for selector in sorted(before.keys() | after.keys()):
        old, new = before.get(selector), after.get(selector)
        if old != new:
            groups.setdefault((old or "", new or ""), []).append(selector)
    return [
        Swap(
            old=Address(old) if old else None,
            new=Address(new) if new else None,
            selectors=tuple(selectors),
        )
        for (old, new), selectors in sorted(groups.items())
    ]


def cut(table: Mapping[str, Address], log: Log) -> dict[str, Address]:
    """The table after a log of a cut or of one function. The unreadable part of a log changes nothing."""
    after = dict(table)
    if log.topics[0] in (FUNCTION_UPDATE, FEATURE_UPDATE):
        changes = iter([(f"0x{log.word(0).to_bytes(WORD, 'big')[:4].hex()}", log.address_at(2))])
    else:
        changes = _changes(log.body, 3 if log.topics[0] == ERA_CUT else 2)
    for selector, facet in changes:
        after.pop(selector, None)
        if facet != NOBODY:
            after[selector] = facet
    return after


def read_table(answer: bytes) -> dict[str, Address] | None:
    """The loupe's `facets()`: an array of (address, selectors). None where the answer is no such array, or an empty one: the
    loupe itself must be served.
    """
    table: dict[str, Address] = {}
    start = _word(answer, 0)
    count = _word(answer, start)
    if start is None or count is None or count > len(answer) // WORD:
        return None
    for at in range(count):
        offset = _word(answer, start + WORD * (at + 1))
        facet = None if offset is None else _word(answer, start + WORD + offset)
        if offset is None or facet is None:
            return None
        base = start + WORD + offset
        table.update((selector, address_of(facet)) for selector in _selectors(answer, base, base + WORD))
    return table or None


def _changes(body: bytes, listed: int) -> Iterator[tuple[str, Address]]:
    """Selector and facet of each change; `listed`: at which word of a change its selectors are."""
    start = _word(body, 0)
    count = _word(body, start)
    if start is None or count is None or count > len(body) // WORD:
        return
    for at in range(count):
        offset = _word(body, start + WORD * (at + 1))
        base = start + WORD + (offset or 0)
        facet, action = _word(body, base), _word(body, base + WORD)
        if offset is None or facet is None or action is None:
            return
        for selector in _selectors(body, base, base + listed * WORD):
            yield selector, NOBODY if action == REMOVE else address_of(facet)


def _selectors(body: bytes, base: int, at: int) -> Iterator[str]:
    """The bytes4[] of the tuple at `base` whose offset is the word at `at`."""
    offset = _word(body, at)
    count = None if offset is None else _word(body, base + offset)
    if offset is None or count is None:
        return
    first = base + offset + WORD
    for start in range(first, min(first + count * WORD, len(body)), WORD):
        yield f"0x{body[start : start + 4].hex()}"


def _word(body: bytes, at: int | None) -> int | None:
    if at is None or at + WORD > len(body):
        return None
    return int.from_bytes(body[at : at + WORD], "big")
