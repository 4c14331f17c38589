"""The quick constructor of a frozen dataclass makes what the class itself makes: equal, hashable, locked."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pickle import dumps, loads

import pytest

from probes.readings import Censoring, Liquidation, Side, VenueId
from probes.readings.quick import quick
from probes.venue import BookDelta, BookSnapshot, Context

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MAKE = quick(Liquidation)


def made(**changed: object) -> Liquidation:
    given: dict[str, object] = {
        "venue": VenueId("made"), "instrument": "BTC", "received_at": NOW, "event_time": NOW, "side": Side.LONG,
        "price": Decimal(2), "quantity": Decimal(3), "notional_usd": Decimal(6), "censoring": Censoring.COMPLETE,
    }  # fmt: skip
    return MAKE(**{**given, **changed})  # type: ignore[arg-type]


def test_what_it_makes_is_of_the_class_and_equal_to_what_the_class_makes() -> None:
    ours = made(backlog=True)
    theirs = Liquidation(
        venue=VenueId("made"), instrument="BTC", received_at=NOW, event_time=NOW, side=Side.LONG, price=Decimal(2),
        quantity=Decimal(3), notional_usd=Decimal(6), censoring=Censoring.COMPLETE, backlog=True,
    )  # fmt: skip
    assert type(ours) is Liquidation
    assert (ours, hash(ours), repr(ours)) == (theirs, hash(theirs), repr(theirs))
    assert loads(dumps(ours)) == theirs  # our own bytes
    assert replace(ours, backlog=False) == made()


def test_what_it_makes_is_locked_and_takes_defaults() -> None:
    ours = made()
    assert ours.backlog is False
    with pytest.raises(FrozenInstanceError):
        ours.backlog = True  # type: ignore[misc]
    with pytest.raises(AttributeError):
        object.__setattr__(ours, "unknown", 1)


def test_it_refuses_what_the_class_refuses() -> None:
    with pytest.raises(TypeError):
        made(unknown=1)
    with pytest.raises(TypeError):
        MAKE(venue=VenueId("made"))  # type: ignore[call-arg]


def test_a_default_that_is_made_is_made_anew_for_each() -> None:
    one, two = (quick(Context)(venue=VenueId("made"), check="x", received_at=NOW) for _ in range(2))
    assert one == Context(venue=VenueId("made"), check="x", received_at=NOW)
    assert one.headers is not two.headers


def test_books_are_made_the_same_way() -> None:
    whole = quick(BookSnapshot)(instrument="BTC", last_id=1, event_time=None, bids=[], asks=[])
    assert whole == BookSnapshot(instrument="BTC", last_id=1, event_time=None, bids=[], asks=[])
    assert quick(BookDelta)(
        instrument="BTC", first_id=1, last_id=2, prev_id=None, event_time=NOW, bids=[(1.0, 2.0)], asks=[]
    ) == BookDelta(instrument="BTC", first_id=1, last_id=2, prev_id=None, event_time=NOW, bids=[(1.0, 2.0)], asks=[])


def test_a_class_that_computes_when_it_is_made_has_no_quick_constructor() -> None:
    @dataclass(frozen=True, slots=True)
    class Computed:
        one: int = 0
        two: list[int] = field(default_factory=list)

        def __post_init__(self) -> None:
            object.__setattr__(self, "one", 1)

    with pytest.raises(AssertionError):
        quick(Computed)
