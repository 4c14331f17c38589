"""A scan that begins before a watched pool was made still learns its tokens and reports what left it, by the tokens' names."""

from __future__ import annotations

from chain.events import LiquidityAccounted, LiquidityMoved, TokenName
from chain.sync.scan import scan
from chain.watch import Watch, WatchedPool
from tests.chain.following import low, settings_of
from tests.evm.anvil import running

FAR = 2**40


async def test_a_pool_that_was_made_within_the_range_is_read_and_its_tokens_are_named() -> None:
    async with running() as anvil:
        me = anvil.accounts[0]
        weth, factory = await anvil.deploy("WETH9"), await anvil.deploy("UniswapV2Factory", me)
        router = await anvil.deploy("UniswapV2Router02", factory.address, weth.address)
        tokens = [await anvil.deploy("ERC20PresetMinterPauser", name, name) for name in ("RIFT", "US\x1bDC")]
        start = await anvil.height()
        for one in tokens:
            await anvil.send(one.functions.mint(me, 10**27))
            await anvil.send(one.functions.approve(router.address, 2**255))
        both = [one.address for one in tokens]
        await anvil.send(router.functions.addLiquidity(*both, 10**24, 10**24, 0, 0, me, FAR))
        pair = anvil.at("UniswapV2Pair", await factory.functions.getPair(*both).call())
        await anvil.send(pair.functions.approve(router.address, 2**255))
        held = await pair.functions.balanceOf(me).call()
        await anvil.send(router.functions.removeLiquidity(*both, held, 0, 0, me, FAR))
        await anvil.mine(2)
        watch = Watch(pools=(WatchedPool(address=low(pair), kind="uniswap_v2"),))
        settings = settings_of(anvil.url, watch=watch, start_block=start)
        events = [event async for event in scan(settings, start, await anvil.height())]
    assert [one.removed for one in events if isinstance(one, LiquidityMoved)] == [False, True]
    names = {
        TokenName(token=low(tokens[0]), symbol="RIFT", decimals=18),
        TokenName(token=low(tokens[1]), symbol="US?DC", decimals=18, odd=True),
    }
    for event in events:
        if isinstance(event, LiquidityMoved):
            assert set(event.token_names) == names
        if isinstance(event, LiquidityAccounted):
            assert set(event.token_names) < names
