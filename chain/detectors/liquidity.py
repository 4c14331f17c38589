"""Liquidity that entered or left Uniswap V2 pools (and their many forks), with its share of the reserves before.

The pair tells Sync (reserves after) just before Mint and Burn, so that the reserves before follow from one block
alone. Who held the position: for Burn the last sender of pool tokens to the pair in that transaction (routers pass
them on), else Burn's `to`; for Mint who got the new pool tokens last. Source: UniswapV2Pair.sol (v2-core 1.0.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.block import Block, Log, Needs
from chain.detector import Watch
from chain.events import Address, LiquidityMoved, PlacedEvent

STAGE = 1
POOL_KINDS = ("uniswap_v2",)

MINT = "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
BURN = "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
NOBODY = Address("0x" + "0" * 40)


class Liquidity:
    """One network's V2 pools. It needs no memory: a block tells all."""

    def __init__(self, watch: Watch) -> None:
        self._pools = {
            pool.address: (pool.token0, pool.token1)
            for pool in watch.pools
            if pool.kind in POOL_KINDS and pool.token0 and pool.token1
        }

    def needs(self) -> Needs:
        """Four logs of each pool."""
        if not self._pools:
            return Needs()
        return Needs(addresses=frozenset(self._pools), topics=frozenset({MINT, BURN, SYNC, TRANSFER}))

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """Each Mint and Burn, with what the same transaction said before it."""
        found: list[PlacedEvent] = []
        before: list[Log] = []
        for log in block.logs:
            if log.address not in self._pools or not log.topics:
                continue
            if log.topics[0] in (MINT, BURN):
                same = [one for one in before if (one.transaction, one.address) == (log.transaction, log.address)]
                found.append(self._moved(block, log, same))
            before.append(log)
        return found

    def memory(self) -> bytes:
        """Nothing."""
        return b""

    def recall(self, memory: bytes) -> None:
        """Nothing to remember."""

    def _moved(self, block: Block, log: Log, before: Sequence[Log]) -> LiquidityMoved:
        removed = log.topics[0] == BURN
        token0, token1 = self._pools[log.address]
        assert token0 is not None
        assert token1 is not None
        first = len(log.topics) - 1  # Mint has one indexed argument, Burn two; the amounts come after
        amounts = (log.word(first), log.word(first + 1))
        return LiquidityMoved(
            place=block.place(log),
            seen_at=block.seen_at,
            event_id=block.event_id(log.index, "moved", log.address),
            pool=log.address,
            pool_kind="uniswap_v2",
            token0=token0,
            token1=token1,
            amount0=amounts[0],
            amount1=amounts[1],
            share=_share(amounts, before, removed=removed),
            removed=removed,
            owner=_owner(log, before, removed=removed),
        )


def _share(amounts: tuple[int, int], before: Sequence[Log], *, removed: bool) -> float:
    """The larger share of the two reserves before the change; 1 for a pool's first liquidity; 0 where no Sync came."""
    synced = next((log for log in reversed(before) if log.topics[0] == SYNC), None)
    if synced is None:
        return 0.0
    shares = [0.0]
    for position, amount in enumerate(amounts):
        reserve = synced.word(position) + (amount if removed else -amount)
        if amount:
            shares.append(amount / reserve if reserve > 0 else 1.0)
    return min(max(shares), 1.0)


def _owner(log: Log, before: Sequence[Log], *, removed: bool) -> Address | None:
    for one in reversed(before):
        if one.topics[0] == TRANSFER:
            sender, receiver = one.address_at(0), one.address_at(1)
            if removed and receiver == log.address:
                return sender
            if not removed and sender == NOBODY and receiver != NOBODY:
                return receiver
    return log.address_at(1) if removed else None


def make(watch: Watch) -> Liquidity:
    """The detector for this watch."""
    return Liquidity(watch)
