"""Runs random schedules of a provider that lies about the state: no lie is believed, the liar is named, and no honest node is."""

from __future__ import annotations

import pytest

from tests.chain.nodes.state_schedules import LATE, played

SOME = 20
"""Schedules of each test; the script of the schedules runs a thousand."""


@pytest.mark.parametrize("first", range(0, 5 * SOME, SOME))
async def test_no_lie_about_state_is_believed_no_honest_node_accused_and_one_liar_against_two_is_named(
    first: int,
) -> None:
    lies = 0
    for seed in range(first, first + SOME):
        outcome = await played(seed)
        assert (outcome.believed, outcome.accused) == ((), frozenset()), outcome
        if outcome.lied:
            lies += 1
            assert outcome.named_after is not None, outcome
            assert outcome.named_after <= LATE, outcome
    assert lies > SOME / 4
