"""A headline: at most 120 characters with a drill's prefix, one finding of each true leg with its own onset and value."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.correlator.explain import counter_evidence
from monitor.correlator.headlines import cut, ended_unwatched, headline, local_headline, venue_headline
from monitor.correlator.venues import VenueAssessment
from monitor.incidents import (
    LEGS,
    Blindness,
    Contribution,
    Evidence,
    Fault,
    IncidentChange,
    Leg,
    LegState,
    LegVerdict,
    Level,
    Verdict,
)
from monitor.pipeline import Origin
from monitor.signals import Subject
from tests.monitor.correlator.storm import DRILL, Story, at, run_log
from tests.monitor.correlator.test_parts import evidence

ALLOWED = 120 - len("DRILL: ")
WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=300)


def leg(name: Leg, said: str, second: float | None, state: LegState = LegState.TRUE) -> LegVerdict:
    onset = None if second is None else at(second)
    named = Contribution(evidence_id=f"e-{name}", name="x", nats=3.0, said=said, onset=onset)
    return LegVerdict(
        leg=name, state=state, evidence=3.0, coverage=1.0, w_lo=3.0, w_hi=3.0, onset=onset, contributions=(named,)
    )


def verdict(*legs: LegVerdict, asset: str = "BTC", blind: tuple[Blindness, ...] = ()) -> Verdict:
    return Verdict(
        at=at(900), asset=asset, level=Level.PERFECT_STORM, p_lo=0.9, p_hi=0.9, prior=-6.0, context=0.0, legs=legs,
        fault=Fault.NONE, blind=blind,
    )  # fmt: skip


def of(name: Leg, measured: str, value: float, unit: str, venue: str | None = None) -> Evidence:
    found = replace(evidence("x", leg=name), id=f"e-{name}", name=measured, value=value, unit=unit)
    return replace(found, subject=Subject(asset="BTC", venue=venue))


def venue(
    name: str,
    fault: Fault = Fault.VENUE,
    assets: Sequence[str] = (),
    blind: Sequence[Blindness] = (),
    dissent: str = "",
) -> VenueAssessment:
    return VenueAssessment(
        venue=name, level=Level.WATCH, state=LegState.TRUE, facts=(), grade=3, fault=fault, blind=tuple(blind),
        blind_stress=False, assets=tuple(assets), dissent=dissent,
    )  # fmt: skip


LONG = "words that go on and on so that three such have no room beside each other"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.83, "share of requests", "kraken failures 83%"),
        (-0.12, "fraction", "kraken failures -12%"),
        (3.4e6, "USD", "kraken failures 3.4 M USD"),
        (12.34, "1/s", "kraken failures 12.3/s"),
        (7, "1/min", "kraken failures 7/min"),
        (5.04, "s", "kraken failures 5.04 s"),
        (41.0, "bps", "kraken failures 41 bps"),
        (1.0, "level", "kraken failures"),
    ],
)
def test_words_that_do_not_fit_give_way_to_the_name_with_the_present_value(value: float, unit: str, shown: str) -> None:
    legs = leg(LEGS[0], "liquidations", 0), leg(LEGS[1], LONG, 60), leg(LEGS[2], LONG, 120)
    line = headline(verdict(*legs), Level.SQUALL, [of(LEGS[1], "venue_failures", value, unit, "kraken")])
    assert line.split("; ")[1] == f"12:01 venue: {shown}"
    assert len(line) <= ALLOWED


def test_a_value_of_no_one_venue_stands_behind_the_name_alone() -> None:
    legs = [leg(one, LONG, None) for one in LEGS]
    line = headline(verdict(*legs), Level.SQUALL, [of(LEGS[1], "price_shock", 0.3, "fraction")])
    assert line.endswith("; venue: price shock 30%")


@pytest.mark.parametrize(
    ("contract", "others", "shown"),
    [
        ("0x" + "ab" * 20, "short", "upgrade 0xabab…abab"),
        ("0x" + "ab" * 20, LONG, "upgrade"),
        (None, "short", "upgrade"),
    ],
)
def test_a_finding_without_a_value_is_named_with_its_contract_if_that_fits(
    contract: str | None, others: str, shown: str
) -> None:
    said = "eip1967 " + LONG
    found = of(Leg.MIGRATION, "upgrade", 1.0, "1")
    known = [replace(found, subject=Subject(asset="BTC", contract=contract))]
    legs = leg(Leg.LIQUIDATION, others, 0), leg(Leg.VENUE, others, 60), leg(Leg.MIGRATION, said, 120)
    assert headline(verdict(*legs), Level.PERFECT_STORM, known).endswith(f"; 12:02 migration: {shown}")


def test_asides_are_left_out_before_anything_else() -> None:
    said = "liquidations 49x normal (5.0/s, 10,200 USD in 30 s, 100% longs)"
    legs = leg(LEGS[0], said, 0), leg(LEGS[1], "alpha fails 80% of requests (timeout 9)", 9)
    assert headline(verdict(*legs), Level.SQUALL) == (
        "SQUALL BTC: liquidations 49x normal since 12:00:00; venue: alpha fails 80% of requests since 12:00:09"
    )


def test_who_dissents_is_named_where_there_is_room_and_argues_against_it_in_any_case() -> None:
    fails = "alpha fails from home alone; away reached it"
    short, long = (verdict(leg(Leg.VENUE, said, 0)) for said in ("alpha is slow", LONG))
    assert headline(short, Level.WATCH, (), fails).endswith(f" since 12:00:00; {fails}")
    assert fails not in headline(long, Level.WATCH, (), fails)
    assert counter_evidence(long, fails) == (fails,)


@given(
    st.lists(WORDS, min_size=3, max_size=3),
    WORDS,
    st.tuples(st.sampled_from(Level), st.sampled_from(Level)),
    st.lists(st.sampled_from(LegState), min_size=3, max_size=3),
)
def test_a_headline_is_short_whatever_the_words_and_names_each_true_leg_with_its_onset(
    said: list[str], name: str, levels: tuple[Level, Level], states: list[LegState]
) -> None:
    legs = [
        leg(one, words, 60 * n, state) for n, (one, words, state) in enumerate(zip(LEGS, said, states, strict=True))
    ]
    blind = tuple(Blindness(source=words, leg=Leg.VENUE, coverage=0.0, since=at(0), reason=name) for words in said)
    reported = replace(verdict(*legs, asset=name, blind=blind), level=levels[1])
    line = headline(reported, levels[0], (), name)
    assert len(line) <= ALLOWED
    for number, (one, state) in enumerate(zip(LEGS, states, strict=True)):
        assert one in line.lower() or state is LegState.FALSE
        assert f"12:0{number}" in line or state is not LegState.TRUE


@given(st.lists(WORDS, max_size=20), WORDS, st.sampled_from(Fault))
def test_no_name_or_finding_makes_the_headline_of_a_venue_or_a_vantage_too_long(
    said: list[str], name: str, fault: Fault
) -> None:
    blind = [Blindness(source=words, leg=Leg.VENUE, coverage=0.0, since=at(0), reason=name) for words in said]
    for whose in (name, f"target:{name}"):
        seen = venue(whose, fault, said, blind, name)
        assert len(venue_headline(Level.SQUALL, seen, evidence(name))) <= ALLOWED
        assert len(venue_headline(Level.CALM, seen, None)) <= ALLOWED
    for asked in (True, False):
        assert len(local_headline(name, back=False, asked=asked)) <= ALLOWED
    assert len(ended_unwatched(name)) <= ALLOWED


@pytest.mark.parametrize(
    ("words", "affects"),
    [
        (6, "the market; affects 9 assets: A0, A1, A2, A3, A4, A5, A6, A7 and 1 more"),
        (30, "the market; affects 9 assets: A0, A1, A2 and 6 more"),
        (50, "the market; affects 9 assets"),
    ],
)
def test_a_venue_with_many_assets_names_fewer_and_then_only_counts_them(words: int, affects: str) -> None:
    reported = venue_headline(
        Level.WATCH, venue("k", Fault.MARKET, [f"A{n}" for n in range(9)]), evidence("w" * words, second=3)
    )
    assert reported == f"WATCH venue k: {'w' * words} since 12:00:03; {affects}"


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [("one two", 7, "one two"), ("one two", 6, "one…"), ("one, two", 7, "one…"), ("onetwo", 4, "one…"), ("a", 0, "…")],
)
def test_text_is_cut_between_words_and_says_so(text: str, width: int, kept: str) -> None:
    assert cut(text, width) == kept


def stormy(seed: int) -> IncidentChange:
    """The page of a storm whose legs begin in any order, with any strength, at two to four venues."""
    chance = random.Random(seed)
    story = Story(72, seed=seed, asset=chance.choice(["BTC", "ETH", "1000PEPE"]))
    venue_s, surge_s, code_s = (chance.uniform(25, 45) for _ in range(3))
    story.trouble(
        venue_s,
        99,
        *chance.sample(story.venues, chance.randint(2, 4)),
        outcome=chance.choice(["timeout", "unavailable"]),
    )
    story.surge(surge_s, 99, chance.uniform(5, 20)).upgrade(code_s).migrate(code_s, chance.uniform(0.5, 0.95))
    outcome = run_log(story.signals(), DRILL, story.asset)
    [page] = [one for one in outcome.of(f"asset:{story.asset}") if one.pages]
    assert all(len(one.headline) <= ALLOWED for one in outcome.changes)
    return page


def told_in_full(seed: int) -> None:
    page = Origin(drill=True).of(stormy(seed))
    assert page.headline.startswith("DRILL: PERFECT STORM ")
    assert len(page.headline) <= 120
    assert {one.leg for one in page.evidence} >= set(LEGS)
    assert page.verdict is not None
    assert all(one in page.headline.lower() for one in LEGS)
    named = re.findall(r"\b\d\d:\d\d\b", page.headline)
    first = [one.contributions[0].onset for one in page.verdict.legs]
    assert named == sorted(f"{one:%H:%M}" for one in first if one is not None)
    assert len(named) == 3


def test_the_page_of_a_storm_names_three_legs_with_evidence_of_each() -> None:
    told_in_full(0)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(1, 50))
def test_the_page_of_every_storm_names_three_legs_with_evidence_of_each(seed: int) -> None:
    told_in_full(seed)
