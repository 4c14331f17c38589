"""A field that a venue renames, drops, nulls or empties makes what was made of it unknown: never ok, operational, open or zero.

Every field of every message that the project has is changed, of the shared recordings too where they are. No list says which
fields count: whatever is believed of the changed message must have been believed before.
"""

from __future__ import annotations

import json

import pytest

from tests.probes.cases import found, title
from tests.probes.drift import Drift, Message, at_its_time, believed, believes_too_much, drifts, lost_beside
from tests.probes.test_payloads_of_venues import NEWS, readers
from tests.probes.test_payloads_of_venues import title as title_of
from tests.probes.test_shared_payloads import BY_NAME, FRAMES, REST, ROOT, cases, context

EMPTY_IS_HEALTH = {("okx", "system_status"): ("data",), ("bybit", "system_status"): ("result", "list")}
"""OKX's and Bybit's pages: an empty list of windows is the answer of a venue that has none."""
NEWEST_ONLY = frozenset({("bitget", "long_short_ratio"), ("htx", "long_short_ratio")})
"""Their pages do not say in which order the periods come."""
NULL_IS_HEALTH = {("hyperliquid", "system_status"): ("specialStatuses",)}
"""Hyperliquid's answer while nothing is special."""
RECORDED = frozenset({"binance_usdm"})
"""Declared venues of which this holds for the shared recordings too. No venue may leave them."""


def fixtures() -> list[Message]:
    return [
        Message(
            title(one),
            one.venue,
            one.payload,
            one.reader,
            one.context,
            EMPTY_IS_HEALTH.get((one.venue, one.subject), ()),
            NULL_IS_HEALTH.get((one.venue, one.subject), ()),
            (one.venue, one.subject) in NEWEST_ONLY,
        )
        for one in found()
        if one.source["grade"] == "documented" and one.payload[:1] in (b"{", b"[")
    ]


def recordings() -> list[Message]:
    messages = []
    for one in cases(errors=False) if ROOT.exists() else ():
        body = one.path.read_bytes()
        if one.path.name.endswith(".http.json"):
            body = json.dumps(json.loads(body)["body"]).encode()
        reader = BY_NAME.get((one.venue, one.name)) or REST.get((one.venue, one.capability)) or FRAMES[one.venue]
        name = f"{one.venue}/{one.capability}/{one.name}"
        messages.append(
            Message(name, one.venue, body, reader, context(one), EMPTY_IS_HEALTH.get((one.venue, one.capability), ()))
        )
    return messages + [
        Message(title_of(one), one.venue, one.answer[2], reader, one.context())
        for one in NEWS
        if one.venue in RECORDED
        for reader in readers(one)[:1]
    ]


def complaint(message: Message, drift: Drift) -> str | None:
    before = believed(message, message.body)
    if more := believes_too_much(message, before, drift):
        return f"{drift} is believed as {more[0]}"
    if lost := lost_beside(message, before, drift):
        return f"{drift} costs another row: {lost[0]}"
    return None


def faults(message: Message) -> list[str]:
    timed = at_its_time(message)
    return [found for one in drifts(timed.body) if (found := complaint(timed, one)) is not None]


@pytest.mark.parametrize("message", fixtures(), ids=lambda one: one.title)
def test_a_field_that_is_gone_from_a_documented_message_leaves_its_row_unknown_and_the_others_alive(
    message: Message,
) -> None:
    assert faults(message) == []


@pytest.mark.skipif(not ROOT.exists(), reason="the shared payload folder is not here")
@pytest.mark.parametrize("message", recordings(), ids=lambda one: one.title)
def test_a_field_that_is_gone_from_a_recorded_message_leaves_its_row_unknown_and_the_others_alive(
    message: Message,
) -> None:
    assert faults(message) == []
