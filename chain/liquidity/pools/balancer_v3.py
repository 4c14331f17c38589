"""Reads Balancer V3 pools from their Vault, by their address.

LiquidityAdded and LiquidityRemoved have raw amounts in the order of the pool's tokens. Source: VaultExtension.sol,
IVaultEvents.sol (balancer-v3-monorepo).
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, Reads, StateRead
from chain.blocks.standards import TRANSFER
from chain.events import Address
from chain.liquidity.balancer_vault import VaultPool
from chain.liquidity.balances import ONE, array_at, words_in
from chain.liquidity.pool import Move, words_of
from chain.watch import WatchedPool

KINDS = ("balancer_v3",)

ADDED = "0xa26a52d8d53702bba7f137907b8e1f99ff87f6d450144270ca25e72481cca871"
REMOVED = "0xfbe5b0d79fb94f1e81c0a92bf86ae9d3a19e9d1bf6202c0d3e75120f65d5d8a5"
SWAP_TOPICS = frozenset({topic_of("Swap(address,address,address,uint256,uint256,uint256,uint256)")})
VAULT = Address("0xba1333333333a1ba1108e8412f11850a5c319ba9")
POOL_TOKEN_INFO, FEE = "0x67e0e076", "0xd335b0cf"


class VaultV3Pool(VaultPool):
    """One pool of the V3 Vault."""

    def __init__(self, watched: WatchedPool) -> None:
        super().__init__(watched.address, FEE)
        self._vault = watched.manager or VAULT
        padded = watched.address[2:].rjust(64, "0")
        self.log_source = (self._vault, f"0x{padded}")
        self._tokens = CallBytes(self._vault, POOL_TOKEN_INFO + padded)

    def reads(self) -> Reads:
        """Three logs and the tokens' transfers; balances and shape in each block."""
        reads = frozenset({self._tokens}) | self.shape_reads()
        addresses = frozenset({self._vault, *self.tokens})
        return Reads(addresses=addresses, topics=frozenset({ADDED, REMOVED, TRANSFER}) | SWAP_TOPICS, state=reads)

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Moves by LiquidityAdded and LiquidityRemoved."""
        if log.topics[0] not in (ADDED, REMOVED):
            return None
        amounts = self.own(array_at(words_in(log.body), 1))
        if not any(amounts):
            return None
        return self.held.moved(amounts, log.address_at(1), removed=log.topics[0] == REMOVED)

    def on_state(self, state: StateRead) -> None:
        """getPoolTokenInfo: tokens, their kinds, raw balances, balances as 18 digits of value."""
        words = words_of(state, self._tokens)
        raw, live = array_at(words, 2), array_at(words, 3)
        scales = [value * ONE // held if held else 0 for held, value in zip(raw, live, strict=False)]
        self.take(array_at(words, 0), raw, scales, state)


def make(watched: WatchedPool) -> VaultV3Pool:
    """A pool of which nothing has been read."""
    return VaultV3Pool(watched)
