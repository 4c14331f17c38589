"""Every field and every limit of the evidence from pools and from the context: liquidity, fragility, fragmentation."""

from __future__ import annotations

import pytest

from monitor.incidents import Evidence, Leg
from monitor.signals import Scalar, SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

POOL = Subject(asset="BTC", network="ethereum", pool="0x" + "44" * 20)
BTC = Subject(asset="BTC")


def context(name: str, value: float, normal: float, unit: str, half_life_s: float, said: str) -> Evidence:
    """Context of BTC, found in second 15."""
    return Evidence(
        id=f"{name}:BTC",
        leg=Leg.FRAGILITY,
        name=name,
        subject=BTC,
        grade=1,
        weight=0.2,
        half_life_s=half_life_s,
        onset=moment(15),
        at=moment(15),
        value=value,
        normal=normal,
        unit=unit,
        far_per_day=24.0,
        said=said,
        links=(),
        shared=False,
    )


def volumes(lone: LoneProducer, perp: float, spot: float) -> None:
    """The volumes of one venue."""
    lone.send(SignalKind.VOLUME, 1, perp, VENUE, {"market": "perp"})
    lone.send(SignalKind.VOLUME, 1, spot, VENUE, {"market": "spot"})


def test_much_more_perpetual_than_spot_volume_is_described_in_full() -> None:
    lone = LoneProducer("fragility")
    volumes(lone, 16.0, 2.0)
    lone.complete(14)
    assert lone.evidence == []
    lone.complete(15)
    assert lone.only() == context("perp_over_spot", 8.0, 8.0, "ratio", 120.0, "perp volume 8.0x spot volume")


def test_much_open_interest_over_few_bids_is_described_in_full() -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.OPEN_INTEREST, 1, 100.0, VENUE)
    lone.send(SignalKind.BOOK, 1, 1.0, VENUE, {"bid_depth_200_usd": 0.5})
    lone.complete(15)
    said = "open interest would eat the visible bids 200 times"
    assert lone.only() == context("interest_over_depth", 200.0, 200.0, "ratio", 120.0, said)


@pytest.mark.parametrize(
    ("rate", "interval_s"), [(0.0005, 28_800.0), (0.0000625, 3600), (0.00025, 14_400.0), (0.0005, None), (0.0005, 0.0)]
)
def test_equal_funding_in_eight_hours_counts_alike_whatever_a_venues_interval(
    rate: float, interval_s: float | None
) -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.FUNDING, 1, rate, VENUE, {"interval_s": interval_s})
    lone.complete(15)
    assert lone.only().value == 0.0005
    lone = LoneProducer("fragility")
    lone.send(SignalKind.FUNDING, 1, rate * 0.9, VENUE, {"interval_s": interval_s})
    lone.complete(15)
    assert lone.evidence == []


@pytest.mark.parametrize("rate", [0.0005, -0.0005])
def test_extreme_funding_is_described_in_full(rate: float) -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.FUNDING, 1, 0.0001, Subject(asset="BTC", venue="beta"))
    lone.send(SignalKind.FUNDING, 1, rate, VENUE)
    lone.complete(15)
    assert lone.only() == context("funding", 0.0005, 0.0005, "ratio", 120.0, "funding 0.0500% in eight hours")


@pytest.mark.parametrize("ratio", [2.5, 0.4])
def test_one_sided_positions_are_described_in_full(ratio: float) -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.LONG_SHORT_RATIO, 1, 1.1, Subject(asset="BTC", venue="beta"))
    lone.send(SignalKind.LONG_SHORT_RATIO, 1, ratio, VENUE)
    lone.complete(15)
    assert lone.only() == context("one_sided", 2.5, 2.5, "ratio", 120.0, "positions 2.5 to one on one side")


def test_ratios_just_under_their_thresholds_are_no_evidence() -> None:
    lone = LoneProducer("fragility")
    volumes(lone, 15.9, 2.0)
    lone.send(SignalKind.OPEN_INTEREST, 1, 99.5, VENUE)
    lone.send(SignalKind.BOOK, 1, 1.0, VENUE, {"bid_depth_200_usd": 0.5})
    lone.send(SignalKind.FUNDING, 1, 0.00049, VENUE)
    lone.send(SignalKind.LONG_SHORT_RATIO, 1, 2.49, VENUE)
    lone.complete(15)
    assert lone.evidence == []


def depth(lone: LoneProducer, second: float, venue: str, usd: float) -> None:
    """The depth of one venue, half of it bids."""
    depths: dict[str, Scalar] = {"bid_depth_200_usd": usd / 2, "ask_depth_200_usd": usd / 2}
    lone.send(SignalKind.BOOK, second, 1.0, Subject(asset="BTC", venue=venue, instrument="BTC-PERP"), depths)


