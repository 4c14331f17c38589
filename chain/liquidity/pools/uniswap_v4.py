"""Reads Uniswap V4 pools, which are all inside one PoolManager, by their id and from its storage.

ModifyLiquidity has ticks and liquidity only; the amounts follow from the price. A change of nothing only settles
fees. The salt of a position made through the position manager is its NFT. Tick spacing is part of the id and not in
storage: the operator or Initialize names it. Hooks may take or give tokens besides. Source:
PoolManager.sol, StateLibrary.sol (v4-core 1.0.2), PositionManager.sol (v4-periphery).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, Reads, SlotWord, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.liquidity.concentrated import Basics, Ticks
from chain.liquidity.depth import NEAR_BPS, Depth, Spot
from chain.liquidity.pool import Move, Positions, signed
from chain.watch import WatchedPool

KINDS = ("uniswap_v4",)

MODIFY = "0xf208f4912782fd25c7f114ca3723a2d5dd6f3bcc3ac8db5af63baa85f711d5ec"
SWAP = "0x40e9cecb9f5f1f1c5b9c97dec2917b7ee92e57ba5563708daca94dd84ad7112f"
SWAP_TOPICS = frozenset({SWAP})
INITIALIZE = "0xdd466e674ea557f56295e2d0218a125ea4b4f0f6f3307b95f85e6110838d6438"

POOL_MANAGER = Address("0x000000000004444c5dc75cb358380d2e3de08a90")
"""Uniswap's own on ethereum; on other networks the operator names it."""
POOLS_SLOT = 6
LIQUIDITY, TICKS, BITMAP = 3, 4, 5
DYNAMIC_FEE = 0x800000


def mapped(key: int, slot: int) -> int:
    """The storage slot of a mapping's value."""
    return int.from_bytes(keccak((key % (1 << 256)).to_bytes(32, "big") + slot.to_bytes(32, "big")), "big")


@dataclass(frozen=True, slots=True)
class Storage:
    """Reads a pool's state by the slots of its manager. `spacing` 0 is not known."""

    manager: Address
    base: int
    spacing: int

    def basics(self) -> frozenset[AnyRead]:
        """Two slots."""
        return frozenset({SlotWord(self.manager, self.base), SlotWord(self.manager, self.base + LIQUIDITY)})

    def read_basics(self, state: StateRead) -> Basics | None:
        """slot0 is packed: price, tick, two protocol fees (12 bits each way), the fee of the liquidity providers."""
        slot0 = state.get(SlotWord(self.manager, self.base))
        liquidity = state.get(SlotWord(self.manager, self.base + LIQUIDITY))
        if not slot0 or liquidity is None:
            return None
        spot = Spot(sqrt_price=slot0 & ((1 << 160) - 1), tick=signed(slot0 >> 160, 24), liquidity=liquidity)
        return Basics(spot=spot, spacing=self.spacing, fee_ppm=_both_fees(slot0 >> 184))

    def word(self, position: int) -> SlotWord:
        """One word of the bitmap."""
        return SlotWord(self.manager, mapped(position, self.base + BITMAP))

    def tick(self, tick: int) -> SlotWord:
        """One slot: liquidityGross in its low half, liquidityNet in its high half."""
        return SlotWord(self.manager, mapped(tick, self.base + TICKS))

    def net(self, tick: int, state: StateRead) -> int | None:
        """The high half of that slot."""
        answer = state.get(self.tick(tick))
        return None if answer is None else signed(answer >> 128, 128)


