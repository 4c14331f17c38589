"""A change as JSON and back: null is NaN only where a number must stand; what is unknown stays unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, isnan, nan
from typing import Any

import pytest

from monitor.incidents import IncidentChange, Leg, LegState
from monitor.log.change_json import decode_change, encode_change
from tests.monitor.alerting.sinks.changes import change, evidence, leg, verdict


def body(made: IncidentChange, **other: Any) -> bytes:
    """The change as JSON, with some of its fields replaced there."""
    return json.dumps({**json.loads(encode_change(made)), **other}).encode()


def test_an_unknown_usual_value_stays_unknown_beside_a_rate_that_is_no_number() -> None:
    sent = change(far_per_day=nan, evidence=(evidence(normal=None), evidence(id="e2", far_per_day=inf)))

    back = decode_change(encode_change(sent))

    assert isnan(back.far_per_day)
    first, second = back.evidence
    assert first == sent.evidence[0]
    assert first.normal is None
    assert isnan(second.far_per_day)
    assert replace(second, far_per_day=0.0) == replace(sent.evidence[1], far_per_day=0.0)


def test_a_verdict_of_numbers_that_are_none_comes_back_whole() -> None:
    sent = replace(verdict(), p_lo=nan, legs=(replace(leg(Leg.VENUE, LegState.UNKNOWN, None), w_hi=inf),))

    back = decode_change(encode_change(change(verdict=sent))).verdict

    assert back is not None
    assert isnan(back.p_lo)
    assert isnan(back.legs[0].w_hi)
    numbers = replace(back, p_lo=0.5, legs=(replace(back.legs[0], w_hi=0.5),))
    assert numbers == replace(sent, p_lo=0.5, legs=(replace(sent.legs[0], w_hi=0.5),))
    assert numbers.legs[0].onset is None


def test_a_change_without_a_verdict_has_none_beside_a_rate_that_is_no_number() -> None:
    back = decode_change(encode_change(change(verdict=None, far_per_day=nan)))

    assert back.verdict is None
    assert replace(back, far_per_day=0.0) == change(verdict=None, far_per_day=0.0)


@pytest.mark.parametrize(
    "other",
    [
        {"headline": None},
        {"revision": None},
        {"evidence": 5},
        {"evidence": [5]},
        {"evidence": None},
        {"verdict": "calm"},
    ],
)
def test_null_or_another_value_in_place_of_anything_but_a_number_is_an_error(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(other))):
        decode_change(body(change(), **other))


def test_a_number_that_is_missing_is_an_error_and_not_nan() -> None:
    fields = json.loads(encode_change(change(verdict=None)))
    del fields["far_per_day"]

    with pytest.raises(ValueError, match="far_per_day"):
        decode_change(json.dumps(fields).encode())


def test_a_change_may_be_decoded_from_text_too() -> None:
    assert decode_change(encode_change(change()).decode()) == change()
