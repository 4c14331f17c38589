"""A venue's word that auto-deleveraging began is evidence of forced closing while it says so; its end makes the evidence weak."""

from __future__ import annotations

import pytest

from monitor.correlator.evidence import deleveraging
from monitor.incidents import LEGS, Evidence, Leg
from monitor.signals import SignalKind, Subject
from tests.monitor.correlator.lone_producer import VENUE, LoneProducer, moment

ALPHA = Subject(asset="BTC", venue="alpha", instrument="BTC-PERP")
BETA = Subject(asset="BTC", venue="beta", instrument="BTC-PERP")


def word(lone: LoneProducer, second: float, active: float, who: Subject = VENUE) -> None:
    lone.send(SignalKind.DELEVERAGING, second, active, who)


def test_a_begin_is_described_in_full() -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, 1)
    assert lone.only() == Evidence(
        id="deleveraging:BTC:alpha/BTC-PERP",
        leg=Leg.LIQUIDATION,
        name="deleveraging",
        subject=ALPHA,
        grade=2,
        weight=2.0,
        half_life_s=180.0,
        onset=moment(100),
        at=moment(100),
        value=0.0,
        normal=0.0,
        unit="s",
        far_per_day=1.0,
        said="alpha BTC-PERP deleverages: it closes profitable positions by force",
        links=(),
        shared=False,
    )


@pytest.mark.parametrize(("active", "nats"), [(1, 2.0), (0, -1.0)], ids=["begins", "quiet"])
def test_a_begin_moves_the_liquidation_leg_alone(active: float, nats: float) -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, active)
    assert [lone.nats(leg, 100) for leg in LEGS] == [nats, -1.0, -1.0]


def test_an_end_replaces_the_begin_by_weak_evidence_with_its_length() -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, 1)
    word(lone, 160, 1)
    word(lone, 190, 0)
    found = lone.only()
    assert (found.grade, found.onset, found.at, found.value) == (1, moment(100), moment(190), 90.0)
    assert found.said == "alpha BTC-PERP ended auto-deleveraging after 90 s"
    assert lone.active.retracted == []


def test_two_instruments_of_an_asset_are_grade_three() -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, 1)
    word(lone, 101, 1, Subject(asset="ETH", venue="alpha"))
    assert set(lone.grades.values()) == {2}
    word(lone, 102, 1, BETA)
    lone.complete(110)
    assert {one.id: one.grade for one in lone.evidence} == {
        "deleveraging:BTC:alpha/BTC-PERP": 3,
        "deleveraging:BTC:beta/BTC-PERP": 3,
        "deleveraging:ETH:alpha": 2,
    }


def test_it_is_renewed_while_the_venue_says_so_and_fades_when_it_says_nothing() -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, 1)
    lone.complete(215)
    assert lone.only().at == moment(100)
    lone.complete(220)
    assert lone.only().at == moment(220)
    lone.complete(221)
    lone.complete(230)
    assert lone.only().at == moment(220)


def test_a_word_of_no_asset_or_no_venue_is_passed_over() -> None:
    lone = LoneProducer("deleveraging")
    word(lone, 100, 1, Subject(venue="alpha"))
    word(lone, 100, 1, Subject(asset="BTC"))
    assert lone.evidence == []


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleveraging, "MAX_ACTIVE", 4)
    lone = LoneProducer("deleveraging")
    for number in range(9):
        word(lone, number, 1, Subject(asset="BTC", venue=f"v{number}"))
    assert len(lone.producer._active) == 4  # type: ignore[attr-defined]
