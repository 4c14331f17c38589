"""Tests of accounts of removed liquidity as evidence: graded by depth, with origin and destination, counted once, retracted."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import liquidity_accounts
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_evidence import ProducerHarness

POOL, THERE = "0x" + "ab" * 20, "0x" + "cd" * 20
RIFT = Subject(asset="RIFT", network="ethereum", pool=POOL)


def accounted(
    harness: ProducerHarness,
    second: float,
    depth_share: float | None,
    unexplained: float = 0.0,
    *,
    event_id: str = "",
    subject: Subject = RIFT,
    **more: Scalar,
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
    attributes = shares | {"event_id": event_id or f"a{second}", "depth_share": depth_share} | more
    kind = SignalKind.LIQUIDITY_ACCOUNTED
    signal = Signal(kind, subject, at(second), at(second), "ethereum/chain", 1, unexplained, attributes)
    harness.producer.on_signal(signal, at(second).timestamp())


@pytest.mark.parametrize(("share", "grade"), [(0.19, 0), (0.2, 1), (0.45, 2), (0.7, 3), (1.0, 3)])
def test_removed_liquidity_is_graded_by_its_share_of_the_depth(share: float, grade: int) -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, share)
    harness.second(11)
    assert harness.grades == ({"liquidity_gone": grade} if grade else {})


def test_the_text_names_where_liquidity_left_and_where_it_went() -> None:
    harness = ProducerHarness("liquidity_accounts")
    first: dict[str, float] = {"readded": 55 / 62, "to_share": 55 / 62, "to_wallets": 7 / 62}
    accounted(harness, 10, 0.62, to_pool=THERE, to_kind="uniswap_v3", to_pools=1, **first)  # type: ignore[arg-type]
    assert harness.grades == {"migration": 2}
    assert harness.text == (
        "62% of RIFT's ±2 % depth left uniswap_v2 0xabab…abab: 55% to uniswap_v3 0xcdcd…cdcd, 7% to wallets"
    )
    then: dict[str, float] = {"readded": 0.5, "to_share": 0.3, "to_wallets": 0.2, "to_bridges": 0.3}
    accounted(harness, 11, 0.62, to_pool=THERE, to_kind="uniswap_v3", to_pools=3, **then)  # type: ignore[arg-type]
    assert harness.text.endswith(
        "19% to uniswap_v3 0xcdcd…cdcd, 12% to 2 other pools, 12% to wallets, 19% over bridges"
    )


@pytest.mark.parametrize(("share", "unexplained", "name", "grade"), [
    (0.5, 0.9, "liquidity_drained", 3), (0.25, 0.6, "liquidity_drained", 1), (0.9, 1.0, "liquidity_drained", 4),
    (0.5, 0.45, "liquidity_gone", 3), (0.5, 0.3, "liquidity_gone", 2),
])  # fmt: skip
def test_unexplained_removals_are_a_drain(share: float, unexplained: float, name: str, grade: int) -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, share, unexplained)
    assert harness.grades == {name: grade}


def test_a_removal_that_is_explained_later_stays_one_fact_and_keeps_its_onset() -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, 0.5, 1.0)
    accounted(harness, 22, 0.5)
    assert harness.grades == {"liquidity_gone": 2}
    accounted(harness, 1800, 0.5, readded=0.9, to_wallets=0.1, to_share=0.9, to_pool=THERE, to_kind="curve", to_pools=1)
    [evidence] = harness.board.everything()
    assert (evidence.name, evidence.grade, evidence.onset, evidence.at) == ("migration", 2, at(10), at(10))
    accounted(harness, 1900, 0.8)
    assert next(harness.board.everything()).at == at(1900)


def test_liquidity_that_returns_to_its_own_pool_lowers_the_grade() -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, 0.8)
    accounted(harness, 100, 0.3)
    assert harness.grades == {"liquidity_gone": 1}
    accounted(harness, 200, 0.1)
    assert not harness.grades


def test_a_removal_counts_only_once_by_pool_share_or_by_depth_share() -> None:
    harness = ProducerHarness("liquidity")
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.9, RIFT, event_id="r", depth_share=0.5)
    harness.send(SignalKind.MIGRATION, 10, 0.9, RIFT, event_id="m", to_pool=THERE, depth_share=0.5)
    assert not harness.grades
    harness.send(SignalKind.LIQUIDITY_REMOVED, 10, 0.9, RIFT, event_id="r", depth_share=None)
    assert harness.grades == {"liquidity_gone": 3}
    other = ProducerHarness("liquidity_accounts")
    accounted(other, 10, None)
    assert not other.grades, "without a known depth the pool's share counts"


def test_liquidity_is_judged_by_the_assets_own_token() -> None:
    harness = ProducerHarness("liquidity_accounts")
    for pool, quote in (("0x1", "0xbb"), ("0x2", "0xcc")):
        harness.send(
            SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0="0xaa",
            token1=quote,
        )  # fmt: skip
    accounted(harness, 10, 1.0, token="0xbb", event_id="b")  # all of that quote, half of RIFT
    accounted(harness, 10, 0.5, event_id="a")
    assert harness.grades == {"liquidity_gone": 2}
    alone = ProducerHarness("liquidity_accounts")
    accounted(alone, 10, 0.9, token="0xbb")
    accounted(alone, 10, 0.3, event_id="a")
    assert alone.grades == {"liquidity_gone": 1}, "of two equal tokens the one that lost less counts"


def test_a_reorg_retracts_an_account_and_leaves_the_earlier_one() -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, 0.5, event_id="one")
    accounted(harness, 22, 0.9, event_id="two")
    harness.send(SignalKind.RETRACTION, 30, subject=RIFT, retracts="unknown")
    assert harness.grades == {"liquidity_gone": 3}
    harness.send(SignalKind.RETRACTION, 30, subject=RIFT, retracts="two")
    assert harness.grades == {"liquidity_gone": 2}
    harness.send(SignalKind.RETRACTION, 31, subject=RIFT, retracts="one")
    assert not harness.grades
    assert len(harness.board.retracted) == 2


def test_accounts_without_an_asset_are_ignored_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liquidity_accounts, "MAX_TOKENS", 2)
    monkeypatch.setattr(liquidity_accounts, "MAX_POOLS", 1)
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, 0.9, subject=Subject(network="ethereum", pool=POOL))
    accounted(harness, 10, 0.9, subject=Subject(asset="RIFT", pool=POOL))
    assert not harness.grades
    for pool in ("0x1", "0x2"):
        for token in ("0xbb", "0xcc", "0xdd"):
            harness.send(
                SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0=token
            )
    for pool in ("0x1", "0x2"):
        harness.send(SignalKind.POOL_DEPTH, 1, 0.5, Subject(asset="RIFT", network="ethereum", pool=pool), token0="0xdd")
    accounted(harness, 10, 0.9)
    assert harness.grades == {"liquidity_gone": 3}


def books(harness: ProducerHarness, second: int, *depths: float) -> None:
    for number, depth in enumerate(depths):
        where = Subject(asset="RIFT", venue=f"venue{number}", instrument="RIFT-USD")
        harness.send(SignalKind.BOOK, second, subject=where, bid_depth_200_usd=depth / 2, ask_depth_200_usd=depth / 2)


def quarter(second: int) -> int:
    """The next second at which samples are taken."""
    return second + -int(at(second).timestamp()) % 15


def test_depth_that_concentrates_in_fewer_places_is_context() -> None:
    harness = ProducerHarness("fragmentation")
    books(harness, 1, 1e6, 1e6, 1e6)
    harness.send(SignalKind.BOOK, 1, subject=Subject(asset="RIFT", venue="venue9"), bid_depth_200_usd=None)
    harness.second(quarter(1))
    harness.second(quarter(1) + 1)
    assert not harness.grades
    accounted(harness, 20, 0.5, hhi_before=0.5, hhi_after=0.45)
    accounted(harness, 20, 0.5, hhi_before=None, hhi_after=None)
    accounted(harness, 20, 0.5, hhi_before=0.1, hhi_after=1.0, subject=Subject(pool=POOL))
    harness.second(quarter(21))
    assert not harness.grades
    books(harness, 40, 1e6, 0.0, 0.0)
    harness.second(quarter(41))
    [evidence] = harness.board.everything()
    assert (evidence.leg, evidence.grade, evidence.normal) == (Leg.FRAGILITY, 1, 3.0)
    assert evidence.said == "RIFT's depth gathers in fewer places (N_eff): over venues 3.0 → 1.0; over pools 2.0 → 2.2"


def test_concentration_over_pools_alone_is_reported_and_a_reorg_retracts_it() -> None:
    harness = ProducerHarness("fragmentation")
    accounted(harness, 20, 0.5, hhi_before=0.25, hhi_after=1.0, event_id="gone")
    harness.second(quarter(21))
    assert "over pools 4.0 → 1.0" in harness.text
    harness.send(SignalKind.RETRACTION, 60, subject=RIFT, retracts="other")
    assert harness.grades
    harness.send(SignalKind.RETRACTION, 60, subject=RIFT, retracts="gone")
    harness.second(quarter(61))
    assert not harness.grades


def test_what_lies_with_a_holder_not_known_yet_is_no_drain() -> None:
    harness = ProducerHarness("liquidity_accounts")
    accounted(harness, 10, 0.5, 0.0, to_wallets=0.0, open=1.0, to_pool=None)
    assert harness.grades == {"liquidity_gone": 2}
    assert harness.text.endswith("50% to a holder not known yet")
    accounted(harness, 22, 0.5, 1.0)
    assert harness.grades == {"liquidity_drained": 3}
