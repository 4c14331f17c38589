"""Moves liquidity from Uniswap V2 to V3 through Uniswap's V3Migrator on a real EVM node."""

from __future__ import annotations

import pytest

from chain.detectors.migration import MIGRATORS
from chain.events import ChainEvent, LiquidityAccounted, LiquidityMigrated, LiquidityMoved, PoolDepth
from chain.sync.watcher import Watcher
from chain.watch import Watch
from tests.chain.following import head_at, low, placed, settings_of, until
from tests.chain.liquidity.pools.uniswap import FAR, Uniswap, at
from tests.evm.anvil import running


async def followed(uniswap: Uniswap, start: int) -> list[ChainEvent]:
    """Returns the events of the blocks from `start`, and of two more blocks for values that are read again."""
    await uniswap.anvil.mine(2)
    watcher = Watcher(settings_of(uniswap.anvil.url, watch=uniswap.watch, start_block=start), None)
    return placed(await until(watcher, head_at(await uniswap.anvil.height())))


async def test_a_migration_through_the_uniswap_migrator_is_reported_with_the_right_share() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        await uniswap.add_v2(10**24, 10**24)
        await uniswap.mint_v3(-6000, 6000, 10**22)
        await anvil.send(uniswap.pair.functions.approve(uniswap.migrator.address, 2**255))
        held = await uniswap.pair.functions.balanceOf(uniswap.me).call()
        balances = [await one.functions.balanceOf(uniswap.me).call() for one in uniswap.tokens]
        start = await anvil.height() + 1
        both = [one.address for one in uniswap.tokens]
        words = (uniswap.pair.address, held // 4, 90, *both, 3000, -12000, 12000, 0, 0, uniswap.me, FAR, False)
        await anvil.send(uniswap.migrator.functions.migrate(words))
        refunds = [
            await one.functions.balanceOf(uniswap.me).call() - before
            for one, before in zip(uniswap.tokens, balances, strict=True)
        ]
        events = await followed(uniswap, start)

        left, entered = (event for event in events if isinstance(event, LiquidityMoved))
        assert (left.removed, left.pool_kind, left.owner) == (True, "uniswap_v2", low(uniswap.me))
        assert (entered.removed, entered.pool_kind, entered.owner) == (False, "uniswap_v3", low(uniswap.me))
        migrated = {event.token: event for event in events if isinstance(event, LiquidityMigrated)}
        assert set(migrated) == {uniswap.token(0), uniswap.token(1)}
        for at, event in enumerate(migrated[uniswap.token(index)] for index in range(2)):
            assert (event.from_kind, event.to_kind) == ("uniswap_v2", "uniswap_v3")
            assert (event.from_pool, event.to_pool) == (low(uniswap.pair), low(uniswap.pool))
            assert event.amount == (entered.amount0, entered.amount1)[at]
            assert event.share == pytest.approx(0.25 * 0.9, rel=1e-3)
            assert event.depth_share is not None
        for at in range(2):
            account = [e for e in events if isinstance(e, LiquidityAccounted) and e.token == uniswap.token(at)][-1]
            assert account.removed == (left.amount0, left.amount1)[at]
            assert (
                account.readded + account.to_wallets + account.to_bridges + account.open + account.unexplained
                == account.removed
            )
            assert account.to_wallets == pytest.approx(refunds[at], rel=1e-3)
            assert account.readded + refunds[at] == pytest.approx(account.removed, rel=1e-3)
            assert account.unexplained <= account.removed / 1000


async def test_a_plain_v3_withdrawal_is_not_a_migration_and_its_fees_are_not_liquidity() -> None:
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        await uniswap.mint_v3(-6000, 6000, 10**22)
        number = await uniswap.mint_v3(-600, 600, 10**22)
        liquidity = (await uniswap.positions.functions.positions(number).call())[7]
        for zero_for_one in (True, False):
            await uniswap.swap_v3(zero_for_one, 10**20)
        start = await anvil.height() + 1
        most = (number, uniswap.me, 2**128 - 1, 2**128 - 1)
        await anvil.send(uniswap.positions.functions.collect(most))  # only fees
        await anvil.send(uniswap.positions.functions.decreaseLiquidity((number, liquidity, 0, 0, FAR)))
        await anvil.send(uniswap.positions.functions.collect(most))
        events = await followed(uniswap, start)

        [moved] = [event for event in events if isinstance(event, LiquidityMoved)]
        assert (moved.removed, moved.pool) == (True, low(uniswap.pool))
        active = await uniswap.pool.functions.liquidity().call()
        assert moved.share == pytest.approx(liquidity / (liquidity + active), rel=1e-9)
        assert not [event for event in events if isinstance(event, LiquidityMigrated)]
        for at in range(2):
            account = [e for e in events if isinstance(e, LiquidityAccounted) and e.token == uniswap.token(at)][-1]
            assert account.removed == (moved.amount0, moved.amount1)[at]
            assert (account.to_wallets, account.unexplained, account.readded) == (account.removed, 0, 0)
            assert account.level == 3
        [first, last] = [e for e in events if isinstance(e, PoolDepth) and e.pool == low(uniswap.pool)]
        assert last.tokens[0].within_2 < first.tokens[0].within_2 / 5


async def test_the_migrator_into_a_pool_that_nobody_watches_is_accounted_and_named() -> None:
    [known] = MIGRATORS
    async with running() as anvil:
        uniswap = Uniswap(anvil)
        await uniswap.begin()
        await uniswap.add_v2(10**24, 10**24)
        code = await anvil.web3.eth.get_code(uniswap.migrator.address)
        await anvil.call("anvil_setCode", known, code.to_0x_hex())  # where ethereum has it
        migrator = at(anvil, "V3Migrator", known)
        await anvil.send(uniswap.pair.functions.approve(migrator.address, 2**255))
        held = await uniswap.pair.functions.balanceOf(uniswap.me).call()
        start = await anvil.height() + 1
        both = [one.address for one in uniswap.tokens]
        words = (uniswap.pair.address, held // 2, 100, *both, 3000, -12000, 12000, 0, 0, uniswap.me, FAR, False)
        await anvil.send(migrator.functions.migrate(words))
        await anvil.mine(2)
        watch = Watch(pools=uniswap.watch.pools[:1])
        watcher = Watcher(settings_of(anvil.url, watch=watch, start_block=start), None)
        events = placed(await until(watcher, head_at(await anvil.height())))
        for index in range(2):
            token = uniswap.token(index)
            account = [one for one in events if isinstance(one, LiquidityAccounted) and one.token == token][-1]
            [(pool, kind, units)] = account.into
            assert (pool, kind) == (low(uniswap.pool), "unwatched pool")
            assert units == await uniswap.tokens[index].functions.balanceOf(uniswap.pool.address).call()
            assert account.removed == account.readded + account.to_wallets
