"""Reports jumps of a watched token's supply within a block, and says of a drain by `sync` if the token changed all balances.

The supply is read in each block (near the head), and followed by the token's Transfers from and to nobody where it is not read.
A jump is a change by a twentieth of the supply before. A jump that no log explains says so: it is a rebase, or a hidden mint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from chain.blocks.abi import topic_of
from chain.blocks.block import Block
from chain.blocks.reads import AnyRead, CallWord, Reads
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address, DrainCause, PlacedEvent, PoolDrained, SupplyJumped
from chain.liquidity.drains import OWN_COINS
from chain.watch import Watch

STAGE = 2

JUMP = 0.05
"""The part of the supply before, from which a change within a block is a jump."""
TOTAL_SUPPLY = "0x18160ddd"
ISSUE, REDEEM = topic_of("Issue(uint256)"), topic_of("Redeem(uint256)")
"""USDT on ethereum logs these instead of Transfers. Source: TetherToken.sol."""
MAX_POOLS = 8
MAX_READ = 100
"""Tokens whose supply is read, watched tokens first: as many as one packed call holds."""


class _Memory(msgspec.Struct):
    supplies: dict[str, str] = {}  # token -> supply, decimal: it has up to 256 bits


@dataclass(slots=True)
class _Logged:
    """What one block's logs say of one token: units made less units destroyed, and the greatest of these moves."""

    units: int = 0
    greatest: int = 0
    by: Address | None = None
    transaction: str | None = None
    place: int = 0

    def add(self, units: int, by: Address | None, transaction: str, index: int) -> None:
        """Take one move."""
        self.units += units
        if abs(units) > self.greatest:
            self.greatest, self.by, self.transaction, self.place = abs(units), by, transaction, index


@dataclass(frozen=True, slots=True)
class _Change:
    """A token's supply before and after a block, and the part of the change that logs explain."""

    before: int
    after: int
    logged: _Logged = field(default_factory=_Logged)

    @property
    def unlogged(self) -> int:
        """The part of the change that no log explains; negative for a fall."""
        return self.after - self.before - self.logged.units


class Supply:
    """One network's tokens with their supplies."""

    def __init__(self, watch: Watch) -> None:
        self._pools: dict[Address, list[Address]] = {one: [] for one in watch.tokens}
        for pool in watch.pools:
            for token in dict.fromkeys((pool.token0, pool.token1, *pool.tokens)):
                if token is not None and token not in OWN_COINS:
                    self._pools.setdefault(token, []).append(pool.address)
        tokens = frozenset(self._pools)
        state: frozenset[AnyRead] = frozenset(CallWord(token, TOTAL_SUPPLY) for token in tuple(self._pools)[:MAX_READ])
        topics = frozenset({TRANSFER, ISSUE, REDEEM}) if tokens else frozenset[str]()
        self._reads = Reads(addresses=tokens, topics=topics, state=state, deferrable=state)
        self._memory = _Memory()

    def reads(self) -> Reads:
        """The supplies, and the logs that should change them."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """The jumps of this block, and its drains by `sync` that were rebases."""
        logged = self._logged(block)
        changes: dict[Address, _Change] = {}
        for token in self._pools:
            change = self._change(block, token, logged.get(token))
            if change is not None:
                changes[token] = change
        found: list[PlacedEvent] = [self._jumped(block, token, one) for token, one in changes.items() if _jumps(one)]
        for event in earlier:
            if isinstance(event, PoolDrained) and event.cause is DrainCause.SYNC and event.token in changes:
                change = changes[event.token]
                if -2 * change.unlogged >= event.share * change.before:
                    found.append(replace(event, cause=DrainCause.REBASE))
        return found

    def memory(self) -> bytes:
        """The supplies."""
        return msgspec.json.encode(self._memory, order="sorted")

    def recall(self, memory: bytes) -> None:
        """Restore the memory that `memory` gave."""
        self._memory = msgspec.json.decode(memory, type=_Memory)

    def _logged(self, block: Block) -> dict[Address, _Logged]:
        found: dict[Address, _Logged] = {}
        for log in block.logs:
            if log.address not in self._pools or not log.topics:
                continue
            topic, one = log.topics[0], found.setdefault(log.address, _Logged())
            if topic == TRANSFER:
                sender, receiver, units = log.address_at(0), log.address_at(1), log.word(2)
                if sender == NOBODY:
                    one.add(units, receiver, log.transaction, log.index)
                if receiver == NOBODY:
                    one.add(-units, sender, log.transaction, log.index)
            elif topic in (ISSUE, REDEEM):
                one.add(log.word(0) if topic == ISSUE else -log.word(0), None, log.transaction, log.index)
        return found

    def _change(self, block: Block, token: Address, logged: _Logged | None) -> _Change | None:
        """The change of a known supply; the supply is remembered. None where it is not known or the same."""
        known, read = self._memory.supplies.get(token), block.state.get(CallWord(token, TOTAL_SUPPLY))
        if read is None and (known is None or logged is None):
            return None
        logged = logged or _Logged()
        now = read if read is not None else max(int(known or 0) + logged.units, 0)
        if known == str(now):
            return None
        self._memory.supplies[token] = str(now)
        return None if known is None else _Change(int(known), now, logged)

    def _jumped(self, block: Block, token: Address, change: _Change) -> SupplyJumped:
        logged = change.logged
        explained = abs(change.unlogged) < JUMP * change.before
        place = block.place()
        if explained:
            place = replace(place, transaction=logged.transaction, log_index=logged.place)
        return SupplyJumped(
            place=place,
            seen_at=block.seen_at,
            event_id=block.event_id("supply", token),
            token=token,
            before=change.before,
            after=change.after,
            by=logged.by if explained else None,
            logged=explained,
            pools=tuple(self._pools[token][:MAX_POOLS]),
        )


def _jumps(change: _Change) -> bool:
    return change.before > 0 and abs(change.after - change.before) >= JUMP * change.before


def make(watch: Watch) -> Supply:
    """The detector for this watch."""
    return Supply(watch)
