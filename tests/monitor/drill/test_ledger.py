"""The ledger of the drill's chain alone: old blocks go, and an upgrade needs no timelock."""

from __future__ import annotations

import pytest

from monitor.drill.scenario import ChainKind, ChainStep
from monitor.drill.world import ledger
from monitor.drill.world.ledger import ADMIN, NEW_CODE, TIMELOCK, Ledger

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
