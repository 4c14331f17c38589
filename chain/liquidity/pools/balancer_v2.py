"""Reads Balancer V2 pools from their Vault, by their 32-byte id (whose first 20 bytes are the pool's address).

PoolBalanceChanged has tokens and signed changes; protocol fees taken on the way are no move. Source: Vault.sol,
PoolBalances.sol (v2-vault), StableMath.sol.
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.blocks.abi import topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallBytes, Reads, StateRead
from chain.blocks.standards import TRANSFER
from chain.events import Address
from chain.liquidity.balancer_vault import VaultPool
from chain.liquidity.balances import array_at, words_in
from chain.liquidity.drains import INTERNAL_BALANCE
from chain.liquidity.pool import Move, signed, words_of
from chain.watch import WatchedPool

KINDS = ("balancer_v2",)

CHANGED = "0xe5ce249087ce04f05a957192435400fd97868dba0e6a4b4c049abf8af80dae78"
SWAP_TOPICS = frozenset({topic_of("Swap(bytes32,address,address,uint256,uint256)")})
TOPICS = frozenset({CHANGED, TRANSFER, INTERNAL_BALANCE}) | SWAP_TOPICS
VAULT = Address("0xba12222222228d8ba445958a75a0704d566bf2c8")
POOL_TOKENS, SCALES, FEE = "0xf94d4668", "0x1dd746ea", "0x55c67628"


class VaultV2Pool(VaultPool):
    """One pool of the V2 Vault."""

    def __init__(self, watched: WatchedPool) -> None:
        pool = Address(watched.address[:42])
        super().__init__(pool, FEE)
        self._vault = watched.manager or VAULT
        self.log_source = (self._vault, watched.address)
        self._tokens = CallBytes(self._vault, POOL_TOKENS + watched.address[2:])
        self._scales = CallBytes(pool, SCALES)

    def reads(self) -> Reads:
        """Its logs and the tokens' transfers; balances and shape in each block."""
        reads = frozenset({self._tokens, self._scales}) | self.shape_reads()
        addresses = frozenset({self._vault, *self.tokens})
        return Reads(addresses=addresses, topics=TOPICS, state=reads)

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Moves by PoolBalanceChanged; a change with anything negative is a removal."""
        if log.topics[0] != CHANGED:
            return None
        changes = self.own([signed(one, 256) for one in array_at(words_in(log.body), 1)])
        if not any(changes):
            return None
        removed = any(one < 0 for one in changes)
        amounts = [max(-one if removed else one, 0) for one in changes]
        return self.held.moved(amounts, log.address_at(1), removed=removed)

    def on_state(self, state: StateRead) -> None:
        """getPoolTokens: tokens, balances, last change."""
        words = words_of(state, self._tokens)
        scales = array_at(words_of(state, self._scales), 0)
        self.take(array_at(words, 0), array_at(words, 1), scales, state)


def make(watched: WatchedPool) -> VaultV2Pool:
    """A pool of which nothing has been read."""
    return VaultV2Pool(watched)
