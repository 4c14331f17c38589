"""The ledger of the drill's chain alone: old blocks go, and an upgrade needs no timelock."""

from __future__ import annotations

import pytest

from monitor.drill.scenario import ChainKind, ChainStep
from monitor.drill.world import abi, ledger
from monitor.drill.world.ledger import ADMIN, NEW_CODE, POOLS, TIMELOCK, TOKEN, TOKEN0, Ledger, Pool

START_S = 1_790_000_000.0


def test_the_oldest_blocks_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_BLOCKS", 3)
    chain = Ledger(2.5, START_S, ())
    for second in range(1, 6):
        chain.advance(START_S + second, float(second))

    assert len(chain.blocks) == len(chain.by_hash) == 3
    assert max(chain.blocks) == chain.head.number
    assert {one.number for one in chain.by_hash.values()} == set(chain.blocks)


def test_an_upgrade_that_was_not_queued_is_the_admins_own() -> None:
    chain = Ledger(2.5, START_S, (ChainStep(at_s=1, kind=ChainKind.UPGRADE),))
    chain.advance(START_S + 2, 2.0)
    [sent] = [one for block in chain.blocks.values() for one in block.transactions]

    assert (sent.to, len(sent.logs)) == (ADMIN, 1)
    assert chain.head.state.implementation == NEW_CODE


def test_an_upgrade_that_was_queued_comes_through_the_timelock_with_its_log() -> None:
    steps = (ChainStep(at_s=1, kind=ChainKind.QUEUE), ChainStep(at_s=2, kind=ChainKind.UPGRADE))
    chain = Ledger(2.5, START_S, steps)
    for second in range(1, 4):
        chain.advance(START_S + second, float(second))
    sent = [one for block in chain.blocks.values() for one in block.transactions]

    assert [one.to for one in sent] == [TIMELOCK, TIMELOCK]
    assert len(sent[1].logs) == 2


def one_step(kind: ChainKind, share: float) -> tuple[Pool, Pool, Ledger]:
    """The first pool before and after one step, and the ledger."""
    chain = Ledger(2.5, START_S, (ChainStep(at_s=1, kind=kind, share=share),))
    before = chain.head.state.pools[POOLS[0]]
    chain.advance(START_S + 2, 2.0)
    return before, chain.head.state.pools[POOLS[0]], chain


def topics(chain: Ledger) -> list[str]:
    """The first topic of each log, in order."""
    return [log.topics[0] for block in chain.blocks.values() for one in block.transactions for log in one.logs]


def test_a_swap_empties_one_side_at_the_price_of_the_pools_product_and_its_fee() -> None:
    before, after, chain = one_step(ChainKind.SWAP, 0.8)
    (token, usd), (token_after, usd_after) = (
        (one.reserve0, one.reserve1) if TOKEN0 == TOKEN else (one.reserve1, one.reserve0) for one in (before, after)
    )
    assert usd_after == pytest.approx(0.2 * usd)
    assert token_after == pytest.approx(token + token * 4 / 0.997)
    assert token_after * usd_after > token * usd
    assert topics(chain) == [abi.TRANSFER, abi.TRANSFER, abi.SYNC, abi.SWAP]
    assert after.supply == before.supply


def test_what_is_taken_leaves_both_sides_without_a_swap_and_without_a_removal() -> None:
    before, after, chain = one_step(ChainKind.TAKE, 0.9999)
    assert (after.reserve0, after.reserve1) == pytest.approx((before.reserve0 * 1e-4, before.reserve1 * 1e-4))
    assert topics(chain) == [abi.TRANSFER, abi.TRANSFER, abi.SYNC]
    assert after.supply == before.supply


def test_made_units_raise_the_supply_and_come_from_nobody() -> None:
    _, _, chain = one_step(ChainKind.MINT, 0.1)
    assert chain.head.state.supply == ledger.SUPPLY * 11 // 10 * 10**18
    assert topics(chain) == [abi.TRANSFER]


def test_a_halted_chain_mines_nothing_and_goes_on_with_the_next_number_and_the_time_it_is() -> None:
    chain = Ledger(2.5, START_S, (ChainStep(at_s=5, kind=ChainKind.UPGRADE),))
    chain.advance(START_S + 1, 1.0)
    halted_at = chain.head
    for second in range(2, 31):
        chain.advance(START_S + second, float(second), halted=True)
    assert chain.head is halted_at
    chain.advance(START_S + 31, 31.0)
    assert (chain.head.number, chain.head.parent) == (halted_at.number + 1, halted_at.hash)
    assert chain.head.time_s == START_S + 31
    assert chain.head.state.implementation == NEW_CODE
