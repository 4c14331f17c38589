"""Checks that events of single logs come out of a checkpoint as they went in: a restart must be able to retract them."""

from __future__ import annotations

import pytest

from chain.events import Address, CustomEventSeen, NetworkId, Place, PlacedEvent, PoolCreated, PositionLiquidated
from chain.sync.checkpoint import Checkpoint, decode
from tests.chain.builders import START, address, topic

AT: Address = address(0xA0)
PLACE = Place(
    network=NetworkId("local"), block_number=7, block_hash=topic(7), block_time=START, transaction=topic(1), log_index=3
)
EVENTS: list[PlacedEvent] = [
    PositionLiquidated(
        place=PLACE, seen_at=START, event_id="a", protocol="gmx_v2", market=AT, collateral=AT, account=AT, long=False,
        amount=2**255, decimals=None, usd=0.1,
    ),
    PoolCreated(
        place=PLACE, seen_at=START, event_id="b", factory=AT, pool=topic(9), pool_kind="uniswap_v4", token0=AT, token1=AT
    ),
    CustomEventSeen(
        place=PLACE, seen_at=START, event_id="c", rule="r", signature="A(bool)", contract=AT, arguments=(("1", "1"),)
    ),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_of_a_single_log_survives_a_checkpoint(event: PlacedEvent) -> None:
    found = decode(Checkpoint(window=(), pending=(event,), ancestor_events=(event,)).encode())
    assert found is not None
    assert (found.pending, found.ancestor_events) == ((event,), (event,))
