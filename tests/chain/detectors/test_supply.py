"""Jumps of supply: by mints and burns that logs show, without a log, from state or from logs alone; and rebases of pools."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chain.blocks.block import Block, Log
from chain.blocks.reads import AnyRead, CallWord, StateRead
from chain.blocks.standards import NOBODY, TRANSFER
from chain.detectors import supply
from chain.events import Address, DrainCause, PlacedEvent, PoolDrained, SupplyJumped
from chain.events.liquidity import PoolDepth
from chain.watch import Watch, WatchedPool
from tests.chain.builders import START, address, block, log, topic, words

RIFT, WETH, USDT = address(0xAA), address(0xBB), address(0xCC)
POOL, MINTER, HOLDER = address(0xF00), address(0x111), address(0x222)
NATIVE = Address("0x" + "e" * 40)
ISSUE = "0xcb8241adb0c3fdb35b70c24ce35c5eb0c17af7431c99f827d44a445ca624176a"
REDEEM = "0x702d5967f45f6513a38ffc42d6ba9bf230bd40e8f53b16363c7eb4fd2deb9a44"
"""TetherToken's Issue(uint256) and Redeem(uint256)."""


def watch() -> Watch:
    pool = WatchedPool(address=POOL, kind="uniswap_v2", token0=RIFT, token1=WETH, tokens=(RIFT, WETH, NATIVE))
    return Watch(pools=(pool,), tokens=(USDT,))


def supplies(**of: int) -> dict[AnyRead, object]:
    return {CallWord({"rift": RIFT, "usdt": USDT}[name], "0x18160ddd"): units for name, units in of.items()}


def moved(token: Address, sender: Address, receiver: Address, units: int, index: int = 1) -> Log:
    ends = (topic(int(sender, 16)), topic(int(receiver, 16)))
    return log(token, TRANSFER, *ends, body=words(units), index=index, transaction=index)


def jumps(found: list[PlacedEvent]) -> list[SupplyJumped]:
    return [one for one in found if isinstance(one, SupplyJumped)]


def known(detector: supply.Supply, **of: int) -> supply.Supply:
    assert not detector.on_block(block(1, state=supplies(**of)), ())
    return detector


def checked(number: int, *logs: Log, **of: int) -> Block:
    """A block whose state was read only because its logs called for it."""
    return replace(block(number, *logs), checked=StateRead(supplies(**of)))


@pytest.mark.parametrize("read", [block, checked])
def test_a_mint_of_a_twentieth_is_a_jump_with_its_receiver_wherever_the_supply_was_read(read: Any) -> None:
    detector = known(supply.make(watch()), rift=1000)
    logs = [moved(RIFT, NOBODY, HOLDER, 2), moved(RIFT, NOBODY, MINTER, 48, 2), moved(RIFT, HOLDER, MINTER, 900, 3)]
    after = block(2, *logs, state=supplies(rift=1050)) if read is block else checked(2, *logs, rift=1050)
    [jump] = jumps(detector.on_block(after, ()))
    assert (jump.token, jump.before, jump.after, jump.share) == (RIFT, 1000, 1050, 0.05)
    assert (jump.by, jump.logged, jump.pools) == (MINTER, True, (POOL,))
    assert (jump.place.transaction, jump.place.log_index) == (topic(2), 2)


@pytest.mark.parametrize("read", [True, False])
def test_a_smaller_mint_is_no_jump_and_many_of_them_are_none_either(read: bool) -> None:
    detector, held = known(supply.make(watch()), rift=10_000), 10_000
    for number in range(2, 9):
        held += 499
        after = block(number, moved(RIFT, NOBODY, MINTER, 499), state=supplies(rift=held) if read else {})
        assert not detector.checks(after).state
        assert not detector.on_block(after, ())
    assert not detector.on_block(block(9, state=supplies(rift=held)), ()), "the logs between explain all of it"


def test_a_log_of_a_jump_calls_for_the_supply_and_is_no_jump_without_it() -> None:
    detector = known(supply.make(watch()), rift=1000)
    loud = block(2, moved(RIFT, NOBODY, MINTER, 50), moved(USDT, NOBODY, MINTER, 10**9, 2))
    assert detector.checks(loud).state == supplies(rift=0).keys(), "of the other nothing is known"
    assert not detector.on_block(loud, ()), "a log alone is no change"
    assert not detector.checks(replace(loud, state=StateRead(supplies(rift=1050)))).state, "it was read already"
    assert not detector.checks(replace(loud, checked=StateRead(supplies(rift=1050)))).state


def test_a_log_that_the_supply_does_not_bear_out_is_no_jump_and_hides_no_later_one() -> None:
    detector = known(supply.make(watch()), rift=1000)
    assert not detector.on_block(checked(2, moved(RIFT, NOBODY, MINTER, 500), rift=1000), ())
    assert not detector.on_block(block(3, moved(RIFT, HOLDER, NOBODY, 2**255)), ())
    assert not detector.on_block(block(4, moved(RIFT, NOBODY, MINTER, 490 + 2**255)), ())
    [jump] = jumps(detector.on_block(checked(5, moved(RIFT, NOBODY, MINTER, 500), rift=1500), ()))
    assert (jump.before, jump.after, jump.logged, jump.by) == (1000, 1500, True, MINTER)


