"""Tests of the evidence board: decay, renewal, the share of a venue, order, removal and retraction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.correlator import active_evidence
from monitor.correlator.active_evidence import MAX_EVIDENCE, ActiveEvidence
from monitor.correlator.producer import FAR_PER_DAY, MAX_LINKS, WEIGHT, EvidenceBoard, Finding, graded
from monitor.incidents import Evidence, Leg
from monitor.signals import Subject
from tests.monitor.correlator.assessors import Assessors
from tests.monitor.correlator.storm import at
from tests.monitor.correlator.test_parts import evidence


def nats(board: ActiveEvidence, second: float, leg: Leg = Leg.MIGRATION, asset: str = "BTC") -> list[tuple[str, float]]:
    return [(one.evidence.id, round(one.nats, 6)) for one in board.of(asset, leg, at(second).timestamp())]


def empty() -> ActiveEvidence:
    return Assessors("").board


def test_evidence_weighs_half_after_its_half_life_and_never_more_than_at_first() -> None:
    board = empty()
    board.put(evidence("x", 4.0, 10))
    assert nats(board, 10) == [("x", 4.0)]
    assert nats(board, 110) == [("x", 2.0)]
    assert nats(board, 210) == [("x", 1.0)]
    assert nats(board, 0) == [("x", 4.0)]


def test_evidence_is_removed_below_a_twentieth_of_a_nat() -> None:
    board = empty()
    board.put(evidence("x", 0.1))
    board.fade(at(100).timestamp())
    assert nats(board, 100) == [("x", 0.05)]
    board.fade(at(101).timestamp())
    assert board.get("x") is None
    assert nats(board, 101) == []


def test_renewed_evidence_replaces_the_old_one_only_if_it_weighs_as_much() -> None:
    board = empty()
    board.put(evidence("x", 4.0))
    board.put(replace(evidence("x", 2.0, 100), said="as heavy"))
    assert [one.said for one in board.everything()] == ["as heavy"]
    board.put(replace(evidence("x", 1.9, 100), said="lighter"))
    assert [one.said for one in board.everything()] == ["as heavy"]


def test_the_evidence_of_a_leg_is_sorted_by_weight_and_then_by_id() -> None:
    board = empty()
    for name, weight in (("b", 1.0), ("c", 3.0), ("a", 1.0)):
        board.put(evidence(name, weight))
    assert nats(board, 0) == [("c", 3.0), ("a", 1.0), ("b", 1.0)]
    assert [one.id for one in board.everything()] == ["a", "b", "c"]
    assert nats(board, 0, Leg.LIQUIDATION) == []
    assert nats(board, 0, asset="ETH") == []


@pytest.mark.parametrize(("venues", "reach"), [("abcd", 0.25), ("abc", 4 / 9), ("ab", 1.0), ("a", 1.0), ("bcd", 0.0)])
def test_a_venues_fact_alone_reaches_an_asset_by_the_square_of_twice_its_share_and_at_most_whole(
    venues: str, reach: float
) -> None:
    assessors = Assessors(venues)
    assessors.fact("a", weight=3.0)
    expected = [("f:a", round(3.0 * reach, 6))] if reach else []
    assert nats(assessors.board, 0, Leg.VENUE) == expected


def test_the_facts_of_two_venues_add_up_in_an_asset_that_trades_at_both() -> None:
    assessors = Assessors("abcd")
    assessors.reachable_from("home", "away")
    assessors.fact("a", weight=3.0)
    assessors.fact("b", weight=2.0)
    leg = assessors.asset().verdict.legs[1]
    # two of four at once a day or rarer, for 100 s: 4 · 3 / 864 · 2 · 25/12 = .058 a day, 3.35 nats; the share is half
    assert leg.evidence == pytest.approx(3.35, abs=0.01)
    assert [one.evidence_id for one in leg.contributions] == ["f:a", "f:b", ""]
    assert nats(assessors.board, 0, Leg.VENUE) == [("f:a", 3.0), ("f:b", 2.0)]


@pytest.mark.parametrize(("stressed", "nats_of_leg"), [(1, -0.86), (3, 4 * 6 / 14), (7, 4.0), (10, 4.0), (14, 4.0)])
def test_venues_that_are_stressed_together_reach_an_asset_by_the_sum_of_their_shares(
    stressed: int, nats_of_leg: float
) -> None:
    assessors = Assessors("abcdefghijklmn")
    assessors.reachable_from("home", "away")
    for venue in "abcdefghijklmn"[:stressed]:
        assessors.fact(venue, weight=4.0)
    assert assessors.asset().verdict.legs[1].evidence == pytest.approx(nats_of_leg, abs=0.01)


def test_an_assets_own_finding_at_a_venue_is_weighed_by_the_venues_share_too() -> None:
    assessors = Assessors("abcd")
    assessors.board.put(replace(evidence("w", 3.0, leg=Leg.VENUE), subject=Subject(asset="BTC", venue="a")))
    assert nats(assessors.board, 0, Leg.VENUE) == [("w", 0.75)]


def test_shared_facts_are_listed_by_venue_with_the_heaviest_first() -> None:
    assessors = Assessors("abcd")
    assessors.fact("b", weight=1.0)
    assessors.fact("a", weight=1.0, name="x")
    assessors.fact("a", weight=3.0, name="y")
    assessors.fact("a", weight=1.0, name="w")
    assessors.own(Leg.VENUE, weight=4.0)
    assessors.now_s += 100
    shared = assessors.board.shared(assessors.now_s)
    assert list(shared) == ["a", "b"]
    assert [(one.evidence.id, one.nats) for one in shared["a"]] == [("y:a", 1.5), ("w:a", 0.5), ("x:a", 0.5)]


def test_what_keeps_an_asset_in_one_venue_alone_is_about_that_venue_and_other_evidence_of_an_asset_is_not() -> None:
    assessors = Assessors("ab")

    def halted(venue: str, name: str = "withdrawals") -> None:
        closed = replace(evidence(f"{name}:{venue}", 3.0, leg=Leg.VENUE), subject=Subject(asset="BTC", venue=venue))
        assessors.board.put(replace(closed, name=name))

    assessors.fact("a", weight=4.0, name="slow")
    halted("b", "book_spread")
    assert list(assessors.board.about_venues(assessors.now_s)) == ["a"]
    halted("a")
    told = assessors.board.about_venues(assessors.now_s)
    assert [one.evidence.id for one in told["a"]] == ["slow:a", "withdrawals:a"]
    halted("b")
    assert [one.evidence.id for one in assessors.board.about_venues(assessors.now_s)["a"]] == ["slow:a"]


def test_a_price_off_the_market_at_one_venue_alone_is_about_that_venue_whatever_holds_the_asset_elsewhere() -> None:
    assessors = Assessors("ab")

    def put(venue: str, name: str) -> None:
        found = replace(evidence(f"{name}:{venue}", 3.0, leg=Leg.VENUE), subject=Subject(asset="BTC", venue=venue))
        assessors.board.put(replace(found, name=name))

    def told() -> dict[str, list[str]]:
        about = assessors.board.about_venues(assessors.now_s)
        return {venue: [one.evidence.name for one in facts] for venue, facts in about.items()}

    put("b", "price_away")
    put("a", "withdrawals")
    assert told() == {"a": ["withdrawals"], "b": ["price_away"]}
    put("a", "mark_off_index")
    assert told() == {"a": ["withdrawals"]}


def test_what_keeps_an_asset_in_its_only_venue_is_the_assets_own_matter() -> None:
    assessors = Assessors("a")
    closed = replace(evidence("w", 3.0, leg=Leg.VENUE), subject=Subject(asset="BTC", venue="a"), name="withdrawals")
    assessors.board.put(closed)
    assert assessors.board.about_venues(assessors.now_s) == {}


def test_only_retracted_evidence_is_remembered_as_retracted() -> None:
    board = empty()
    for name in ("x", "y"):
        board.put(evidence(name))
    board.withdraw("x")
    assert board.retracted == []
    board.withdraw("y", retracted=True)
    board.withdraw("y", retracted=True)
    assert [one.id for one in board.retracted] == ["y"]
    assert nats(board, 0) == []


@pytest.mark.parametrize(("since", "left"), [(50, ["old"]), (50.5, ["new", "old"]), (0, [])])
def test_evidence_found_at_or_after_a_given_time_is_discarded(since: float, left: list[str]) -> None:
    board = empty()
    board.put(evidence("old", second=0))
    board.put(evidence("new", second=50))
    board.discard(Leg.MIGRATION, at(since).timestamp())
    assert [one.id for one in board.everything()] == left


def test_a_full_board_drops_the_most_faded_evidence_and_the_first_id_among_equals() -> None:
    assert MAX_EVIDENCE == 4096
    board = empty()
    for index in range(MAX_EVIDENCE):
        board.put(evidence(f"e{index:04}", 2.0, second=0 if index == 7 else 10))
    assert len(list(board.everything())) == MAX_EVIDENCE
    board.put(evidence("z", 2.0, second=10))
    assert board.get("e0007") is None
    board.put(evidence("zz", 2.0, second=10))
    assert board.get("e0000") is None
    assert board.get("zz") is not None


def test_a_time_is_reported_to_the_microsecond() -> None:
    assert active_evidence.utc(at(1).timestamp() + 0.0000004) == at(1)


def pinned(assessors: Assessors, *, key: str = "", **more: object) -> Evidence:
    evidence_board = EvidenceBoard(assessors.settings, assessors.sources, assessors.board, assessors.attribution)
    finding = Finding(
        name="n", leg=Leg.VENUE, subject=Subject(asset="BTC", venue="a", instrument="BTC-PERP"), grade=2,
        onset_s=at(5).timestamp(), at_s=at(10).timestamp(), half_life_s=60.0, value=1 / 3, normal=None, unit="s",
        said="so", key=key,
    )  # fmt: skip
    evidence_board.put(replace(finding, **more))  # type: ignore[arg-type]
    [one] = assessors.board.everything()
    return one


def test_pinned_evidence_has_the_weight_and_the_false_alarm_rate_of_its_grade() -> None:
    assert FAR_PER_DAY == {1: 24.0, 2: 1.0, 3: 1 / 7, 4: 1 / 91}
    assert WEIGHT == {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    one = pinned(Assessors("a"), normal=2 / 3)
    assert (one.id, one.weight, one.far_per_day, one.grade) == ("n:BTC:a/BTC-PERP", 2.0, 1.0, 2)
    assert (one.value, one.normal, one.onset, one.at) == (0.333333333, 0.666666667, at(5), at(10))
    assert not one.shared
    assert pinned(Assessors("a"), key="k", weight=0.7).weight == 0.7
    assert pinned(Assessors("a"), far_per_day=0.05).far_per_day == 0.05
    assert pinned(Assessors("a"), key="k").id == "n:BTC:a/BTC-PERP:k"


def test_renewed_evidence_keeps_the_earliest_onset_and_at_most_eight_links() -> None:
    assessors = Assessors("a")
    pinned(assessors, links=[f"l{index}" for index in range(5)])
    again = pinned(
        assessors, onset_s=at(8).timestamp(), at_s=at(11).timestamp(), links=["l4", *(f"m{i}" for i in range(9))]
    )
    assert again.onset == at(5)
    assert again.at == at(11)
    assert again.links == ("l0", "l1", "l2", "l3", "l4", "m0", "m1", "m2")
    assert MAX_LINKS == 8
    assert pinned(assessors, onset_s=at(2).timestamp()).onset == at(2)


@pytest.mark.parametrize(
    ("grade", "onset", "dated", "since"),
    [
        (2, 11, False, 5),  # as grave: it goes on
        (3, 9, False, 5),  # graver, and begun before the old one was found last
        (3, 10, False, 5),  # graver, and begun when the old one was found last
        (3, 11, False, 11),
        (3, 9, True, 9),
        (2, 9, True, 5),
        (1, 910, False, 5),
        (1, 911, False, 911),  # a quarter of an hour apart
    ],
)
def test_a_finding_that_is_another_one_has_its_own_onset_and_its_own_links(
    grade: int, onset: int, *, dated: bool, since: int
) -> None:
    assessors = Assessors("a")
    pinned(assessors, half_life_s=1e6, links=["old"])  # found at 10 s
    again = pinned(
        assessors, grade=grade, weight=4.0, onset_s=at(onset).timestamp(), at_s=at(onset + 1).timestamp(), dated=dated,
        links=["new"],
    )  # fmt: skip
    assert again.onset == at(since)
    assert again.links == (("new",) if since == onset else ("old", "new"))


def test_while_our_own_network_is_suspected_no_venue_evidence_is_pinned_and_all_other_is() -> None:
    assessors = Assessors("a")
    assessors.attribution.suspected = True
    evidence_board = EvidenceBoard(assessors.settings, assessors.sources, assessors.board, assessors.attribution)
    for leg in Leg:
        evidence_board.put(
            Finding(
                name=leg.value, leg=leg, subject=Subject(asset="BTC"), grade=2, onset_s=0.0, at_s=0.0,
                half_life_s=60.0, value=1.0, normal=None, unit="1", said="so",
            )
        )  # fmt: skip
    assert {one.leg for one in assessors.board.everything()} == {Leg.LIQUIDATION, Leg.MIGRATION, Leg.FRAGILITY}


@pytest.mark.parametrize(("value", "grade"), [(0.9, 0), (1.0, 1), (1.9, 1), (2.0, 2), (3.0, 3), (4.0, 4), (9.0, 4)])
def test_a_value_has_the_grade_of_the_last_threshold_it_reaches(value: float, grade: int) -> None:
    assert graded(value, (1.0, 2.0, 3.0, 4.0)) == grade
