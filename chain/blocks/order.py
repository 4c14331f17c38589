"""Puts the logs and the writes of a block in one order: a log comes just before the write that it reports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from chain.blocks.abi import address_of
from chain.blocks.block import Log, Write
from chain.events import Address

Named = Callable[[Log], Collection[Address]]
"""The addresses that a log names as new values."""


def in_order(logs: Sequence[Log], writes: Sequence[Write], named: Named) -> Iterator[Log | Write]:
    """All logs and writes. Transactions are in the order of both lists. Within one, a log that names the value of a write of
    the same contract comes just before that write, and all earlier logs with it.
    """
    waiting = list(logs)
    for write in writes:
        position = _logs_before(waiting, write, named)
        yield from waiting[:position]
        del waiting[:position]
        yield write
    yield from waiting


def _logs_before(waiting: Sequence[Log], write: Write, named: Named) -> int:
    """How many of the waiting logs come before this write."""
    first = next((at for at, log in enumerate(waiting) if log.transaction == write.transaction), 0)
    for at in range(first, len(waiting)):
        log = waiting[at]
        if log.transaction != write.transaction:
            break
        if log.address == write.address and address_of(write.value) in named(log):
            return at + 1
    return first
