"""Reads the tables of diamonds and routers from the logs of their changes and from their loupes, and compares two tables. Pure.

A table maps selectors ("0x" and 8 digits) to facets (addresses). Sources: EIP-2535 (`DiamondCut`, `facets()`), EIP-1538
(`FunctionUpdate`, one selector a log), thirdweb's dynamic-contracts (ERC-7504; `getAllExtensions()`), Pendle's router
(pendle-core-v2, IPActionStorageV4: `SelectorToFacetSet`).
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
FACET_SET = "0x0038aaccfeca40ea50135fcc37980765ee22033e320eaf575624561bdbbe9300"
"""Pendle's: SelectorToFacetSet(bytes4,address)."""
EXTENSION_ADDED = "0xbb37a605de78ba6bc667aeaf438d0aae8247e6f48a8fad23730e4fbbb480abf3"
EXTENSION_REPLACED = "0x5f1ef2b136db521971a88818ce904a8e310082338afdc100212a312706642158"
EXTENSION_REMOVED = "0x3169a23cec9ad1a25ab59bbe00ecf8973dd840c745775ea8877041ef5ce65bcc"
"""thirdweb's: name, implementation (not where it is removed), and the extension: ((string,string,address),(bytes4,string)[])."""
CUTS = {
    DIAMOND_CUT: "eip2535",
    ERA_CUT: "eip2535",
    FUNCTION_UPDATE: "eip1538",
    FEATURE_UPDATE: "zero_ex",
    FACET_SET: "pendle",
    EXTENSION_ADDED: "thirdweb",
    EXTENSION_REPLACED: "thirdweb",
    EXTENSION_REMOVED: "thirdweb",
}
"""The logs that change a table, and the kind that they are of."""
FACETS = "0x7a0ed627"
"""facets(), the loupe of EIP-2535."""
EXTENSIONS = "0x4a00cc48"
"""getAllExtensions(), thirdweb's loupe."""
FACET_AT = {FUNCTION_UPDATE: 2, FEATURE_UPDATE: 2, FACET_SET: 1}
"""The argument that is the facet, in logs of a single function, whose selector is the first argument."""
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


def changes_in(log: Log) -> dict[str, Address]:
    """What a log of a cut, an extension or one function says: selectors and their facets (`NOBODY`: removed). The unreadable
    part of a log says nothing.
    """
    topic = log.topics[0]
    if topic in FACET_AT:
        return {f"0x{log.word(0).to_bytes(WORD, 'big')[:4].hex()}": log.address_at(FACET_AT[topic])}
    if topic in (EXTENSION_ADDED, EXTENSION_REPLACED, EXTENSION_REMOVED):
        facet, selectors = _extension(log.body, _word(log.body, 0)) or (NOBODY, ())
        return dict.fromkeys(selectors, NOBODY if topic == EXTENSION_REMOVED else facet)
    return dict(_changes(log.body, 3 if topic == ERA_CUT else 2))


def cut(table: Mapping[str, Address], changes: Mapping[str, Address]) -> dict[str, Address]:
    """The table after these changes."""
    after = {selector: facet for selector, facet in table.items() if selector not in changes}
    return after | {selector: facet for selector, facet in changes.items() if facet != NOBODY}


def read_table(answer: bytes, body: str = "") -> dict[str, Address] | None:
    """What a loupe answered to a call with `body`: `EXTENSIONS`, else `facets()`, an array of (address, selectors). None where
    the answer is no such array, or an empty one: the loupe itself must be served.
    """
    table: dict[str, Address] = {}
    start = _word(answer, 0)
    count = _word(answer, start)
    if start is None or count is None or count > len(answer) // WORD:
        return None
    if body == EXTENSIONS:
        return _extensions(answer, start + WORD, count) or None
    for at in range(count):
        offset = _word(answer, start + WORD * (at + 1))
        facet = None if offset is None else _word(answer, start + WORD + offset)
        if offset is None or facet is None:
            return None
        base = start + WORD + offset
        table.update((selector, address_of(facet)) for selector in _selectors(answer, base, base + WORD))
    return table or None


def _extensions(answer: bytes, base: int, count: int) -> dict[str, Address]:
    table: dict[str, Address] = {}
    for at in range(count):
        offset = _word(answer, base + WORD * at)
        found = None if offset is None else _extension(answer, base + offset)
        if found is None:
            return {}
        table.update(dict.fromkeys(found[1], found[0]))
    return table


def _extension(body: bytes, base: int | None) -> tuple[Address, tuple[str, ...]] | None:
    """The implementation and the selectors of the extension whose tuple is at `base`: its metadata, then its functions."""
    metadata = None if base is None else _word(body, base)
    functions = None if base is None else _word(body, base + WORD)
    if base is None or metadata is None or functions is None:
        return None
    facet, count = _word(body, base + metadata + 2 * WORD), _word(body, base + functions)
    if facet is None or count is None or count > len(body) // WORD:
        return None
    first = base + functions + WORD
    offsets = (_word(body, first + WORD * at) for at in range(count))
    starts = [first + offset for offset in offsets if offset is not None and first + offset + WORD <= len(body)]
    return address_of(facet), tuple(f"0x{body[start : start + 4].hex()}" for start in starts)


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
