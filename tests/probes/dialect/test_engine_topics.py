"""What the engine promises of channels, packed frames and checks at another host, for a venue that does not exist."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from probes import dialect as d
from probes.dialect import decode
from probes.readings import Censoring, Instrument, Liquidation, Market, MarkPrice, Side
from probes.venue import Heard, Malformed, Pong, ReadFrame
from tests.probes.dialect.test_engine import CONTEXT, MS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAIRS = [
    Instrument(symbol=f"spot:{one}USDT", base=one, quote="USDT", market=Market.SPOT) for one in ("BTC", "ETH", "SOL")
]


def heard(read: ReadFrame, whole: Any) -> list[Any]:
    return list(read(json.dumps(whole).encode(), CONTEXT))


def test_a_channel_is_asked_for_as_a_whole_or_for_each_instrument_by_the_wires_name() -> None:
    channels = [
        d.Channel(topic="forced.all", speaks=(Liquidation,), rare=True),
        d.Channel(topic="mark.{}.1s", name="mark", speaks=(MarkPrice,), main=False),
    ]
    made = d.asking(
        channels, lambda topics, number: {"id": number, "names": [one.name for one in topics]}, prefix="spot:"
    )
    topics = made["topics"](PAIRS[:2])
    assert [(one.name, one.channel, one.instrument, one.main, one.rare) for one in topics] == [
        ("forced.all", "forced.all", None, True, True),
        ("mark.BTCUSDT.1s", "mark", "spot:BTCUSDT", False, False),
        ("mark.ETHUSDT.1s", "mark", "spot:ETHUSDT", False, False),
    ]
    (request,) = made["ask"](topics, NOW)
    assert json.loads(request.text) == {"id": int(request.id), "names": [one.name for one in topics]}
    assert request.topics == tuple(one.name for one in topics)
    assert list(made["subscribe"](PAIRS[:2], NOW)) == [request.text]
    assert list(made["ask"]((), NOW)) == []


def test_topics_are_asked_for_some_at_once_each_text_with_an_id_of_its_own() -> None:
    def text(word: str) -> Any:
        return lambda topics, number: {word: [one.instrument for one in topics], "id": number}

    channel = d.Channel(topic="mark.{}", speaks=(MarkPrice,))
    made = d.asking([channel], text("sub"), text("req"), at_once=2)
    requests = made["ask"](made["topics"](PAIRS), NOW)
    said = [json.loads(one.text) for one in requests]
    symbols = [one.symbol for one in PAIRS]
    assert [one.get("sub") or one["req"] for one in said] == [symbols[:2], symbols[:2], symbols[2:], symbols[2:]]
    assert [("sub" in one, "req" in one) for one in said] == [(True, False), (False, True)] * 2
    assert [str(one["id"]) for one in said] == [one.id for one in requests]
    assert len({one.id for one in requests}) == 4
    assert requests == made["ask"](made["topics"](PAIRS), NOW), "the same again, live and replayed"


def test_a_gzip_is_unpacked_within_its_bound_and_what_is_none_is_left_as_it_is() -> None:
    packed = gzip.compress(b"x" * 1000)
    assert decode.gunzipped(packed, 1000) == b"x" * 1000
    assert decode.gunzipped(b'{"a":1}', 10) == b'{"a":1}'
    for broken in (packed[:-9], packed[:5] + b"?" * 20, gzip.compress(b"x" * 1001)):
        with pytest.raises(Malformed, match="gzip"):
            decode.gunzipped(broken, 1000)


def test_a_socket_of_two_forms_is_read_by_the_first_that_has_something_to_say() -> None:
    marks = d.Rows(says=(d.MarkPrices(symbol="s", mark="m"),))
    read = d.either(
        d.frames(d.Frames(channel="ch"), {"mark": marks}),
        d.frames(d.Frames(channel="rep", payload="tick"), {"mark": marks}),
    )
    row = {"s": "A", "m": 1}
    assert [one.mark for one in heard(read, {"ch": "mark", "data": row})] == [1.0]
    assert [one.mark for one in heard(read, {"rep": "mark", "tick": row})] == [1.0]
    assert list(heard(read, {"other": "mark"})) == []


def test_a_control_can_be_known_by_how_its_text_starts() -> None:
    read = d.frames(d.Frames(controls=(d.Control(path="w", like="Already", means=d.Means.PONG),)), {})
    assert list(heard(read, {"w": "Already there"})) == [Pong()]
    for words in ("Not already", 7, None, ["Already"]):
        assert list(heard(read, {"w": words})) == []


def test_a_channels_frame_without_anything_for_us_is_heard_where_it_proves_its_topic() -> None:
    forced = d.Liquidations(
        symbol="s", price="p", size="q", side="x", sides={"b": Side.LONG}, at=d.Stamp("t"), censoring=Censoring.COMPLETE
    )
    rows = d.Rows(says=(forced,), only={"k": frozenset({"forced"})})
    read = d.frames(d.Frames(symbol="s", proves={"trade": "trade:{symbol}"}), {"trade": rows, "deal": rows})
    usual = {"s": "A", "data": {"k": "usual", "s": "A"}}
    assert list(heard(read, {"channel": "trade", **usual})) == [Heard(name="trade:A")]
    assert list(heard(read, {"channel": "deal", **usual})) == []
    row = {"k": "forced", "s": "A", "p": 1, "q": 1, "x": "b", "t": MS}
    (order,) = heard(read, {"channel": "trade", "s": "A", "data": row})
    assert order.instrument == "A"


def test_a_check_can_be_asked_at_another_host_with_another_allowance() -> None:
    check = d.calls(d.check("volume", "/v", lambda _body, _context: (), 60), host="other", budget="own", cost=3)
    call = check.call(None)
    assert (call.path, call.host, call.budget, call.cost, check.every_s) == ("/v", "other", "own", 3, 60)
