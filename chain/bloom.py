"""A block's bloom filter of logs: what cannot be in the block, and what should have been told of it. No I/O.

The filter never denies a log that is there (yellow paper, section 4.3.1), so a log it denies is made up. That it holds an
address and a topic proves nothing in a full block; in an emptier one it is reason enough to ask again.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from chain.block import Header, Log, Needs

BITS = 2048
FEW_FALSE = 0.01
"""Expected false hits above which the filter is too full to suspect anything by."""
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
    """The logs that cannot be of this block. Without a filter, none."""
    if header.bloom is None:
        return ()
    return tuple(log for log in logs if any(not _held(header.bloom, item) for item in (log.address, *log.topics)))


def suspicious(header: Header, needs: Needs, logs: Iterable[Log]) -> bool:
    """Whether the filter says, with little doubt, that a log was kept back: no log of an address that it holds."""
    if not header.bloom:
        return False
    bloom = header.bloom
    shown = [one for one, bits in _masks(needs.addresses) if bloom & bits == bits]
    told = {log.address for log in logs} if shown else set()
    if all(one in told for one in shown):
        return False
    full = (bloom.bit_count() / BITS) ** _BITS_A_PAIR
    if full * len(needs.addresses - told) * len(needs.topics) > FEW_FALSE:
        return False
    return any(bloom & bits == bits for _, bits in _masks(needs.topics))


@lru_cache(maxsize=16)
def _masks(items: frozenset[str]) -> tuple[tuple[str, int], ...]:
    return tuple((item, mask(item)) for item in sorted(items))


def _held(bloom: int, item: str) -> bool:
    bits = mask(item)
    return bloom & bits == bits
