"""A scenario's price goes where its stages lead it, evenly and at all venues at once, and the books stay as deep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.drill.scenario import Stage, load
from monitor.drill.world.market import LEVEL_USD, Grid, Market, SimVenue
from monitor.drill.world.weather import CALM, price_factor
from monitor.errors import OperatorError
from tests.monitor.drill.worlds import scenario, stage

FALLS = Stage(at_s=10, until_s=20, title="a half", price_factor=0.5)
FURTHER = Stage(at_s=30, until_s=40, title="a tenth", price_factor=0.1)


@pytest.mark.parametrize(
    ("at_s", "factor"),
    [(None, None), (9, None), (10, 1.0), (15, 0.5**0.5), (20, 0.5), (29, 0.5), (35, 0.05**0.5), (40, 0.1), (500, 0.1)],
)
def test_the_price_is_led_evenly_from_stage_to_stage_and_stays_there(at_s: float | None, factor: float | None) -> None:
    found = price_factor(scenario(stage(), FURTHER, FALLS), at_s)
    assert found == (factor if factor is None else pytest.approx(factor))


def test_a_stage_of_no_length_leads_the_price_at_once() -> None:
    assert price_factor(scenario(Stage(at_s=10, until_s=10, title="at once", price_factor=0.5)), 10) == 0.5


def test_a_scenario_without_a_price_walks_freely() -> None:
    assert price_factor(scenario(stage()), 5.0) is None


def played(factor: float, seconds: int) -> tuple[Market, SimVenue]:
    market = Market(("okx",), "RIFT", 6.14, 5, 6.14 * factor)
    venue = market.venues["okx"]
    for _ in range(seconds * 5):
        market.walk(0.2, factor)
        market.step(venue, CALM, 0.0, 0.2)
    return market, venue


@pytest.mark.parametrize("factor", [0.0847, 0.5, 1.0])
def test_the_market_follows_and_its_books_stay_in_order_and_as_deep(factor: float) -> None:
    market, venue = played(factor, 20)
    assert market.mid == pytest.approx(6.14 * factor, rel=0.01)
    bids, asks = venue.books["perp"].levels()
    step = venue.grid.step
    assert bids[0][0] < asks[0][0]
    assert (asks[0][0] - bids[0][0]) * step / market.mid < 6e-4
    within = sum(at * step * base for at, base in bids if at * step >= market.mid * 0.995)
    assert within == pytest.approx(25 * LEVEL_USD, rel=0.25)


def test_a_price_that_leads_nowhere_keeps_the_grid_of_the_first_price() -> None:
    market = Market(("okx",), "RIFT", 2.5, 5, scenario(stage()).lowest())
    assert market.venues["okx"].grid == Grid.near(2.5)
    assert scenario(FALLS).lowest() == pytest.approx(1.25)


def test_one_venues_prices_leave_the_market_alone_and_its_books_go_along() -> None:
    market = Market(("okx", "gate"), "RIFT", 1.0, 5, 0.65)
    for _ in range(50):
        market.walk(0.2)
        for name, factor in (("okx", 0.65), ("gate", 1.0)):
            market.step(market.venues[name], replace(CALM, off_market=factor), 0.0, 0.2)
    okx, gate = market.venues["okx"], market.venues["gate"]
    assert okx.mid == pytest.approx(0.65 * gate.mid, rel=1e-3)
    bids, asks = okx.books["spot"].levels()
    assert bids[0][0] * okx.grid.step <= okx.mid * 1.001
    assert asks[0][0] * okx.grid.step == pytest.approx(okx.mid, rel=1e-3)


def test_the_lowest_price_is_that_of_the_fall_and_of_the_venue_that_leaves_the_market() -> None:
    away = Stage(at_s=0, title="away", off_market=0.65)
    assert scenario(FALLS, away).lowest() == pytest.approx(2.5 * 0.5 * 0.65)


@pytest.mark.parametrize("effects", ['venues = ["okx"]\nuntil_s = 5', ""])
def test_a_price_at_one_venue_or_without_an_end_is_refused(tmp_path: Path, effects: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(
        'name = "x"\ntitle = "x"\nlength_s = 10\nseed = 1\nasset = "RIFT"\nprice = 2.5\n[expect]\nlevel = "watch"\n'
        f'[[stages]]\nat_s = 0\ntitle = "x"\nprice_factor = 0.5\n{effects}\n'
    )
    with pytest.raises(OperatorError, match=r"price_factor"):
        load(path)
