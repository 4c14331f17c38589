"""Simulates the actions of one person, with one or more addresses, in simulated pools and records them in the ledger."""

from __future__ import annotations

from collections import defaultdict

from chain.events import Address
from tests.chain.histories.ledger import BRIDGE, SOLD, WALLETS, Purse, Spot
from tests.chain.histories.pools import Amounts, Pair, Ranged, SimulatedPool, Stable, Vaulted
from tests.chain.histories.world import BRIDGES, ROUTER, TAXED, WETH, World


class Person:
    """`at` is the current address; `funds` is its amount of each token."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.at = world.someone()
        self.purse = Purse()
        self.funds: dict[Address, int] = defaultdict(int)
        self.holds: dict[Address, int] = {}
        """Amount of pool tokens, or the number of a position."""

    def begin(self, pool: SimulatedPool, share: float) -> None:
        """Owns a part of a pool from the start."""
        if isinstance(pool, Ranged):
            self.holds[pool.address] = pool.place(self.at, share, logged=self.world.rng.random() < 0.5)
        else:
            self.holds[pool.address] = pool.part(share)

    def leave(
        self,
        pool: SimulatedPool,
        part: float = 1.0,
        *,
        to: Address | None = None,
        via: Address | None = None,
        fees: float = 0,
    ) -> Amounts:
        """Removes a part of the liquidity. `via`: a contract that receives the tokens in between."""
        world, receiver = self.world, to or self.at
        held = self.holds[pool.address]
        if isinstance(pool, Ranged):
            due = (int(world.rng.uniform(0, fees) * 10**18), 0)
            spot, amounts = pool.leave(held, part, via or receiver, fees=due)
        else:
            assert isinstance(pool, Pair | Vaulted | Stable)
            tokens = int(held * part)
            self.holds[pool.address] = held - tokens
            passes = (via or ROUTER) if isinstance(pool, Pair) else None
            spot, amounts = pool.exit(self.at, tokens, via or receiver, passes)
        self._took(pool, spot, amounts)
        arrived = [one - one // 20 if token == TAXED else one for token, one in zip(pool.tokens, amounts, strict=True)]
        if via:
            arrived = [
                world.transfer(token, via, receiver, one) for token, one in zip(pool.tokens, arrived, strict=True)
            ]
        for token, one, whole in zip(pool.tokens, arrived, amounts, strict=True):
            self.funds[token] += one
            if one < whole:
                world.ledger.spent(self.purse, token, whole - one, WALLETS, world.now_s)
        return amounts

    def took_nothing_lasting(self, spot: Spot) -> None:
        self.world.ledger.fleeting(self.purse, spot)

    def enter(self, pool: SimulatedPool, most: Amounts | None = None, *, owner: Address | None = None) -> Spot:
        """Adds as much of both tokens as the pool accepts, by default from all funds."""
        wanted = most or (self.funds[pool.tokens[0]], self.funds[pool.tokens[1]])
        assert isinstance(pool, Pair | Vaulted | Stable | Ranged)
        spot, sent = pool.enter(self.at, wanted, owner or self.at, ROUTER)
        self.entered(pool, spot, sent)
        if not isinstance(pool, Ranged):
            self.holds[pool.address] = self.holds.get(pool.address, 0) + pool.supply // 100
        else:
            self.holds[pool.address] = pool.next - 1
        return spot

    def entered(self, pool: SimulatedPool, spot: Spot, sent: Amounts) -> None:
        """Records the addition in the ledger."""
        world, amounts = self.world, {}
        for token, one in zip(pool.tokens, sent, strict=True):
            tax = one // 20 if token == TAXED else 0
            amounts[token] = one - tax
            self.funds[token] -= one
        world.ledger.entered(self.purse, spot, pool.address, amounts, world.now_s)
        for token, one in zip(pool.tokens, sent, strict=True):
            if one > amounts[token]:
                world.ledger.spent(self.purse, token, one - amounts[token], WALLETS, world.now_s)

    def cross(self, token: Address, part: float = 1.0) -> None:
        """Sends funds over a bridge."""
        amount = int(self.funds[token] * part)
        self.world.transfer(token, self.at, self.world.rng.choice(BRIDGES), amount)
        self.funds[token] -= amount
        self.world.ledger.spent(self.purse, token, amount, BRIDGE, self.world.now_s)

    def pay(self, token: Address, to: Address, part: float = 1.0) -> None:
        """Sends funds to another owner: a deposit address of an exchange is a wallet, a lending contract explains nothing."""
        amount = int(self.funds[token] * part)
        self.world.transfer(token, self.at, to, amount)
        self.funds[token] -= amount
        bucket = SOLD if to in self.world.contracts else WALLETS
        self.world.ledger.spent(self.purse, token, amount, bucket, self.world.now_s)

    def sell(self, pair: Pair, token: Address, part: float) -> None:
        """Swaps a part of the funds in a pair."""
        amount = int(self.funds[token] * part)
        first = pair.tokens[0] == token
        got = pair.swap(self.at, first, amount, self.at)
        self.funds[token] -= amount
        self.funds[pair.tokens[1] if first else pair.tokens[0]] += got
        self.world.ledger.spent(self.purse, token, amount, SOLD, self.world.now_s)

    def unwrap(self, holder: Address) -> None:
        """Receives the native coin from a router instead of its token: the token is no longer visible."""
        self.world.unwrap(holder, self.funds[WETH])

    def _took(self, pool: SimulatedPool, spot: Spot, amounts: Amounts) -> None:
        world = self.world
        by_token = dict(zip(pool.tokens, amounts, strict=True))
        world.ledger.left(self.purse, spot, pool.address, by_token, world.now_s)
        self.last = spot
