"""Simulates owners whose liquidity a contract moves: migrators, zaps, gauges, routers."""

from __future__ import annotations

from chain.blocks.standards import NOBODY
from chain.events import Address
from chain.liquidity.pools import uniswap_v2
from tests.chain.builders import words
from tests.chain.histories.people import Person
from tests.chain.histories.pools import Pair, SimulatedPool
from tests.chain.histories.stage import MINUTE, Stage, parts
from tests.chain.histories.world import RIFT, ROUTER, WETH, Behaviour, World, as_topic


def moves_at_once(stage: Stage, migrator: Address | None = None) -> Behaviour:
    """A contract receives the pool tokens, removes, adds to another pool and refunds, in one transaction."""
    world, rng = stage.world, stage.world.rng
    here = rng.choice(stage.pairs)
    there = rng.choice([one for one in stage.main if one is not here])
    one, middle = stage.lp(here), migrator or world.contract()
    yield 10 * MINUTE
    with world.transaction():
        _carried(world, one, here, there, middle, rng.uniform(0.6, 1))


def _carried(world: World, one: Person, here: Pair, there: SimulatedPool, middle: Address, part: float) -> None:
    tokens = one.holds[here.address]
    spot, amounts = here.exit(one.at, tokens, middle)
    world.ledger.left(one.purse, spot, here.address, dict(zip(here.tokens, amounts, strict=True)), world.now_s)
    most = parts(amounts, part)
    entered, sent = there.enter(middle, most, one.at, middle)  # type: ignore[attr-defined]
    one.entered(there, entered, sent)
    for token, left in zip(here.tokens, (amounts[at] - sent[at] for at in (0, 1)), strict=True):
        world.transfer(token, middle, one.at, left)


def zaps(stage: Stage) -> Behaviour:
    """A contract removes, sells part of one token for the other in a third pool and adds the result."""
    world, rng = stage.world, stage.world.rng
    here, market = rng.sample(stage.pairs, 2)
    there = rng.choice([one for one in stage.main if one not in (here, market)])
    one, zap = stage.lp(here), world.contract()
    yield 10 * MINUTE
    with world.transaction():
        world.transfer(here.address, one.at, zap, one.holds[here.address])
        owner, one.at = one.at, zap
        one.leave(here)
        one.sell(market, WETH, rng.uniform(0.05, 0.3))
        one.enter(there, owner=owner)
        for token in (RIFT, WETH):
            world.transfer(token, zap, owner, one.funds[token])
        one.at = owner


def unstakes_and_moves(stage: Stage) -> Behaviour:
    """Pool tokens are staked in a gauge; they are returned and burnt, and the new ones go into another gauge."""
    world, rng = stage.world, stage.world.rng
    here, there = rng.sample(stage.pairs, 2)
    one, gauges = stage.lp(here), (world.contract(), world.contract())
    yield 10 * MINUTE
    with world.transaction():
        world.transfer(here.address, gauges[0], one.at, one.holds[here.address])
    yield rng.uniform(0.2, 5) * MINUTE
    with world.transaction():
        one.leave(here)
    yield rng.uniform(0.2, 20) * MINUTE
    with world.transaction():
        one.enter(there)
    with world.transaction():
        world.transfer(there.address, one.at, gauges[1], there.part(0.001))


def moves_all_its_members(stage: Stage) -> Behaviour:
    """The migrator of a company moves the shares of many owners, several in each transaction."""
    world, rng = stage.world, stage.world.rng
    here = rng.choice(stage.pairs)
    there = rng.choice([one for one in stage.main if one is not here])
    members = [stage.lp(here, 0.001, 0.03) for _ in range(rng.randint(3, 9))]
    migrator = world.contract()
    yield 10 * MINUTE
    while members:
        with world.transaction():
            for one in [members.pop() for _ in range(min(len(members), 3))]:
                _carried(world, one, here, there, migrator, 1.0)
        yield rng.uniform(0, 2) * MINUTE


def passes_through_the_networks_coin(stage: Stage) -> Behaviour:
    """The router unwraps on the way out and wraps on the way in."""
    world, rng = stage.world, stage.world.rng
    here, there = rng.sample(stage.pairs, 2)
    one = stage.lp(here)
    yield 10 * MINUTE
    with world.transaction():
        user, one.at = one.at, ROUTER
        world.transfer(here.address, user, ROUTER, one.holds[here.address])
        one.leave(here)
        one.at = user
        world.transfer(RIFT, ROUTER, user, one.funds[RIFT])
        one.unwrap(ROUTER)
    yield rng.uniform(0.3, 20) * MINUTE
    if rng.random() < 0.7:
        with world.transaction():
            fitting = there.fitting((one.funds[RIFT], one.funds[WETH]))
            world.wrap(ROUTER, fitting[1])
            spot = _paid_by_two(there, user, ROUTER, fitting)
            one.entered(there, spot, fitting)


def _paid_by_two(pool: Pair, first: Address, second: Address, amounts: tuple[int, int]) -> tuple[int, int]:
    """The token comes from the user, the wrapped coin from the router."""
    world = pool.world
    world.transfer(pool.tokens[0], first, pool.address, amounts[0])
    world.transfer(pool.tokens[1], second, pool.address, amounts[1])
    tokens = pool._come(amounts)
    world.transfer(pool.address, NOBODY, first, tokens)
    world.log(pool.address, uniswap_v2.SYNC, body=words(*pool.reserves))
    return world.log(pool.address, uniswap_v2.MINT, as_topic(second), body=words(*amounts))


def moves_all_its_members_in_one_go(stage: Stage) -> Behaviour:
    """A migrator first removes the liquidity of all members and then adds that of each one, in one transaction."""
    world, rng = stage.world, stage.world.rng
    here = rng.choice(stage.pairs)
    there = rng.choice([one for one in stage.main if one is not here])
    members, middle = [stage.lp(here, 0.001, 0.03) for _ in range(rng.randint(2, 6))], world.contract()
    yield 10 * MINUTE
    with world.transaction():
        took = []
        for one in members:
            spot, amounts = here.exit(one.at, one.holds[here.address], middle)
            by_token = dict(zip(here.tokens, amounts, strict=True))
            world.ledger.left(one.purse, spot, here.address, by_token, world.now_s)
            took.append(amounts)
        for one, amounts in zip(members, took, strict=True):
            entered, sent = there.enter(middle, amounts, one.at, middle)  # type: ignore[attr-defined]
            one.entered(there, entered, sent)
            for token, left in zip(here.tokens, (amounts[at] - sent[at] for at in (0, 1)), strict=True):
                world.transfer(token, middle, one.at, left)
