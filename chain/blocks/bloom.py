"""Checks logs against a block's bloom filter: logs that cannot be in the block, and logs that may be missing. No I/O.

The filter never denies a log of the block (yellow paper, section 4.3.1), so a log that it denies is forged. If it holds an
address and a topic, this proves nothing in a full block; in an emptier one it is reason enough to ask again.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from operator import or_

from chain.blocks.block import Header, Log
from chain.blocks.reads import Reads

BITS = 2048
FEW_FALSE = 0.01
"""Expected false hits above which the filter is too full to raise a suspicion."""
_BITS_A_PAIR = 6


@lru_cache(maxsize=8192)
def mask(item: str) -> int:
    """The three bits of an address or a topic."""
    from eth_hash.auto import keccak

    digest = keccak(bytes.fromhex(item[2:]))
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") % BITS)
    return bits


def denied(header: Header, logs: Iterable[Log]) -> tuple[Log, ...]:
    """The logs that cannot be in this block. Without a filter, none."""
    if header.bloom is None:
        return ()
    return tuple(log for log in logs if any(not _may_hold(header.bloom, item) for item in (log.address, *log.topics)))


def suspicious(header: Header, reads: Reads, logs: Iterable[Log]) -> bool:
    """Whether the filter shows, with little doubt, that a log is missing: there is none of an address that it holds."""
    if not header.bloom:
        return False
    bloom = header.bloom
    masks, any_of_them = _masks(reads.addresses)
    if not bloom & any_of_them:
        return False
    given = {log.address for log in logs}
    full = (bloom.bit_count() / BITS) ** _BITS_A_PAIR
    if full * (len(reads.addresses) - len(given & reads.addresses)) * len(reads.topics) > FEW_FALSE:
        return False
    shown = [one for one, bits in masks if bloom & bits == bits]
    if given.issuperset(shown):
        return False
    return any(bloom & bits == bits for _, bits in _masks(reads.topics)[0])


@lru_cache(maxsize=16)
def _masks(items: frozenset[str]) -> tuple[tuple[tuple[str, int], ...], int]:
    """Each item's bits, and those of all together."""
    masks = tuple((item, mask(item)) for item in sorted(items))
    return masks, reduce(or_, (bits for _, bits in masks), 0)


def _may_hold(bloom: int, item: str) -> bool:
    bits = mask(item)
    return bloom & bits == bits