def test_a_jump_whose_block_could_not_be_read_is_open_and_the_next_supply_is_no_silent_one() -> None:
    detector = known(supply.make(watch()), rift=1000)
    assert not detector.on_block(block(2, moved(RIFT, NOBODY, MINTER, 500)), ())
    assert not detector.on_block(block(3, state=supplies(rift=1500)), ())


def test_a_burn_names_who_gave_the_units_up() -> None:
    detector = known(supply.make(watch()), rift=1000)
    [jump] = jumps(detector.on_block(block(2, moved(RIFT, HOLDER, NOBODY, 300), state=supplies(rift=700)), ()))
    assert (jump.share, jump.by, jump.logged) == (-0.3, HOLDER, True)


def test_units_made_and_destroyed_within_the_block_are_no_jump() -> None:
    detector = known(supply.make(watch()), rift=1000)
    logs = [moved(RIFT, NOBODY, HOLDER, 900), moved(RIFT, HOLDER, NOBODY, 900, 2)]
    assert not detector.on_block(block(2, *logs, state=supplies(rift=1000)), ())


def test_a_change_that_no_log_explains_says_so() -> None:
    detector = known(supply.make(watch()), rift=1000)
    [jump] = jumps(detector.on_block(block(2, moved(RIFT, NOBODY, MINTER, 10), state=supplies(rift=2000)), ()))
    assert (jump.share, jump.by, jump.logged, jump.place.transaction) == (1.0, None, False, None)


def test_tethers_own_logs_explain_its_supply() -> None:
    detector = known(supply.make(watch()), usdt=1000)
    issued = log(USDT, ISSUE, body=words(400), index=4)
    other = log(USDT, topic(9))
    [jump] = jumps(detector.on_block(block(2, issued, other, log(USDT), state=supplies(usdt=1400)), ()))
    assert (jump.share, jump.logged, jump.by, jump.pools) == (0.4, True, None, ())
    [jump] = jumps(detector.on_block(block(3, log(USDT, REDEEM, body=words(700)), state=supplies(usdt=700)), ()))
    assert (jump.share, jump.logged) == (-0.5, True)


def test_the_first_units_of_a_token_and_an_unknown_supply_are_no_jump() -> None:
    detector = supply.make(watch())
    assert not detector.on_block(block(1, moved(RIFT, NOBODY, MINTER, 5)), ())
    assert not detector.on_block(block(2, state=supplies(rift=0)), ())
    assert not detector.on_block(block(3, moved(RIFT, NOBODY, MINTER, 5), state=supplies(rift=5)), ())


def test_the_supply_is_remembered_over_a_restart_up_to_256_bits() -> None:
    detector = known(supply.make(watch()), rift=2**256 - 1)
    again = supply.make(watch())
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    [jump] = jumps(again.on_block(block(2, state=supplies(rift=2**255)), ()))
    assert (jump.before, jump.after) == (2**256 - 1, 2**255)


def test_the_supplies_are_read_of_tokens_that_are_watched_or_in_pools_but_not_of_the_coin() -> None:
    reads = supply.make(watch()).reads()
    assert reads.addresses == {RIFT, WETH, USDT}
    assert reads.state == reads.deferrable == {CallWord(one, "0x18160ddd") for one in (RIFT, WETH, USDT)}
    assert not supply.make(Watch()).reads().topics


def drain(cause: DrainCause, token: Address = RIFT, share: float = 0.5) -> PoolDrained:
    return PoolDrained(
        place=block(2).place(), seen_at=START + timedelta(), event_id="d", pool=POOL, pool_kind="uniswap_v2", token=token,
        before=100, after=50, share=share, cause=cause,
    )  # fmt: skip


@pytest.mark.parametrize(("cause", "after", "is_rebase"), [
    (DrainCause.SYNC, 500, True), (DrainCause.SYNC, 750, True), (DrainCause.SYNC, 800, False),
    (DrainCause.SYNC, 1500, False), (DrainCause.SWAP, 500, False),
])  # fmt: skip
def test_a_sync_is_a_rebase_if_the_supply_fell_with_it_without_a_log(
    cause: DrainCause, after: int, is_rebase: bool
) -> None:
    detector = known(supply.make(watch()), rift=1000)
    earlier: list[PlacedEvent] = [drain(cause), PoolDepth(
        place=block(2).place(), seen_at=START, event_id="p", pool=POOL, pool_kind="", tick=None, tokens=()
    )]  # fmt: skip
    found = detector.on_block(block(2, state=supplies(rift=after)), earlier)
    amended = [one for one in found if isinstance(one, PoolDrained)]
    assert [(one.event_id, one.cause) for one in amended] == ([("d", DrainCause.REBASE)] if is_rebase else [])


def test_a_sync_of_another_token_stays_one() -> None:
    detector = known(supply.make(watch()), rift=1000)
    assert not [
        one
        for one in detector.on_block(block(2, state=supplies(rift=500)), [drain(DrainCause.SYNC, WETH)])
        if isinstance(one, PoolDrained)
    ]


def test_at_most_a_hundred_supplies_are_read_those_of_watched_tokens_first() -> None:
    many = tuple(WatchedPool(address=address(at), kind="", token0=address(at + 1000)) for at in range(1, 200))
    reads = supply.make(Watch(pools=many, tokens=(USDT,))).reads()
    assert len(reads.state) == 100
    assert CallWord(USDT, "0x18160ddd") in reads.state
