"""Simulates pools of several kinds: their reserves, their owners, and the logs of their moves."""

from __future__ import annotations

from math import isqrt

from chain.blocks.reads import AnyRead, CallBytes
from chain.blocks.standards import NOBODY, TRANSFER
from chain.events import Address
from chain.liquidity.balancer_vault import AMPLIFICATION, WEIGHTS
from chain.liquidity.pool import call
from chain.liquidity.pools import balancer_v2, curve, uniswap_v2, uniswap_v3
from chain.liquidity.tick_math import MAX_TICK, amounts_of, tick_at
from chain.watch import WatchedPool
from tests.chain.builders import topic, words
from tests.chain.histories.ledger import Spot
from tests.chain.histories.world import World, as_topic

SWAP_V2 = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
MANAGER = uniswap_v3.POSITION_MANAGER
Amounts = tuple[int, int]


def answer(*numbers: int) -> bytes:
    return words(*(one % (1 << 256) for one in numbers))


class SimulatedPool:
    """Two reserves and a pool token for shares of them. `exit` and `enter` return the position of the log."""

    kind = ""

    def __init__(self, world: World, at: Address, tokens: tuple[Address, Address], reserves: Amounts) -> None:
        self.world, self.address = world, at
        self.tokens: tuple[Address, ...] = tokens
        self.reserves = list(reserves)
        self.supply = isqrt(reserves[0] * reserves[1])
        self.holds = at
        """The holder of the tokens."""
        world.pools.append(self)
        world.contracts.add(at)

    @property
    def watched(self) -> WatchedPool:
        return WatchedPool(address=self.address, kind=self.kind, token0=self.tokens[0], token1=self.tokens[1])

    def answer(self, read: AnyRead) -> object | None:
        return None

    def fitting(self, most: Amounts) -> Amounts:
        """Returns the amounts of both tokens that the pool accepts at its price."""
        first = min(most[0], most[1] * self.reserves[0] // self.reserves[1])
        return first, min(first * self.reserves[1] // self.reserves[0], most[1])

    def part(self, share: float) -> int:
        """Returns the pool tokens for this share of all."""
        return int(self.supply * share)

    def _worth(self, tokens: int) -> Amounts:
        return self.reserves[0] * tokens // self.supply, self.reserves[1] * tokens // self.supply

    def _gone(self, tokens: int, amounts: Amounts) -> None:
        self.supply -= tokens
        self.reserves = [held - one for held, one in zip(self.reserves, amounts, strict=True)]

    def _come(self, amounts: Amounts) -> int:
        tokens = max(self.supply * one // held for one, held in zip(amounts, self.reserves, strict=True))
        self.supply += tokens
        self.reserves = [held + one for held, one in zip(self.reserves, amounts, strict=True)]
        return tokens


class Pair(SimulatedPool):
    """Uniswap V2: the pair burns the pool tokens it receives and sends the reserves to the address the caller names."""

    kind = "uniswap_v2"

    def answer(self, read: AnyRead) -> object | None:
        return answer(*self.reserves, 0) if read == CallBytes(self.address, uniswap_v2.GET_RESERVES) else None

    def exit(self, owner: Address, tokens: int, to: Address, through: Address | None = None) -> tuple[Spot, Amounts]:
        """`through`: the contract that forwards the pool tokens and makes the call."""
        world, amounts = self.world, self._worth(tokens)
        for sender, receiver in [(owner, through), (through, self.address)] if through else [(owner, self.address)]:
            assert sender is not None
            assert receiver is not None
            world.transfer(self.address, sender, receiver, tokens)
        world.transfer(self.address, self.address, NOBODY, tokens)
        for token, amount in zip(self.tokens, amounts, strict=True):
            world.transfer(token, self.address, to, amount)
        self._gone(tokens, amounts)
        world.log(self.address, uniswap_v2.SYNC, body=words(*self.reserves))
        spot = world.log(self.address, uniswap_v2.BURN, as_topic(through or owner), as_topic(to), body=words(*amounts))
        return spot, amounts

    def enter(self, payer: Address, most: Amounts, owner: Address, caller: Address) -> tuple[Spot, Amounts]:
        world = self.world
        fitting = self.fitting(most)
        arrived = [
            world.transfer(token, payer, self.address, one) for token, one in zip(self.tokens, fitting, strict=True)
        ]
        amounts = (arrived[0], arrived[1])
        tokens = self._come(amounts)
        world.transfer(self.address, NOBODY, owner, tokens)
        world.log(self.address, uniswap_v2.SYNC, body=words(*self.reserves))
        return world.log(self.address, uniswap_v2.MINT, as_topic(caller), body=words(*amounts)), fitting

    def swap(self, payer: Address, first: bool, amount: int, to: Address) -> int:
        """Returns the received amount. `first`: whether token0 is paid."""
        paid, got = (0, 1) if first else (1, 0)
        into = self.world.transfer(self.tokens[paid], payer, self.address, amount)
        out = self.reserves[got] * into * 997 // (self.reserves[paid] * 1000 + into * 997)
        self.world.transfer(self.tokens[got], self.address, to, out)
        self.reserves[paid] += into
        self.reserves[got] -= out
        self.world.log(self.address, uniswap_v2.SYNC, body=words(*self.reserves))
        flows = [into, 0, 0, out] if first else [0, into, out, 0]
        self.world.log(self.address, SWAP_V2, as_topic(payer), as_topic(to), body=words(*flows))
        return out


class Vaulted(SimulatedPool):
    """Balancer V2: equal weights, held by the Vault."""

    kind = "balancer_v2"

    def __init__(self, world: World, at: Address, tokens: tuple[Address, Address], reserves: Amounts) -> None:
        super().__init__(world, Address(f"{at}{2:04x}{0:020x}"), tokens, reserves)
        self.own, self.holds = at, balancer_v2.VAULT

    def answer(self, read: AnyRead) -> object | None:
        half = 5 * 10**17
        answers = {
            CallBytes(balancer_v2.VAULT, balancer_v2.POOL_TOKENS + self.address[2:]): answer(
                96, 192, 5, 2, *(int(one, 16) for one in self.tokens), 2, *self.reserves
            ),
            CallBytes(self.own, balancer_v2.SCALES): answer(32, 2, 10**18, 10**18),
            CallBytes(self.own, balancer_v2.FEE): answer(3 * 10**15),
            CallBytes(self.own, WEIGHTS): answer(32, 2, half, half),
        }
        return answers.get(read) if isinstance(read, CallBytes) and read.body != AMPLIFICATION else None

    def exit(self, owner: Address, tokens: int, to: Address, through: Address | None = None) -> tuple[Spot, Amounts]:
        amounts = self._worth(tokens)
        spot = self._changed(owner, [-one for one in amounts])
        for token, amount in zip(self.tokens, amounts, strict=True):
            self.world.transfer(token, self.holds, to, amount)
        self.world.transfer(self.own, owner, NOBODY, tokens)
        self._gone(tokens, amounts)
        return spot, amounts

    def enter(self, payer: Address, most: Amounts, owner: Address, caller: Address) -> tuple[Spot, Amounts]:
        spot = self._changed(payer, list(most))
        for token, amount in zip(self.tokens, most, strict=True):
            self.world.transfer(token, payer, self.holds, amount)
        self.world.transfer(self.own, NOBODY, owner, self._come(most))
        return spot, most

    def _changed(self, who: Address, deltas: list[int]) -> Spot:
        body = words(
            96, 192, 288, 2, *(int(one, 16) for one in self.tokens), 2, *(d % (1 << 256) for d in deltas), 2, 0, 0
        )
        return self.world.log(balancer_v2.VAULT, balancer_v2.CHANGED, self.address, as_topic(who), body=body)


class Stable(SimulatedPool):
    """A plain Curve pool of two coins."""

    kind = "curve"

    def answer(self, read: AnyRead) -> object | None:
        answers: dict[AnyRead, object] = {
            call(self.address, curve.AMPLIFICATION): 100,
            call(self.address, curve.FEE): 4 * 10**6,
        }
        for at, (token, held) in enumerate(zip(self.tokens, self.reserves, strict=True)):
            answers[call(self.address, curve.COINS, at)] = int(token, 16)
            answers[call(self.address, curve.BALANCES, at)] = held
            answers[call(token, curve.DECIMALS)] = 18
        return answers.get(read)

    def exit(self, owner: Address, tokens: int, to: Address, through: Address | None = None) -> tuple[Spot, Amounts]:
        amounts = self._worth(tokens)
        for token, amount in zip(self.tokens, amounts, strict=True):
            self.world.transfer(token, self.address, to, amount)
        self._gone(tokens, amounts)
        topics = next(one for one, count in curve.REMOVED.items() if count == 2)
        return self.world.log(self.address, topics, as_topic(owner), body=words(*amounts, 0, 0, self.supply)), amounts

    def enter(self, payer: Address, most: Amounts, owner: Address, caller: Address) -> tuple[Spot, Amounts]:
        for token, amount in zip(self.tokens, most, strict=True):
            self.world.transfer(token, payer, self.address, amount)
        self._come(most)
        topics = next(one for one, count in curve.ADDED.items() if count == 2)
        return self.world.log(self.address, topics, as_topic(payer), body=words(*most, 0, 0, 1, self.supply)), most


class Ranged(SimulatedPool):
    """Uniswap V3 behind its position manager; `tokens` of a share are liquidity of the position."""

    kind = "uniswap_v3"
    spacing = 60

    def __init__(self, world: World, at: Address, tokens: tuple[Address, Address], reserves: Amounts) -> None:
        super().__init__(world, at, tokens, reserves)
        self.price = isqrt((reserves[1] << 192) // reserves[0])
        self.at_tick = tick_at(self.price)
        self.middle = self.at_tick // self.spacing * self.spacing
        self.net: dict[int, int] = {}
        self.places: dict[int, tuple[int, int, int]] = {}
        self.next = 100
        edge = MAX_TICK // self.spacing * self.spacing
        self._modify(-edge, edge, self.supply)

    def answer(self, read: AnyRead) -> object | None:
        at = self.address
        active = sum(net for tick, net in self.net.items() if tick <= self.at_tick)
        answers: dict[AnyRead, object] = {
            CallBytes(at, uniswap_v3.SLOT0): answer(self.price, self.at_tick, 0, 0, 0, 0, 1),
            call(at, uniswap_v3.LIQUIDITY): active,
            call(at, uniswap_v3.SPACING): self.spacing,
            call(at, uniswap_v3.FEE): 3000,
        }
        if read in answers or getattr(read, "address", None) != at:
            return answers.get(read)
        reading = uniswap_v3.Reading(at)
        for tick, net in self.net.items():
            if read == reading.tick(tick):
                return answer(abs(net), net, 0, 0, 0, 0, 0, 1)
        for position in range(-60, 60):
            if read == reading.word(position):
                return sum(
                    1 << t // self.spacing - position * 256 for t in self.net if t // self.spacing >> 8 == position
                )
        return None

    def place(self, owner: Address, share: float, *, logged: bool, around: int = 1200) -> int:
        """Creates a position at the start; `logged`: whether its creation is visible in a log."""
        number, lower, upper = self.next, self.middle - around, self.middle + around
        self.next += 1
        self.places[number] = (lower, upper, int(self.supply * share))
        self._modify(lower, upper, self.places[number][2])
        if logged:
            liquidity = self.places[number][2]
            with self.world.transaction():
                self._minted(number, owner, liquidity, amounts_of(self.price, lower, upper, liquidity))
        return number

    def leave(self, number: int, share: float, to: Address, *, fees: Amounts = (0, 0)) -> tuple[Spot, Amounts]:
        """Decreases a position by a share and collects to `to` in one transaction, with the due fees."""
        world = self.world
        lower, upper, held = self.places[number]
        liquidity = int(held * share)
        amounts = amounts_of(self.price, lower, upper, liquidity)
        spot = world.log(self.address, uniswap_v3.BURN, *self._at(lower, upper), body=words(liquidity, *amounts))
        world.log(MANAGER, uniswap_v3.DECREASE, topic(number), body=words(liquidity, *amounts))
        self._modify(lower, upper, -liquidity)
        self.places[number] = (lower, upper, held - liquidity)
        self.collect(number, (amounts[0] + fees[0], amounts[1] + fees[1]), to)
        return spot, amounts

    def collect(self, number: int, amounts: Amounts, to: Address) -> None:
        lower, upper, _ = self.places[number]
        for token, amount in zip(self.tokens, amounts, strict=True):
            self.world.transfer(token, self.address, to, amount)
        body = words(int(to, 16), *amounts)
        self.world.log(self.address, uniswap_v3.COLLECT, *self._at(lower, upper), body=body)

    def enter(
        self, payer: Address, most: Amounts, owner: Address, caller: Address, around: int = 1200
    ) -> tuple[Spot, Amounts]:
        lower, upper = self.middle - around, self.middle + around
        unit = 10**30
        each = amounts_of(self.price, lower, upper, unit)
        liquidity = min(most[at] * unit // (each[at] + 1) for at in (0, 1))
        amounts = amounts_of(self.price, lower, upper, liquidity)
        for token, amount in zip(self.tokens, amounts, strict=True):
            self.world.transfer(token, payer, self.address, amount)
        number, self.next = self.next, self.next + 1
        self.places[number] = (lower, upper, liquidity)
        self._modify(lower, upper, liquidity)
        return self._minted(number, owner, liquidity, amounts), amounts

    def _minted(self, number: int, owner: Address, liquidity: int, amounts: Amounts) -> Spot:
        lower, upper, _ = self.places[number]
        body = words(int(MANAGER, 16), liquidity, *amounts)
        spot = self.world.log(self.address, uniswap_v3.MINT, *self._at(lower, upper), body=body)
        self.world.log(MANAGER, TRANSFER, topic(0), as_topic(owner), topic(number))
        self.world.log(MANAGER, uniswap_v3.INCREASE, topic(number), body=words(liquidity, *amounts))
        return spot

    def _at(self, lower: int, upper: int) -> list[str]:
        return [topic(one % (1 << 256)) for one in (int(MANAGER, 16), lower, upper)]

    def _modify(self, lower: int, upper: int, delta: int) -> None:
        for tick, change in ((lower, delta), (upper, -delta)):
            self.net[tick] = self.net.get(tick, 0) + change
            if not self.net[tick]:
                del self.net[tick]