def test_depth_that_gathers_at_one_venue_is_described_in_full() -> None:
    # three equal venues are 3 places; with 1, 0 and 0 they are 1. The depths are small: only their shares count.
    lone = LoneProducer("fragmentation")
    for venue in ("alpha", "beta", "gamma"):
        depth(lone, 0, venue, 0.25)
    lone.complete(0)
    depth(lone, 1, "beta", 0.0)
    depth(lone, 1, "gamma", 0.0)
    lone.complete(14)
    assert lone.evidence == []
    lone.complete(15)
    said = "BTC's depth gathers in fewer places (N_eff): over venues 3.0 → 1.0"
    assert lone.only() == context("fragmentation", 1.0, 3.0, "places", 1800.0, said)


@pytest.mark.parametrize(("second", "is_found"), [(3600, True), (3615, False)])
def test_depth_is_compared_with_the_last_hour(second: int, *, is_found: bool) -> None:
    lone = LoneProducer("fragmentation")
    for before, after, at_s in ((1 / 3, 1 / 3, 0), (1.0, 1.0, second)):
        attributes: dict[str, Scalar] = {"hhi_before": before, "hhi_after": after, "event_id": f"a{at_s}"}
        lone.send(SignalKind.LIQUIDITY_ACCOUNTED, at_s, 1.0, POOL, attributes)
    lone.complete(second)
    assert bool(lone.evidence) is is_found


def removed(lone: LoneProducer, second: float, share: float) -> None:
    """A share of the pool is removed."""
    lone.send(SignalKind.LIQUIDITY_REMOVED, second, share, POOL, {"event_id": f"r{second}"})


@pytest.mark.parametrize(
    ("share", "grade"), [(0.19, 0), (0.21, 1), (0.39, 1), (0.41, 2), (0.69, 2), (0.71, 3), (1.0, 3)]
)
def test_what_left_a_pool_is_graded_from_20_40_and_70_percent_on(share: float, grade: int) -> None:
    lone = LoneProducer("liquidity")
    removed(lone, 10, share)
    assert lone.grades == ({"liquidity_gone": grade} if grade else {})


@pytest.mark.parametrize(("second", "value"), [(600, 0.4375), (601, 0.25)])
def test_removals_of_ten_minutes_add_up(second: int, value: float) -> None:
    lone = LoneProducer("liquidity")
    removed(lone, 0, 0.25)
    removed(lone, second, 0.25)
    assert lone.only().value == value


def test_a_removal_from_a_pool_is_described_in_full() -> None:
    lone = LoneProducer("liquidity")
    removed(lone, 10, 0.5)
    assert lone.only() == Evidence(
        id=f"liquidity_gone:BTC:{POOL.pool}",
        leg=Leg.MIGRATION,
        name="liquidity_gone",
        subject=POOL,
        grade=2,
        weight=2.0,
        half_life_s=3600.0,
        onset=moment(10),
        at=moment(10),
        value=0.5,
        normal=0.0,
        unit="share of pool",
        far_per_day=1.0,
        said="50% of pool 0x4444…4444 removed",
        links=(),
        shared=False,
    )


def test_no_more_than_256_moves_of_a_pool_count() -> None:
    lone = LoneProducer("liquidity")
    for number in range(257):
        removed(lone, number, 0.01)
    assert lone.only().value == pytest.approx(1 - 0.99**256, abs=1e-6)


def account(lone: LoneProducer, second: float, left: float, token: str = "0xaa", **attributes: Scalar) -> None:
    """An account of a token's depth: all of what left went to wallets, nothing is unexplained."""
    every: dict[str, Scalar] = {
        "event_id": f"a{second}", "token": token, "depth_share": left, "readded": 0.0, "to_wallets": 1.0,
        "from_kind": "curve",
    }  # fmt: skip
    lone.send(SignalKind.LIQUIDITY_ACCOUNTED, second, 0.0, POOL, every | attributes)


def pools(lone: LoneProducer, token: str, count: int) -> None:
    """The token is in so many more pools."""
    for number in range(count):
        where = Subject(asset="BTC", network="ethereum", pool=f"{token}-{number}")
        lone.send(SignalKind.POOL_DEPTH, 0, 1.0, where, {"token0": token})


@pytest.mark.parametrize(("accounts", "second"), [(128, 0), (129, 1)])
def test_exactly_128_accounts_are_remembered(accounts: int, second: int) -> None:
    # the evidence is as old as the first remembered account of the same loss
    lone = LoneProducer("liquidity_accounts")
    for number in range(accounts):
        account(lone, number, 0.9)
    assert lone.only().at == moment(second)


@pytest.mark.parametrize(("later", "second"), [(3600, 0), (3601, 3601)])
def test_accounts_of_one_hour_are_remembered(later: int, second: int) -> None:
    lone = LoneProducer("liquidity_accounts")
    account(lone, 0, 0.9)
    account(lone, later, 0.9)
    assert lone.only().at == moment(second)


@pytest.mark.parametrize(("pools_of_other", "grade"), [(62, 3), (63, 1), (80, 1)])
def test_pools_of_a_token_count_up_to_64(pools_of_other: int, grade: int) -> None:
    # each account adds its own pool: 0xaa is in 64. Of tokens in as many pools the one that lost less counts.
    lone = LoneProducer("liquidity_accounts")
    pools(lone, "0xaa", 63)
    pools(lone, "0xbb", pools_of_other)
    account(lone, 10, 0.3, "0xbb")
    account(lone, 10, 0.9, "0xaa")
    assert lone.grades == {"liquidity_gone": grade}


