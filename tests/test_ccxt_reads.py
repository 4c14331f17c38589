"""The comparison with ccxt compares what it says: values of its own for each venue, and no value that is missing is the same."""

from __future__ import annotations

import asyncio

import pytest

from monitor.drill.scenario import DIALECTS
from tests.ccxt_reads import CLOSE, ours, same, standing


async def test_our_readers_read_the_standing_world_of_a_venue() -> None:
    world = standing()
    try:
        hosts = (await world.start())["hosts"]
        first, second = await asyncio.gather(ours("bitget", hosts["bitget"]), ours("okx", hosts["okx"]))
    finally:
        await world.stop()
    for name, read in (("bitget", first), ("okx", second)):
        venue = world.market.venues[name]
        best = [max(venue.books["perp"].bids) * venue.grid.step, min(venue.books["perp"].asks) * venue.grid.step]
        assert read["book"] == pytest.approx(best)
        assert read["interest"] == pytest.approx(venue.interest, rel=CLOSE)
    places = {name: place for place, name in enumerate(DIALECTS.names(), 1)}
    assert (first["funding"], second["funding"]) == pytest.approx((0.0001 * places["bitget"], 0.0001 * places["okx"]))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (2.5, 2.5 * (1 + CLOSE / 2), True),
        (2.5, 2.5001, False),
        ([2.5, 2.6], [2.5, 2.6], True),
        ([2.5, 2.6], [2.5, 2.7], False),
        (2.5, None, False),
        (None, None, False),
        (2.5, "ExchangeError: no", False),
    ],
)
def test_only_the_same_numbers_are_the_same(one: object, other: object, expected: bool) -> None:
    assert same(one, other) is expected
