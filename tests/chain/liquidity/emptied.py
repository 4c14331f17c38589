"""Empties simulated pools without a removal of liquidity, and returns the events of all detectors."""

from __future__ import annotations

from collections.abc import Callable

from chain.blocks.standards import NOBODY
from chain.events import Address, PlacedEvent, PoolDrained
from chain.liquidity.pools import balancer_v2, uniswap_v2, uniswap_v3
from chain.liquidity.tick_math import sqrt_price_at
from chain.sync.detector_set import DetectorSet
from chain.watch import Watch
from tests.chain.builders import address, words
from tests.chain.histories.pools import Pair, Ranged, SimulatedPool, Stable, Vaulted
from tests.chain.histories.world import RIFT, WETH, Behaviour, World, as_topic

UNIT = 10**18
HELD = (10**6 * UNIT, 500 * UNIT)
THIEF = address(0xBAD)
BALANCER_SWAP = "0x2170c741c41531aec20e7c107c24eecfdd15e69c9bb0a8dd37b1840b9e0b207b"
INTERNAL = "0x18e1ea4139e68413d7d08aa752e71568e36b2c5bf940893314c2c5b01eaa0c42"
"""Swap and InternalBalanceChanged of Balancer's Vault, as they are on the chain."""
CURVE_SWAP = "0x8b3e96f2b889fa771c53c981b40daf005f63f637f1869f707052d15a3dd97140"
Act = Callable[[World], Behaviour]


def pair(world: World, at: int = 0xC1) -> Pair:
    return Pair(world, address(at), (RIFT, WETH), HELD)


def ranged(world: World) -> Ranged:
    return Ranged(world, address(0xD1), (RIFT, WETH), HELD)


def vaulted(world: World) -> Vaulted:
    return Vaulted(world, address(0xE1), (RIFT, WETH), HELD)


def stable(world: World) -> Stable:
    return Stable(world, address(0xE2), (RIFT, WETH), (10**6 * UNIT, 10**6 * UNIT))


def told(world: World, *behaviours: Behaviour, warm: int = 12) -> list[PlacedEvent]:
    """Runs these behaviours through all detectors."""
    detectors = DetectorSet(Watch(pools=tuple(one.watched for one in world.pools)))
    return [
        event
        for number in world.run(list(behaviours), warm=warm)
        for event in detectors.on_block(world.block(number, detectors.reads()))
    ]


def drains(world: World, *behaviours: Behaviour) -> list[PoolDrained]:
    """The drains among them."""
    return [event for event in told(world, *behaviours) if isinstance(event, PoolDrained)]


def price_moves(pool: Ranged, to_tick: int, liquidity: int, by: Address = THIEF) -> None:
    """One swap that ends at this tick, where so much liquidity is active."""
    world, sold = pool.world, to_tick < pool.at_tick
    pool.price, pool.at_tick = sqrt_price_at(to_tick), to_tick
    paid, got = (0, 1) if sold else (1, 0)
    world.transfer(pool.tokens[paid], by, pool.address, HELD[paid])
    world.transfer(pool.tokens[got], pool.address, by, HELD[got] * 9 // 10)
    body = words(0, 0, pool.price, liquidity, to_tick % (1 << 256))
    world.log(pool.address, uniswap_v3.SWAP, as_topic(by), as_topic(by), body=body)


def vault_swaps(pool: Vaulted, left: float, by: Address = THIEF) -> None:
    """Swaps that leave this part of both reserves, paid out as internal balance: no token moves."""
    world = pool.world
    for token, held in zip(pool.tokens, pool.reserves, strict=True):
        out = held - int(held * left)
        world.log(balancer_v2.VAULT, BALANCER_SWAP, pool.address, as_topic(WETH), as_topic(token), body=words(1, out))
        world.log(balancer_v2.VAULT, INTERNAL, as_topic(by), as_topic(token), body=words(out))
    pool.reserves = [int(held * left) for held in pool.reserves]


def curve_swap(pool: Stable, out: float, by: Address = THIEF) -> None:
    """Sells so much of the first coin that this part of the second leaves."""
    world, amount = pool.world, int(pool.reserves[1] * out)
    world.transfer(pool.tokens[0], by, pool.address, amount)
    world.transfer(pool.tokens[1], pool.address, by, amount)
    pool.reserves = [pool.reserves[0] + amount, pool.reserves[1] - amount]
    world.log(pool.address, CURVE_SWAP, as_topic(by), body=words(0, amount, 1, amount))


def synced(pool: SimulatedPool, reserves: tuple[int, int]) -> None:
    """The pair takes what it holds for its reserves."""
    pool.reserves = list(reserves)
    pool.world.log(pool.address, uniswap_v2.SYNC, body=words(*reserves))


def burnt(pool: Pair, units: int, to: Address = NOBODY) -> None:
    """The token burns what the pair holds, and the pair is synced."""
    pool.world.transfer(RIFT, pool.address, to, units)
    synced(pool, (pool.reserves[0] - units, pool.reserves[1]))


def swapped(pool: Pair, paid: int, *, first: bool = True, by: Address = THIEF) -> int:
    """One swap in its own transaction; returns what was received."""
    with pool.world.transaction():
        return pool.swap(by, first, paid, by)
