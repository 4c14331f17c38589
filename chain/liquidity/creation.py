"""States what a form of factory must declare: the log by which it names a new pool, and how that log is read. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chain.blocks.abi import Unreadable, Words
from chain.blocks.block import Log
from chain.events import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPool:
    """What one log says. `pool` is its address, or its id of 32 bytes where a manager holds all pools."""

    pool: str
    token0: Address
    token1: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """One form of log of a new pool. `kind` names the pool; `read` raises `Unreadable` for a malformed log."""

    kind: str
    source: str
    topic: str
    read: Callable[[Log], NewPool]


def pair_of(log: Log, indexed: int, pool_word: int) -> NewPool:
    """A log with `indexed` topics, first the two tokens, and the pool's address at this word of the body."""
    if len(log.topics) != indexed + 1:
        raise Unreadable("not the indexed arguments of this log")
    return NewPool(pool=Words(log.body).address(pool_word), token0=log.address_at(0), token1=log.address_at(1))
