"""Reads Uniswap V3 pools and the forks that have its calls and logs (PancakeSwap V3 among them).

For the pool, a position made through the position manager belongs to the manager. Its true owner is the holder of the NFT,
by the manager's own logs (Transfer; IncreaseLiquidity and DecreaseLiquidity name the token); without them, the receiver of
Collect. A Burn of nothing only settles fees, and Collect pays them: neither is a move. Source:
UniswapV3Pool.sol (v3-core 1.0.1), NonfungiblePositionManager.sol (v3-periphery 1.4.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain.blocks.block import Log
from chain.blocks.reads import AnyRead, CallBytes, CallWord, Reads, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.liquidity.concentrated import Basics, Ticks
from chain.liquidity.depth import NEAR_BPS, Depth, Spot
from chain.liquidity.pool import Move, Positions, call, signed, words_of
from chain.watch import WatchedPool

KINDS = ("uniswap_v3",)

MINT = "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde"
BURN = "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c"
COLLECT = "0x70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0"
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
PANCAKE_SWAP = "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83"
INITIALIZE = "0x98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95"
INCREASE = "0x3067048beee31b25b2f1681f88dac838c8bba36af25bfb2b7cf7473a5847e35f"
DECREASE = "0x26f6a048ee9138f2c0ce266f322cb99228e8d619ae2bff30c67f8dcf9d2377b4"
PAYS_OUT_TOPICS = frozenset({COLLECT})
SWAP_TOPICS = frozenset({SWAP, PANCAKE_SWAP})
TOPICS = frozenset({MINT, BURN, COLLECT, SWAP, PANCAKE_SWAP, INITIALIZE, INCREASE, DECREASE, TRANSFER})

POSITION_MANAGER = Address("0xc36442b4a4522e871399cd717abdd847ab11fe88")
"""Uniswap's own on ethereum, arbitrum, optimism and polygon; elsewhere the operator names it."""
SLOT0, LIQUIDITY, SPACING, FEE = "0x3850c7bd", "0x1a686502", "0xd0c93a7c", "0xddca3f43"
BITMAP, TICK = "0x5339c296", "0xf30dba93"


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads a pool's state by its own calls, which forks have even where their storage differs."""

    address: Address

    def basics(self) -> frozenset[AnyRead]:
        """Four calls."""
        rest = (call(self.address, selector) for selector in (LIQUIDITY, SPACING, FEE))
        return frozenset({CallBytes(self.address, SLOT0), *rest})

    def read_basics(self, state: StateRead) -> Basics | None:
        """Price and tick by slot0, and the others; None before the pool is initialised."""
        slot0 = words_of(state, CallBytes(self.address, SLOT0))
        rest = [state.get(call(self.address, selector)) for selector in (LIQUIDITY, SPACING, FEE)]
        liquidity, spacing, fee_ppm = rest
        if len(slot0) < 2 or not slot0[0] or liquidity is None or not spacing or fee_ppm is None:
            return None
        spot = Spot(sqrt_price=slot0[0], tick=signed(slot0[1], 24), liquidity=liquidity)
        return Basics(spot=spot, spacing=spacing, fee_ppm=fee_ppm)

    def word(self, position: int) -> CallWord:
        """tickBitmap(position)."""
        return call(self.address, BITMAP, position)

    def tick(self, tick: int) -> CallBytes:
        """ticks(tick), whole: liquidityGross, liquidityNet, …"""
        return CallBytes(self.address, f"{TICK}{tick % (1 << 256):064x}")

    def net(self, tick: int, state: StateRead) -> int | None:
        """The second word of that answer; 0 of one too short."""
        body = state.get(self.tick(tick))
        return None if body is None else signed(int.from_bytes(body[32:64], "big"), 128)


class ConcentratedPool:
    """One pool; its memory is its ticks and the owners of its positions."""

    def __init__(self, watched: WatchedPool) -> None:
        self._address = watched.address
        self.tokens = (watched.token0, watched.token1) if watched.token0 and watched.token1 else ()
        self.log_source = (watched.address, "")
        self.position_manager = watched.positions or POSITION_MANAGER
        self._ticks = Ticks(source=Reading(watched.address))
        self._positions = Positions()

    def reads(self) -> Reads:
        """Its logs and those of the position manager, and the ticks still unknown."""
        if not self.tokens:
            return Reads()
        return Reads(
            addresses=frozenset({self._address, self.position_manager}), topics=TOPICS, state=self._ticks.reads()
        )

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Price by Swap, ticks and moves by Mint and Burn."""
        topic = log.topics[0]
        if topic in (SWAP, PANCAKE_SWAP):
            self._ticks.swapped(Spot(sqrt_price=log.word(4), tick=signed(log.word(6), 24), liquidity=log.word(5)))
        if topic not in (MINT, BURN):
            return None
        removed = topic == BURN
        lower, upper = signed(log.word(1), 24), signed(log.word(2), 24)
        liquidity, *amounts = (log.word(at) for at in (range(3, 6) if removed else range(4, 7)))
        if not liquidity:
            return None  # only settles the fees that are due
        share = self._ticks.share(lower, upper, liquidity)
        before = self._ticks.depth(NEAR_BPS)
        self._ticks.modified(lower, upper, -liquidity if removed else liquidity)
        return Move(
            removed=removed,
            amounts=tuple(amounts),
            share=share,
            owner=self._owner(log, same, removed=removed),
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
        """Ticks and owners."""
        return [self._ticks.memory(), self._positions.memory()]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        ticks, owners = plain
        self._ticks.recall(ticks)
        self._positions.recall(owners)

    def _owner(self, log: Log, same: Sequence[Log], *, removed: bool) -> Address | None:
        holder = log.address_at(0)
        if holder != self.position_manager:
            return holder
        topic = DECREASE if removed else INCREASE
        named = (one for one in same if one.address == self.position_manager and one.topics[:1] == (topic,))
        token = next((one.topics[1] for one in named if one.index > log.index and len(one.topics) > 1), "")
        owner = self._positions.of_transaction(token, self.position_manager, same) if token else None
        if owner is not None:
            return owner
        collected = [one for one in same if removed and one.topics and one.topics[0] == COLLECT]
        receivers = [one.address_at(3) for one in collected if one.address == self._address]
        return next((one for one in receivers if one not in (NOBODY, self.position_manager)), None)


def make(watched: WatchedPool) -> ConcentratedPool:
    """A pool of which nothing has been read."""
    return ConcentratedPool(watched)