class ManagedPool:
    """One pool of the manager; its memory is its ticks."""

    def __init__(self, watched: WatchedPool) -> None:
        self._id = watched.address
        self._manager = watched.manager or POOL_MANAGER
        self._base = mapped(int(watched.address, 16), POOLS_SLOT)
        self.position_manager = watched.positions
        self._positions = Positions()
        self.tokens: tuple[Address, ...] = ()
        if watched.token0 and watched.token1:
            self.tokens = (watched.token0, watched.token1)
        self.log_source = (self._manager, watched.address)
        self._ticks = Ticks(source=Storage(self._manager, self._base, watched.tick_spacing or 0))

    def reads(self) -> Reads:
        """Three logs, the NFTs where there are any, and the ticks still unknown."""
        others = (self.position_manager, *self.tokens)
        addresses = frozenset({self._manager, *(one for one in others if one and one != NOBODY)})
        topics = frozenset({MODIFY, SWAP, INITIALIZE, TRANSFER})
        return Reads(addresses=addresses, topics=topics, state=self._ticks.reads())

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Price by Swap and Initialize, ticks and moves by ModifyLiquidity."""
        topic = log.topics[0]
        if topic == INITIALIZE:
            self._initialise(log)
        elif topic == SWAP:
            spot = Spot(sqrt_price=log.word(4), tick=signed(log.word(6), 24), liquidity=log.word(5))
            self._ticks.swapped(spot, log.word(7))
        if topic != MODIFY:
            return None
        lower, upper, delta = signed(log.word(2), 24), signed(log.word(3), 24), signed(log.word(4), 256)
        if not delta:
            return None  # only settles the fees that are due
        amounts = self._ticks.amounts(lower, upper, abs(delta))
        share = self._ticks.share(lower, upper, abs(delta))
        before = self._ticks.depth(NEAR_BPS)
        self._ticks.modified(lower, upper, delta)
        return Move(
            removed=delta < 0,
            amounts=amounts,
            share=share,
            owner=self._owner(log, same),
            before=before,
            after=self._ticks.depth(NEAR_BPS),
        )

    def on_position_transfer(self, log: Log) -> None:
        """A position has a new owner."""
        self._positions.transferred(log)

    def on_state(self, state: StateRead) -> None:
        """Take the answers."""
        self._ticks.on_state(state)

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """By walking the ticks."""
        return self._ticks.depth(bps)

    def trades(self, bps: int) -> Depth | None:
        """Exactly, by walking the ticks."""
        return self._ticks.trades(bps)

    def reserves(self) -> tuple[int, ...] | None:
        """Virtual reserves at the price."""
        return self._ticks.reserves()

    def tick(self) -> int | None:
        """The current tick."""
        return self._ticks.known.spot.tick if self._ticks.known else None

    def memory(self) -> Any:
        """Ticks, tokens, spacing, positions."""
        source = self._ticks.source
        assert isinstance(source, Storage)
        return [self._ticks.memory(), list(self.tokens), source.spacing, self._positions.memory()]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        ticks, tokens, spacing, transferred = plain
        self._positions.recall(transferred)
        self._ticks.recall(ticks)
        self._ticks.source = Storage(self._manager, self._base, spacing)
        self.tokens = tuple(Address(one) for one in tokens)

    def _initialise(self, log: Log) -> None:
        fee, spacing = log.word(3), signed(log.word(4), 24)
        self.tokens = (log.address_at(1), log.address_at(2))
        self._ticks.source = Storage(self._manager, self._base, spacing)
        self._ticks.initialise(
            log.word(6), signed(log.word(7), 24), spacing=spacing, fee_ppm=0 if fee & DYNAMIC_FEE else fee
        )

    def _owner(self, log: Log, same: Sequence[Log]) -> Address | None:
        sender = log.address_at(1)
        if self.position_manager is None or sender != self.position_manager:
            return sender
        return self._positions.of_transaction(f"0x{log.word(5):064x}", self.position_manager, same)


def _both_fees(packed: int) -> int:
    protocol, provided = packed & 0xFFF, packed >> 24 & 0xFFFFFF
    return protocol + provided - protocol * provided // 1_000_000


def make(watched: WatchedPool) -> ManagedPool:
    """A pool of which nothing has been read."""
    return ManagedPool(watched)