def test_a_token_in_more_than_64_pools_has_no_priority_over_one_in_64() -> None:
    lone = LoneProducer("liquidity_accounts")
    pools(lone, "0xaa", 80)
    pools(lone, "0xbb", 63)
    account(lone, 10, 0.3, "0xbb")
    account(lone, 10, 0.9, "0xaa")
    assert lone.grades == {"liquidity_gone": 1}


@pytest.mark.parametrize(("others", "grade"), [(254, 3), (255, 1)])
def test_exactly_256_tokens_of_an_asset_are_remembered(others: int, grade: int) -> None:
    # 0xaa is in two pools and 0xbb in one; once 0xaa is forgotten, 0xbb is in more
    lone = LoneProducer("liquidity_accounts")
    pools(lone, "0xaa", 1)
    account(lone, 10, 0.9, "0xaa")
    for number in range(others):
        pools(lone, f"0x{number:040x}", 1)
    account(lone, 11, 0.3, "0xbb")
    assert lone.grades == {"liquidity_gone": grade}


def test_what_is_under_half_a_percent_of_the_depth_is_not_named() -> None:
    lone = LoneProducer("liquidity_accounts")
    account(lone, 10, 0.5, to_wallets=0.009, to_bridges=0.9)
    assert lone.only().said == "50% of BTC's ±2 % depth left curve 0x4444…4444: 45% over bridges"


def test_an_account_is_described_in_full() -> None:
    lone = LoneProducer("liquidity_accounts")
    account(lone, 10, 0.5)
    account(lone, 20, 0.6)
    assert lone.only() == Evidence(
        id="liquidity_gone:BTC:ethereum",
        leg=Leg.MIGRATION,
        name="liquidity_gone",
        subject=Subject(asset="BTC", network="ethereum"),
        grade=2,
        weight=2.0,
        half_life_s=3600.0,
        onset=moment(10),
        at=moment(20),
        value=0.6,
        normal=0.0,
        unit="share of ±2 % depth",
        far_per_day=1.0,
        said="60% of BTC's ±2 % depth left curve 0x4444…4444: 60% to wallets",
        links=(),
        shared=False,
    )


def test_a_fifth_of_the_depth_and_half_of_what_left_unexplained_is_a_drain_one_grade_higher() -> None:
    lone = LoneProducer("liquidity_accounts")
    attributes: dict[str, Scalar] = {"event_id": "a1", "token": "0xaa", "depth_share": 0.4, "to_wallets": 0.5}
    lone.send(SignalKind.LIQUIDITY_ACCOUNTED, 10, 0.5, POOL, attributes)
    assert lone.grades == {"liquidity_drained": 3}


def test_what_was_half_added_again_is_a_migration() -> None:
    lone = LoneProducer("liquidity_accounts")
    account(lone, 10, 0.5, readded=0.5, to_wallets=0.5)
    assert lone.grades == {"migration": 2}


def test_evidence_that_a_newer_account_replaces_was_true() -> None:
    lone = LoneProducer("liquidity_accounts")
    account(lone, 10, 0.8)
    account(lone, 20, 0.3)
    assert (lone.grades, lone.active.retracted) == ({"liquidity_gone": 1}, [])


@pytest.mark.parametrize(("before", "after"), [(0.0, 1.0), (0.1, 0.0)])
def test_an_account_without_concentration_is_no_fragmentation(before: float, after: float) -> None:
    lone = LoneProducer("fragmentation")
    attributes: dict[str, Scalar] = {"hhi_before": before, "hhi_after": after, "event_id": "a1"}
    lone.send(SignalKind.LIQUIDITY_ACCOUNTED, 0, 1.0, POOL, attributes)
    lone.complete(0)
    assert lone.evidence == []


def test_a_fall_of_open_interest_is_not_renewed_without_a_new_figure() -> None:
    lone = LoneProducer("open_interest")
    for second, base in ((0, 100.0), (10, 80.0)):
        lone.send(SignalKind.OPEN_INTEREST, second, 1.0, VENUE, {"base": base})
    lone.complete(10)
    lone.complete(40)
    found = lone.only()
    assert (found.onset, found.at, found.said) == (moment(0), moment(10), "open interest fell 20% within 10 s")


@pytest.mark.parametrize(("times", "weight"), [(1, 0.2), (10, 0.3), (100, 0.4), (1000, 0.4)])
def test_what_is_further_beyond_its_bound_weighs_more_up_to_twice(times: float, weight: float) -> None:
    lone = LoneProducer("fragility")
    lone.send(SignalKind.VOLUME, 0, 1e6, attributes={"market": "spot"})
    lone.send(SignalKind.VOLUME, 0, 8e6 * times, attributes={"market": "perp"})
    lone.complete(0)
    assert lone.only().weight == pytest.approx(weight)
