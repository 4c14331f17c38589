"""Reports jumps of a watched token's supply within a block, and says of a drain by `sync` if the token changed all balances.

The supply is read in each block near the head, and elsewhere in blocks whose logs tell a jump: state is the fact, and logs only
explain it. A jump is a change by a twentieth of the supply before. One that no log explains is a rebase, or a hidden mint.
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


MAX_SAID = 2**256


class _Memory(msgspec.Struct):
    supplies: dict[str, str] = {}  # token -> supply when it was last read, decimal: it has up to 256 bits
    said: dict[str, str] = {}  # token -> units made less units destroyed since then, by logs


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

    def checks(self, block: Block) -> Reads:
        """The supplies of tokens whose logs tell of a jump that the block's state does not show yet."""
        doubtful: set[AnyRead] = set()
        for token, logged in self._logged(block).items():
            known, said = self._known(token)
            least = min(known, max(known + said, 0)) if known else 0
            if known and _read(block, token) is None and abs(logged.units) >= JUMP * least:
                doubtful.add(CallWord(token, TOTAL_SUPPLY))
        return Reads(state=frozenset(doubtful))

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

    def _known(self, token: Address) -> tuple[int | None, int]:
        """The supply when it was last read, and what logs said of it since then."""
        known = self._memory.supplies.get(token)
        return None if known is None else int(known), int(self._memory.said.get(token, 0))

    def _change(self, block: Block, token: Address, logged: _Logged | None) -> _Change | None:
        """The change of a known supply; the supply is remembered. None where it is not known, not read, or the same.

        Of the supply when it was last read, and the same with what logs said since, that one counts as the supply before which
        agrees better with this block.
        """
        (known, said), now = self._known(token), _read(block, token)
        logged = logged or _Logged()
        if now is None:
            if known is not None and logged.units:
                self._memory.said[token] = str(max(min(said + logged.units, MAX_SAID), -MAX_SAID))
            return None
        self._memory.supplies[token] = str(now)
        self._memory.said.pop(token, None)
        if known is None:
            return None
        before = min((known + said, known), key=lambda one: (one < 0, abs(now - one - logged.units)))
        return None if before == now else _Change(before, now, logged)

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


def _read(block: Block, token: Address) -> int | None:
    read = CallWord(token, TOTAL_SUPPLY)
    found = block.state.get(read)
    return found if found is not None else block.checked.get(read)


def _jumps(change: _Change) -> bool:
    return change.before > 0 and abs(change.after - change.before) >= JUMP * change.before


def make(watch: Watch) -> Supply:
    """The detector for this watch."""
    return Supply(watch)
