"""Reads Curve's pools: plain stable-swap pools with their depth; others (crypto pools) by their balances alone.

The pool answers the parameters of the price: coins, A, fee, and gamma (which only crypto pools have). Old pools count
coins by int128. Coins that earn (rates other than 1) and metapools count at their face value. If a log does not
name the coin that left, it is joined with the coin's own Transfer. Source: the Vyper sources in curve-contract,
stableswap-ng and curve-crypto-contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from chain.blocks.abi import address_of, topic_of
from chain.blocks.block import Log
from chain.blocks.reads import CallWord, Reads, StateRead
from chain.blocks.standards import TRANSFER
from chain.events import Address
from chain.liquidity.balances import Balances, Shape, array_at, words_in
from chain.liquidity.depth import Depth
from chain.liquidity.pool import Move, call, signed
from chain.watch import WatchedPool

KINDS = ("curve",)

ADDED = {
    "0x26f55a85081d24974e85c6c00045d0f0453991e95873f52bff0d21af4079a768": 2,
    "0x423f6495a08fc652425cf4ed0d1f9e37e571d9b9529b1c1c23cce780b2e7df0d": 3,
    "0x3f1915775e0c9a38a57a7bb7f1f9005f486fb904e1f84aa215364d567319a58d": 4,
    "0x540ab385f9b5d450a27404172caade516b3ba3f4be88239ac56a2ad1de2a1f5a": 2,
    "0x7196cbf63df1f2ec20638e683ebe51d18260be510592ee1e2efe3f3cfd4c33e9": 2,
    "0x96b486485420b963edd3fdec0b0195730035600feb7de6f544383d7950fa97ee": 3,
    "0x189c623b666b1b45b83d7178f39b8c087cb09774317ca2f53c2d3c3726f222a2": 0,
}
"""AddLiquidity in its forms, with the number of amounts in it (0: a dynamic array)."""
REMOVED = {
    "0x7c363854ccf79623411f8995b362bce5eddff18c927edc6f5dbbb5e05819a82c": 2,
    "0xa49d4cf02656aebf8c771f5a8585638a2a15ee6c97cf7205d4208ed7c1df252d": 3,
    "0x9878ca375e106f2a43c3b599fc624568131c4c9a4ba66a14563715763be9d59d": 4,
    "0xdd3c0336a16f1b64f172b7bb0dad5b2b3c7c76f91e8c4aafd6aae60dce800153": 2,
    "0xd6cc314a0b1e3b2579f8e64248e82434072e8271290eef8ad0886709304195f5": 3,
    "0x2b5508378d7e19e0d5fa338419034731416c4f5b219a10379956f764317fd47e": 2,
    "0x173599dbf9c6ca6f7c3b590df07ae98a45d74ff54065505141e7de6c46a624c2": 3,
    "0xb964b72f73f5ef5bf0fdc559b2fab9a7b12a39e47817a547f1f0aee47febd602": 4,
    "0x347ad828e58cbe534d8f6b67985d791360756b18f0d95fd9f197a66cc46480ea": 0,
    "0x3631c28b1f9dd213e0319fb167b554d76b6c283a41143eb400a0d1adb1af1755": 0,
}
"""RemoveLiquidity and RemoveLiquidityImbalance in their forms."""
ONE_OLD = "0x9e96dd3b997a2a257eec4df9bb6eaf626e206df5f543bd963682d143300be310"
ONE = "0x5ad056f2e28a8cec232015406b843668c1e36cda598127ec3b8c59b8c72773a0"
ONE_NAMED = "0x6f48129db1f37ccb9cc5dd7e119cb32750cabdf75b48375d730d26ce3659bbe1"
SWAP_TOPICS = frozenset(
    {
        topic_of("TokenExchange(address,int128,uint256,int128,uint256)"),
        topic_of("TokenExchange(address,uint256,uint256,uint256,uint256)"),
        topic_of("TokenExchange(address,uint256,uint256,uint256,uint256,uint256,uint256)"),
    }
)
TOPICS = frozenset({*ADDED, *REMOVED, ONE_OLD, ONE, ONE_NAMED, TRANSFER}) | SWAP_TOPICS

COINS, OLD_COINS, BALANCES, OLD_BALANCES = "0xc6610657", "0x23746eb8", "0x4903b0d1", "0x065a80d8"
AMPLIFICATION, FEE, GAMMA, DECIMALS = "0xf446c1d0", "0xddca3f43", "0xb1373929", "0x313ce567"
MAX_COINS = 8
NATIVE = Address("0x" + "e" * 40)
"""The address that Curve uses for ether among its coins."""


class CurvePool:
    """One pool; its memory is its coins, its form, and its balances."""

    position_manager: Address | None = None

    def __init__(self, watched: WatchedPool) -> None:
        self._address = watched.address
        self.tokens: tuple[Address, ...] = watched.tokens
        self.log_source = (watched.address, "")
        self._held = Balances()
        self._old = False
        self._crypto = False

    def reads(self) -> Reads:
        """Its logs, its coins' transfers, and its balances in each block."""
        addresses = frozenset({self._address, *(one for one in self.tokens if one != NATIVE)})
        reads = {call(self._address, selector) for selector in (AMPLIFICATION, FEE)}
        if self._held.now is None:
            reads |= {call(self._address, coins, at) for coins in (COINS, OLD_COINS) for at in range(MAX_COINS)}
            reads.add(call(self._address, GAMMA))
        reads |= {self._balance(at) for at in range(len(self.tokens))}
        if len(self._held.shape.scales) != len(self.tokens):
            reads |= {call(one, DECIMALS) for one in self.tokens if one != NATIVE}
        return Reads(addresses=addresses, topics=TOPICS, state=frozenset(reads))

    def on_log(self, log: Log, same: Sequence[Log]) -> Move | None:
        """Moves by AddLiquidity and RemoveLiquidity in all their forms."""
        topic = log.topics[0]
        amounts: list[int] | None = None
        if topic in ADDED or topic in REMOVED:
            count = ADDED.get(topic, 0) or REMOVED.get(topic, 0)
            amounts = [log.word(1 + at) for at in range(count)] or list(array_at(words_in(log.body), 0))
        elif topic in (ONE, ONE_OLD, ONE_NAMED):
            amounts = self._single(log, same)
        if not amounts or len(amounts) != len(self.tokens) or not any(amounts):
            return None
        return self._held.moved(amounts, log.address_at(0), removed=topic not in ADDED)

    def on_state(self, state: StateRead) -> None:
        """Coins first, then balances and the parameters of the price."""
        if self._held.now is None and any(call(self._address, one, 0) in state for one in (COINS, OLD_COINS)):
            self._old = call(self._address, COINS, 0) not in state
            self._crypto = call(self._address, GAMMA) in state
            selector = OLD_COINS if self._old else COINS
            self.tokens = tuple(address_of(word) for word in _leading(state, self._address, selector))
        balances = [state.get(self._balance(at)) for at in range(len(self.tokens))]
        read = tuple(one for one in balances if one is not None)
        if not read or len(read) != len(balances):
            return
        self._held.now = read
        scales = self._held.shape.scales or self._scales(state)
        amplification = 0 if self._crypto else (state.get(call(self._address, AMPLIFICATION)) or 0)
        fee_ppm = (state.get(call(self._address, FEE)) or 0) // 10_000
        self._held.shape = Shape(scales=scales, fee_ppm=fee_ppm, amplification=amplification)

    def depth(self, bps: int) -> tuple[int, ...] | None:
        """By the stable-swap invariant; None for crypto pools."""
        return self._held.depth(bps)

    def trades(self, bps: int) -> Depth | None:
        """None: the depth is by formula, not to the last unit."""
        return None

    def reserves(self) -> tuple[int, ...] | None:
        """As last read."""
        return self._held.now

    def on_position_transfer(self, log: Log) -> None:
        """Do nothing: it has no positions."""

    def tick(self) -> int | None:
        """None: it has no ticks."""
        return None

    def memory(self) -> Any:
        """Coins, form, balances."""
        return [list(self.tokens), self._old, self._crypto, self._held.memory()]

    def recall(self, plain: Any) -> None:
        """Restore the memory that `memory` gave."""
        tokens, self._old, self._crypto, held = plain
        self.tokens = tuple(Address(one) for one in tokens)
        self._held.recall(held)

    def _balance(self, at: int) -> CallWord:
        return call(self._address, OLD_BALANCES if self._old else BALANCES, at)

    def _scales(self, state: StateRead) -> tuple[int, ...]:
        digits = [18 if one == NATIVE else state.get(call(one, DECIMALS)) for one in self.tokens]
        known = [one for one in digits if one is not None and one <= 36]
        return tuple(10 ** (36 - one) for one in known) if len(known) == len(digits) else ()

    def _single(self, log: Log, same: Sequence[Log]) -> list[int] | None:
        if log.topics[0] == ONE_NAMED:
            at, amount = signed(log.word(1), 128), log.word(3)
        elif log.topics[0] == ONE and self._crypto:
            at, amount = log.word(2), log.word(3)
        else:
            amount = log.word(2)
            paid = [
                one.address
                for one in same
                if one.topics[:1] == (TRANSFER,) and one.address_at(0) == self._address and one.word(2) == amount
            ]
            at = next((self.tokens.index(one) for one in paid if one in self.tokens), -1)
            if at < 0 and NATIVE in self.tokens:
                at = self.tokens.index(NATIVE)
        if not 0 <= at < len(self.tokens):
            return None
        return [amount if one == at else 0 for one in range(len(self.tokens))]


def _leading(state: StateRead, address: Address, selector: str) -> list[int]:
    words = ((state.get(call(address, selector, at)) or 0) for at in range(MAX_COINS))
    return list(takewhile(bool, words))


def make(watched: WatchedPool) -> CurvePool:
    """A pool of which nothing has been read."""
    return CurvePool(watched)
