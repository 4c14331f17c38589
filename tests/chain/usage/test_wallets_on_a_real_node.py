"""Watches hot wallets and token use on a real node: a day of payouts in coin and token, a halt, and the next payouts."""

from __future__ import annotations

from typing import Any

from chain.detectors.wallets import PER_DAY
from chain.events import TokenUsed, WalletResumed, WalletSilent
from chain.sync.watcher import scan
from chain.watch import Watch, WatchedPool, WatchedWallet
from tests.chain.following import low, settings_of
from tests.evm.anvil import Anvil, running

COIN = 10**17
STEP_S = 120
ROUNDS, QUIET_BLOCKS, HALT_BLOCKS = 110, 6, 25


async def pay_both(anvil: Anvil, token: Any, hot: str, someone: str) -> None:
    await token.functions.transfer(someone, 5).transact({"from": hot})
    await anvil.call("eth_sendTransaction", {"from": hot, "to": someone, "value": hex(COIN)})


async def test_a_halt_of_withdrawals_is_reported_for_coin_and_token_and_hours_are_counted() -> None:
    async with running() as anvil:
        hot, cold, someone = anvil.accounts[1:4]
        token = await anvil.deploy("ERC20PresetFixedSupply", "Token", "TOK", 10**9, hot)
        other = await anvil.deploy("ERC20PresetFixedSupply", "Other", "OTH", 10**9, hot)
        factory = await anvil.deploy("UniswapV2Factory", anvil.accounts[0])
        await anvil.send(factory.functions.createPair(token.address, other.address))
        pair = await factory.functions.getPair(token.address, other.address).call()
        await anvil.send(token.functions.transfer(pair, 777), sender=1)
        start = await anvil.height() + 1
        await anvil.call("anvil_setBlockTimestampInterval", STEP_S)
        for _ in range(ROUNDS):
            await pay_both(anvil, token, hot, someone)
            await anvil.mine(QUIET_BLOCKS)
        halted = await anvil.height()
        await anvil.send(token.functions.transfer(cold, 5), sender=1)  # to a wallet of the venue: not a withdrawal
        await anvil.mine(HALT_BLOCKS)
        await pay_both(anvil, token, hot, someone)
        await anvil.mine()
        watch = Watch(
            wallets=(
                WatchedWallet(venue="bybit", asset="ETH", address=low(hot)),
                WatchedWallet(venue="bybit", asset="TOK", address=low(hot), token=low(token)),
                WatchedWallet(venue="bybit", asset="TOK", address=low(cold), token=low(token)),
            ),
            tokens=(low(token),),
            pools=(WatchedPool(address=low(pair), kind="uniswap_v2"),),
        )
        settings = settings_of(anvil.url, watch=watch)
        events = [event async for event in scan(settings, start, await anvil.height())]
        silent = [event for event in events if isinstance(event, WalletSilent)]
        assert {(event.asset, event.per_day) for event in silent} == {(a, p) for a in ("ETH", "TOK") for p in PER_DAY}
        assert all(halted < event.place.block_number for event in silent)
        resumed = [event for event in events if isinstance(event, WalletResumed)]
        assert {event.asset for event in resumed} == {"ETH", "TOK"}
        firsts = {event.asset: event.event_id for event in reversed(silent)}
        assert {event.asset: event.silent_event_id for event in resumed} == firsts
        used = [event for event in events if isinstance(event, TokenUsed)]
        assert len(used) >= 24
        whole = [event for event in used if event.complete]
        assert {event.active for event in whole[1:-4]} == {2}
        assert all(3 <= event.transfers <= 4 and event.moved == 5 * event.transfers for event in whole[1:-4])
        assert {event.reserves for event in whole[1:-4]} == {777}
