"""Every venue's budgets fit its checks: the hosts they are about, and room for what is asked of a desk's instruments."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from probes import venues
from probes.readings import Instrument, Market, Refusal
from probes.rest.budget import Budgets
from probes.rest.priority import RESERVE, SHARES, Priority, priority_of
from probes.rest.venue_state import VenueState
from probes.venue import Per, RestCall, RestCheck, Venue

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DESK = 20
"""Instruments of each market: twenty assets, with a spot pair and a perpetual each."""
FEWER = {"kraken": 5}
"""Where the venue allows less: one request a second for all (docs/venues.md)."""


def desk(venue: Venue, check: RestCheck) -> list[Instrument | None]:
    if check.per is Per.VENUE:
        return [None]
    made = [
        Instrument(symbol=f"{kind}{number}USDT", base=f"{kind}{number}", quote="USDT", market=market)
        for market, kind in ((Market.SPOT, "S"), (Market.PERP, "P"))
        for number in range(FEWER.get(venue.id, DESK))
    ]
    return [one for one in made if check.market in (None, one.market)]


@pytest.mark.parametrize("name", venues.NAMES)
def test_a_request_is_charged_to_a_budget_of_its_own_host(name: str) -> None:
    venue = venues.declared(name)
    budgets = {one.name: one for one in venue.budgets}
    for check in venue.checks:
        call = check.call(desk(venue, check)[0])
        assert call.host in budgets[call.budget].hosts, check.name
    for one in venue.budgets:
        assert one.within == "" or (one.within in budgets and budgets[one.within].within == "")
        assert set(one.hosts) <= set(venue.hosts)


@pytest.mark.parametrize("name", venues.NAMES)
def test_the_usual_schedule_of_a_desk_fits_in_every_budget_of_a_venue(name: str) -> None:
    """By hand: cost a second of each rank and those before it, against the rank's share of limit a second."""
    venue = venues.declared(name)
    budgets = {one.name: one for one in venue.budgets}
    demand: dict[tuple[str, str], dict[Priority, float]] = defaultdict(lambda: dict.fromkeys(Priority, 0.0))
    for check in venue.checks:
        for one in desk(venue, check):
            call = check.call(one)
            budget = budgets[call.budget]
            endpoint = (call.endpoint or call.path) if budget.each else ""
            for key in [(budget.name, endpoint), *([(budget.within, "")] if budget.within else [])]:
                demand[key][priority_of(check.name)] += call.cost / check.every_s
    for (budget_name, endpoint), by_rank in demand.items():
        budget = budgets[budget_name]
        for rank in Priority:
            share = 1 - RESERVE if budget.each else SHARES[rank]
            asked = sum(by_rank[one] for one in Priority if one <= rank)
            assert asked <= share * budget.limit / budget.window_s, (budget_name, endpoint, rank)


@pytest.mark.parametrize("name", venues.NAMES)
def test_a_ban_of_one_host_leaves_the_other_hosts_of_the_venue_alone(name: str) -> None:
    venue = venues.declared(name)
    calls = [one.call(desk(venue, one)[0]) for one in venue.checks]
    ours = VenueState(venue).budgets
    ours.wait_until(NOW.timestamp() + 3600, calls[0], NOW.timestamp(), Refusal.BANNED)
    silent = {call.host for call in calls if not ours.allows(call, Priority.BOOK, NOW.timestamp() + 1)}
    assert silent == {calls[0].host}


def refused(ours: Budgets, throttled: RestCall, others: list[RestCall]) -> set[str]:
    ours.wait_until(NOW.timestamp() + 60, throttled, NOW.timestamp())
    return {one.path for one in others if not ours.allows(one, Priority.BOOK, NOW.timestamp() + 1)}


@pytest.mark.parametrize("name", ["okx", "gate", "bitget", "mexc", "htx"])
def test_where_a_venue_counts_by_endpoint_a_throttling_silences_one_endpoint(name: str) -> None:
    venue = venues.declared(name)
    calls = [one.call(desk(venue, one)[0]) for one in venue.checks]
    first = next(one for one in calls if one.host == "rest")
    assert refused(VenueState(venue).budgets, first, calls) == {first.path}


COUNTED_APART = frozenset({"/fapi/v1/fundingInfo"})
"""Binance USD-M's page of it: 500 in five minutes by address, shared with fundingRate alone."""


@pytest.mark.parametrize(
    ("name", "host", "paths"),
    [
        ("binance_spot", "rest", "/api/"), ("binance_usdm", "rest", "/fapi/"), ("hyperliquid", "rest", "/info"),
        ("kraken", "rest", "/"),
    ],
)  # fmt: skip
def test_where_a_venue_counts_by_address_a_throttling_silences_the_budget(name: str, host: str, paths: str) -> None:
    venue = venues.declared(name)
    calls = [one.call(desk(venue, one)[0]) for one in venue.checks]
    counted = [one for one in calls if one.host == host and one.path not in COUNTED_APART]
    expected = {one.path for one in counted if one.path.startswith(paths)}
    assert refused(VenueState(venue).budgets, calls[0], calls) == expected
