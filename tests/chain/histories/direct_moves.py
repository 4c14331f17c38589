"""Simulates owners who move their liquidity themselves."""

from __future__ import annotations

from chain.blocks.standards import TRANSFER
from tests.chain.builders import topic
from tests.chain.histories.people import Person
from tests.chain.histories.pools import MANAGER
from tests.chain.histories.stage import HOUR, MINUTE, Stage, parts
from tests.chain.histories.world import RIFT, USDC, WETH, Behaviour, as_topic


def moves(stage: Stage) -> Behaviour:
    """Removes from one pool and adds to another some minutes later; the surplus at the new price stays in the wallet."""
    rng = stage.world.rng
    here, there = stage.two()
    one = stage.lp(here)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(here, rng.uniform(0.4, 1))
    yield rng.uniform(0.2, 40) * MINUTE
    part = rng.choice((1.0, 1.0, rng.uniform(0.5, 0.95)))
    with stage.world.transaction():
        one.enter(there, parts((one.funds[RIFT], one.funds[WETH]), part))


def sells_some_and_moves(stage: Stage) -> Behaviour:
    """Sells some and moves the other part, in three transactions."""
    rng = stage.world.rng
    here, there = stage.two()
    one, market = stage.lp(here), rng.choice(stage.pairs)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(here)
    yield rng.uniform(0.2, 5) * MINUTE
    with stage.world.transaction():
        one.sell(market, rng.choice((RIFT, WETH)), rng.uniform(0.1, 0.5))
    yield rng.uniform(0.2, 10) * MINUTE
    with stage.world.transaction():
        one.enter(there)


def hands_its_position_on(stage: Stage) -> Behaviour:
    """Sends the NFT to a safe, which withdraws days later and moves the liquidity or holds it."""
    world, rng, pool = stage.world, stage.world.rng, stage.ranged
    one = stage.lp(pool)
    yield 10 * MINUTE
    safe = world.contract()
    with world.transaction():
        world.log(MANAGER, TRANSFER, as_topic(one.at), as_topic(safe), topic(one.holds[pool.address]))
    one.at = safe
    yield rng.uniform(0.1, 30) * HOUR
    with world.transaction():
        one.leave(pool, fees=2)
    if rng.random() < 0.6:
        yield rng.uniform(1, 40) * MINUTE
        with world.transaction():
            one.enter(rng.choice(stage.pairs))


def comes_back_slowly(stage: Stage) -> Behaviour:
    """Removes everything and adds it to another pool in small parts over days."""
    rng = stage.world.rng
    here, there = stage.two()
    one = stage.lp(here, 0.03)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(here)
    whole = (one.funds[RIFT], one.funds[WETH])
    for _ in range(rng.randint(2, 3)):
        yield rng.uniform(2, 20) * HOUR
        part = rng.uniform(0.2, 0.3)
        with stage.world.transaction():
            one.enter(there, parts(whole, part))


def goes_in_and_out(stage: Stage) -> Behaviour:
    """A bot that adds and removes round amounts in several pools; similar bots do the same at the same time."""
    world, rng = stage.world, stage.world.rng
    pools = rng.sample(stage.pairs, 2)
    one = Person(world)
    one.funds[RIFT], one.funds[WETH] = 10**22, 10**22
    yield 10 * MINUTE
    for at in range(rng.randint(2, 4)):
        pool, before = pools[at % 2], pools[at % 2].supply
        with world.transaction():
            one.enter(pool, (10**22, 10**22))
        one.holds[pool.address] = pool.supply - before
        yield rng.uniform(3, 8) * MINUTE
        with world.transaction():
            one.leave(pool)
        yield rng.uniform(0.2, 2) * MINUTE


def moves_a_taxed_token(stage: Stage) -> Behaviour:
    """Moves a token that pays a twentieth of each transfer to its treasury."""
    rng = stage.world.rng
    here, there = rng.sample(stage.taxed, 2)
    one = stage.lp(here)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(here)
    yield rng.uniform(0.3, 20) * MINUTE
    with stage.world.transaction():
        one.enter(there)


def goes_on_from_another_address(stage: Stage) -> Behaviour:
    """Sends the removed tokens, at once or later, to a second wallet, which adds them."""
    world, rng = stage.world, stage.world.rng
    here, there = stage.two()
    one, second = stage.lp(here), world.someone()
    yield 10 * MINUTE
    if rng.random() < 0.5:
        with world.transaction():
            one.leave(here, to=second)
        one.at = second
    else:
        with world.transaction():
            one.leave(here)
        yield rng.uniform(0.2, 5) * MINUTE
        for token in (RIFT, WETH):
            with world.transaction():
                world.transfer(token, one.at, second, one.funds[token])
        one.at = second
    yield rng.uniform(0.2, 20) * MINUTE
    with world.transaction():
        one.enter(there)


def splits(stage: Stage) -> Behaviour:
    """Moves from one pool into two."""
    rng = stage.world.rng
    here, first, second = rng.sample(stage.main, 3)
    one = stage.lp(here, 0.02)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(here)
    part = rng.uniform(0.3, 0.7)
    yield rng.uniform(0.2, 10) * MINUTE
    with stage.world.transaction():
        one.enter(first, parts((one.funds[RIFT], one.funds[WETH]), part))
    yield rng.uniform(0.2, 10) * MINUTE
    with stage.world.transaction():
        one.enter(second)


def gathers(stage: Stage) -> Behaviour:
    """Moves from two pools into one."""
    rng = stage.world.rng
    first, second, there = rng.sample(stage.main, 3)
    one = stage.lp(first)
    one.begin(second, rng.uniform(0.005, 0.1))
    yield 10 * MINUTE
    for pool in (first, second):
        with stage.world.transaction():
            one.leave(pool)
        yield rng.uniform(0.2, 10) * MINUTE
    with stage.world.transaction():
        one.enter(there)


def changes_the_quote(stage: Stage) -> Behaviour:
    """Moves from a WETH pool into a USDC pool, with own dollars."""
    world, rng, here = stage.world, stage.world.rng, stage.world.rng.choice(stage.main)
    one = stage.lp(here)
    yield 10 * MINUTE
    with world.transaction():
        one.leave(here)
    yield rng.uniform(0.3, 30) * MINUTE
    one.funds[USDC] = 10**13
    with world.transaction():
        one.enter(stage.dollar)
