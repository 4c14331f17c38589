"""Simulates owners who do not move liquidity between pools, although it may look so: exits, bots, chance, exchanges."""

from __future__ import annotations

from tests.chain.histories.people import Person
from tests.chain.histories.stage import HOUR, MINUTE, Stage, parts
from tests.chain.histories.world import RIFT, WETH, Behaviour


def leaves(stage: Stage) -> Behaviour:
    """Removes liquidity and holds it."""
    pool = stage.world.rng.choice(stage.main)
    one = stage.lp(pool)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(pool, stage.world.rng.uniform(0.3, 1), fees=1)


def sells_at_an_exchange(stage: Stage) -> Behaviour:
    """Removes liquidity and sends it to a deposit address, which the exchange empties."""
    rng, pool = stage.world.rng, stage.world.rng.choice(stage.main)
    one, deposit, hot = stage.lp(pool), stage.world.someone(), stage.world.someone()
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(pool)
    yield rng.uniform(1, 30) * MINUTE
    amount = one.funds[RIFT]
    with stage.world.transaction():
        one.pay(RIFT, deposit)
    yield rng.uniform(2, 10) * MINUTE
    with stage.world.transaction():
        stage.world.transfer(RIFT, deposit, hot, amount)


def crosses(stage: Stage) -> Behaviour:
    """Removes liquidity and bridges one or both tokens, at once or in two parts."""
    rng, pool = stage.world.rng, stage.world.rng.choice(stage.main)
    one = stage.lp(pool)
    yield 10 * MINUTE
    with stage.world.transaction():
        one.leave(pool)
    yield rng.uniform(0.5, 20) * MINUTE
    for token in rng.sample((RIFT, WETH), rng.choice((1, 2))):
        parts = rng.choice(((1.0,), (0.5, 1.0)))
        for part in parts:
            with stage.world.transaction():
                one.cross(token, part)
            yield rng.uniform(0, 3) * MINUTE


def follows_the_price(stage: Stage) -> Behaviour:
    """Sets a new range in the same pool several times and collects fees."""
    world, rng, pool = stage.world, stage.world.rng, stage.ranged
    one = stage.lp(pool)
    yield 10 * MINUTE
    for _ in range(rng.randint(1, 3)):
        at_once = rng.random() < 0.5
        with world.transaction():
            one.leave(pool, fees=2)
            if at_once:
                one.enter(pool)
        if not at_once:
            yield rng.uniform(0.2, 10) * MINUTE
            with world.transaction():
                one.enter(pool)
        yield rng.uniform(1, 3) * HOUR


def is_there_for_a_moment(stage: Stage) -> Behaviour:
    """Adds much liquidity just before a large swap and removes it just after, in the same block."""
    world, rng, pool = stage.world, stage.world.rng, stage.ranged
    one = Person(world)
    yield 10 * MINUTE
    for _ in range(rng.randint(1, 4)):
        one.funds[RIFT], one.funds[WETH] = 10**23, 10**23
        with world.transaction():
            one.enter(pool)
        with world.transaction():
            one.leave(pool)
        one.took_nothing_lasting(one.last)
        yield rng.uniform(1, 10) * MINUTE


def compounds(stage: Stage) -> Behaviour:
    """Collects fees and adds them again: no liquidity leaves."""
    world, rng, pool = stage.world, stage.world.rng, stage.ranged
    one = stage.lp(pool)
    yield 10 * MINUTE
    for _ in range(rng.randint(1, 3)):
        fees = (rng.randint(1, 50) * 10**18, rng.randint(1, 50) * 10**15)
        with world.transaction():
            pool.collect(one.holds[pool.address], fees, one.at)
        one.funds[RIFT] += fees[0]
        one.funds[WETH] += fees[1]
        yield rng.uniform(0, 5) * MINUTE
        with world.transaction():
            one.enter(pool)
        yield rng.uniform(1, 10) * MINUTE


