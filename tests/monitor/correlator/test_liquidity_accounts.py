"""Accounts of what left pools as evidence: graded by depth, told from where to where, counted once, taken back."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import liquidity_accounts
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import Bench

POOL, THERE = "0x" + "ab" * 20, "0x" + "cd" * 20
RIFT = Subject(asset="RIFT", network="ethereum", pool=POOL)


def accounted(
    bench: Bench,
    second: float,
    depth_share: float | None,
    unexplained: float = 0.0,
    *,
    event_id: str = "",
    subject: Subject = RIFT,
    **said: Scalar,
) -> None:
    shares: dict[str, Scalar] = {
        "token": "0xaa",
        "readded": 0.0,
        "to_wallets": 1 - unexplained,
        "to_bridges": 0.0,
        "from_kind": "uniswap_v2",
        "to_pool": None,
        "to_kind": None,
        "to_share": 0.0,
        "to_pools": 0,
    }
    told = shares | {"event_id": event_id or f"a{second}", "depth_share": depth_share} | said
    kind = SignalKind.LIQUIDITY_ACCOUNTED
    signal = Signal(kind, subject, at(second), at(second), "ethereum/chain", 1, unexplained, told)
    bench.producer.on_signal(signal, at(second).timestamp())


@pytest.mark.parametrize(("share", "grade"), [(0.19, 0), (0.2, 1), (0.45, 2), (0.7, 3), (1.0, 3)])
def test_removed_liquidity_is_graded_by_its_share_of_the_depth(share: float, grade: int) -> None:
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, share)
    bench.second(11)
    assert bench.grades == ({"liquidity_gone": grade} if grade else {})


def test_the_text_names_where_liquidity_left_and_where_it_went() -> None:
    bench = Bench("liquidity_accounts")
    first: dict[str, float] = {"readded": 55 / 62, "to_share": 55 / 62, "to_wallets": 7 / 62}
    accounted(bench, 10, 0.62, to_pool=THERE, to_kind="uniswap_v3", to_pools=1, **first)  # type: ignore[arg-type]
    assert bench.grades == {"migration": 2}
    assert bench.said == (
        "62% of RIFT's ±2 % depth left uniswap_v2 0xabab…abab: 55% to uniswap_v3 0xcdcd…cdcd, 7% to wallets"
    )
    then: dict[str, float] = {"readded": 0.5, "to_share": 0.3, "to_wallets": 0.2, "to_bridges": 0.3}
    accounted(bench, 11, 0.62, to_pool=THERE, to_kind="uniswap_v3", to_pools=3, **then)  # type: ignore[arg-type]
    assert bench.said.endswith("19% to uniswap_v3 0xcdcd…cdcd, 12% to 2 other pools, 12% to wallets, 19% over bridges")


@pytest.mark.parametrize(("share", "unexplained", "name", "grade"), [
    (0.5, 0.9, "liquidity_drained", 3), (0.25, 0.6, "liquidity_drained", 1), (0.9, 1.0, "liquidity_drained", 4),
    (0.5, 0.45, "liquidity_gone", 3), (0.5, 0.3, "liquidity_gone", 2),
])  # fmt: skip
def test_unexplained_removals_are_a_drain(share: float, unexplained: float, name: str, grade: int) -> None:
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, share, unexplained)
    assert bench.grades == {name: grade}


def test_a_removal_that_is_explained_later_stays_one_fact_and_keeps_its_onset() -> None:
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, 0.5, 1.0)
    accounted(bench, 22, 0.5)
    assert bench.grades == {"liquidity_gone": 2}
    accounted(bench, 1800, 0.5, readded=0.9, to_wallets=0.1, to_share=0.9, to_pool=THERE, to_kind="curve", to_pools=1)
    [evidence] = bench.board.everything()
    assert (evidence.name, evidence.grade, evidence.onset, evidence.at) == ("migration", 2, at(10), at(10))
    accounted(bench, 1900, 0.8)
    assert next(bench.board.everything()).at == at(1900)


def test_liquidity_that_returns_to_its_own_pool_lowers_the_grade() -> None:
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, 0.8)
    accounted(bench, 100, 0.3)
    assert bench.grades == {"liquidity_gone": 1}
    accounted(bench, 200, 0.1)
    assert not bench.grades


def test_a_removal_counts_only_once_by_pool_share_or_by_depth_share() -> None:
    bench = Bench("liquidity")
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.9, RIFT, event_id="r", depth_share=0.5)
    bench.say(SignalKind.MIGRATION, 10, 0.9, RIFT, event_id="m", to_pool=THERE, depth_share=0.5)
    assert not bench.grades
    bench.say(SignalKind.LIQUIDITY_REMOVED, 10, 0.9, RIFT, event_id="r", depth_share=None)
    assert bench.grades == {"liquidity_gone": 3}
    other = Bench("liquidity_accounts")
    accounted(other, 10, None)
    assert not other.grades, "of what is not known as depth the pool's share tells"


def test_liquidity_is_judged_by_the_assets_own_token() -> None:
    bench = Bench("liquidity_accounts")
    for pool, quote in (("0x1", "0xbb"), ("0x2", "0xcc")):
        bench.say(
            SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0="0xaa",
            token1=quote,
        )  # fmt: skip
    accounted(bench, 10, 1.0, token="0xbb", event_id="b")  # all of that quote, half of RIFT
    accounted(bench, 10, 0.5, event_id="a")
    assert bench.grades == {"liquidity_gone": 2}
    alone = Bench("liquidity_accounts")
    accounted(alone, 10, 0.9, token="0xbb")
    accounted(alone, 10, 0.3, event_id="a")
    assert alone.grades == {"liquidity_gone": 1}, "of equals the one that lost less"


def test_a_reorg_retracts_an_account_and_leaves_the_earlier_one() -> None:
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, 0.5, event_id="one")
    accounted(bench, 22, 0.9, event_id="two")
    bench.say(SignalKind.RETRACTION, 30, subject=RIFT, retracts="unknown")
    assert bench.grades == {"liquidity_gone": 3}
    bench.say(SignalKind.RETRACTION, 30, subject=RIFT, retracts="two")
    assert bench.grades == {"liquidity_gone": 2}
    bench.say(SignalKind.RETRACTION, 31, subject=RIFT, retracts="one")
    assert not bench.grades
    assert len(bench.board.retracted) == 2


def test_accounts_without_an_asset_are_ignored_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liquidity_accounts, "MAX_TOKENS", 2)
    monkeypatch.setattr(liquidity_accounts, "MAX_POOLS", 1)
    bench = Bench("liquidity_accounts")
    accounted(bench, 10, 0.9, subject=Subject(network="ethereum", pool=POOL))
    accounted(bench, 10, 0.9, subject=Subject(asset="RIFT", pool=POOL))
    assert not bench.grades
    for pool in ("0x1", "0x2"):
        for token in ("0xbb", "0xcc", "0xdd"):
            bench.say(SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0=token)
    for pool in ("0x1", "0x2"):
        bench.say(SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0="0xdd")
    accounted(bench, 10, 0.9)
    assert bench.grades == {"liquidity_gone": 3}


def books(bench: Bench, second: int, *depths: float) -> None:
    for number, depth in enumerate(depths):
        where = Subject(asset="RIFT", venue=f"venue{number}", instrument="RIFT-USD")
        bench.say(SignalKind.BOOK, second, subject=where, bid_depth_200_usd=depth / 2, ask_depth_200_usd=depth / 2)


def quarter(second: int) -> int:
    """The next second at which samples are taken."""
    return second + -int(at(second).timestamp()) % 15


def test_depth_that_concentrates_in_fewer_places_is_context() -> None:
    bench = Bench("fragmentation")
    books(bench, 1, 1e6, 1e6, 1e6)
    bench.say(SignalKind.BOOK, 1, subject=Subject(asset="RIFT", venue="venue9"), bid_depth_200_usd=None)
    bench.second(quarter(1))
    bench.second(quarter(1) + 1)
    assert not bench.grades
    accounted(bench, 20, 0.5, hhi_before=0.5, hhi_after=0.45)
    accounted(bench, 20, 0.5, hhi_before=None, hhi_after=None)
    accounted(bench, 20, 0.5, hhi_before=0.1, hhi_after=1.0, subject=Subject(pool=POOL))
    bench.second(quarter(21))
    assert not bench.grades
    books(bench, 40, 1e6, 0.0, 0.0)
    bench.second(quarter(41))
    [evidence] = bench.board.everything()
    assert (evidence.leg, evidence.grade, evidence.normal) == (Leg.FRAGILITY, 1, 3.0)
    assert evidence.said == "RIFT's depth gathers in fewer places (N_eff): over venues 3.0 → 1.0; over pools 2.0 → 2.2"


def test_concentration_over_pools_alone_is_reported_and_a_reorg_retracts_it() -> None:
    bench = Bench("fragmentation")
    accounted(bench, 20, 0.5, hhi_before=0.25, hhi_after=1.0, event_id="gone")
    bench.second(quarter(21))
    assert "over pools 4.0 → 1.0" in bench.said
    bench.say(SignalKind.RETRACTION, 60, subject=RIFT, retracts="other")
    assert bench.grades
    bench.say(SignalKind.RETRACTION, 60, subject=RIFT, retracts="gone")
    bench.second(quarter(61))
    assert not bench.grades