def happens_to_equal(stage: Stage) -> Behaviour:
    """One owner removes and holds; an unrelated owner adds the same amounts of other money to another pool."""
    world, rng = stage.world, stage.world.rng
    here, there = stage.two()
    one, other = stage.lp(here), Person(world)
    yield 10 * MINUTE
    with world.transaction():
        amounts = one.leave(here)
    yield rng.uniform(0.3, 25) * MINUTE
    other.funds[RIFT], other.funds[WETH] = amounts
    with world.transaction():
        other.enter(there)


def is_a_whale(stage: Stage) -> Behaviour:
    """Removes a third of a pool and sends it to three wallets, while others add liquidity."""
    world, rng, pool = stage.world, stage.world.rng, stage.world.rng.choice(stage.main)
    one = stage.lp(pool, 0.25, 0.4)
    yield 10 * MINUTE
    for at in range(rng.randint(2, 6)):
        other = Person(world)
        other.funds[RIFT], other.funds[WETH] = rng.randint(1, 9) * 10**21, rng.randint(1, 9) * 10**18
        with world.transaction():
            other.enter(rng.choice(stage.main))
        if at == 1:
            with world.transaction():
                one.leave(pool)
        yield rng.uniform(0.2, 5) * MINUTE
    for _ in range(3):
        with world.transaction():
            one.pay(RIFT, world.someone(), 0.4)
        yield rng.uniform(0.2, 5) * MINUTE


def lends(stage: Stage) -> Behaviour:
    """Removes liquidity and lends it to an unwatched contract; a part stays in the wallet."""
    world, rng, pool = stage.world, stage.world.rng, stage.world.rng.choice(stage.main)
    one, lender = stage.lp(pool), world.contract()
    yield 10 * MINUTE
    with world.transaction():
        one.leave(pool)
    yield rng.uniform(0.2, 20) * MINUTE
    with world.transaction():
        one.pay(RIFT, lender, 0.8)


def is_paid_out_by_an_exchange(stage: Stage) -> Behaviour:
    """One owner sells at an exchange; a customer withdraws as much there and adds it to another pool: not the same money."""
    world, rng = stage.world, stage.world.rng
    here, there = stage.two()
    one, other, hot = stage.lp(here), Person(world), world.someone()
    yield 10 * MINUTE
    with world.transaction():
        amounts = one.leave(here)
    yield rng.uniform(1, 10) * MINUTE
    for token in here.tokens:
        with world.transaction():
            one.pay(token, hot)
    yield rng.uniform(1, 20) * MINUTE
    most = parts(amounts, rng.uniform(0.3, 1))
    for token, amount in zip(here.tokens, most, strict=True):
        with world.transaction():
            other.funds[token] += world.transfer(token, hot, other.at, amount)
    yield rng.uniform(1, 20) * MINUTE
    with world.transaction():
        other.enter(there)


def just_trades(stage: Stage) -> Behaviour:
    """Swaps and pays; no liquidity moves."""
    world, rng = stage.world, stage.world.rng
    one = Person(world)
    for _ in range(12):
        yield rng.uniform(0.2, 8) * MINUTE
        one.funds[RIFT], one.funds[WETH] = rng.randint(1, 999) * 10**18, rng.randint(1, 999) * 10**15
        with world.transaction():
            if rng.random() < 0.5:
                one.sell(rng.choice(stage.pairs), rng.choice((RIFT, WETH)), 0.5)
            else:
                one.pay(RIFT, world.someone())


def puts_in(stage: Stage) -> Behaviour:
    """Adds new money."""
    world, rng = stage.world, stage.world.rng
    for _ in range(rng.randint(1, 4)):
        yield rng.uniform(0.2, 20) * MINUTE
        one = Person(world)
        one.funds[RIFT], one.funds[WETH] = rng.randint(1, 9999) * 10**18, rng.randint(1, 9999) * 10**15
        with world.transaction():
            one.enter(rng.choice(stage.main))
