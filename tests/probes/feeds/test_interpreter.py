"""What a feed's frames mean over time, without sockets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import FeedLag, Instrument, Liquidation, Market

T0 = datetime(2026, 11, 1, tzinfo=UTC)
BYBIT = venues.declared("bybit")
RIFT = Instrument(symbol="RIFTUSDT", base="RIFT", quote="USDT", market=Market.PERP)


def test_a_batch_of_liquidations_does_not_count_as_feed_lag() -> None:
    offset = ClockOffset()
    feed = next(one for one in BYBIT.feeds if one.name == "liquidation")
    reader = FeedReader(BYBIT.id, feed, offset, [RIFT])
    reader.opened(T0, 0.0)
    stamp_ms = int(T0.timestamp() * 1000)
    order = {"T": stamp_ms - 480, "s": "RIFTUSDT", "S": "Buy", "v": "10", "p": "2.5"}
    batch = {"topic": "allLiquidation.RIFTUSDT", "type": "snapshot", "ts": stamp_ms, "data": [order]}
    ticker = {
        "topic": "tickers.RIFTUSDT",
        "type": "snapshot",
        "ts": stamp_ms,
        "data": {"symbol": "RIFTUSDT", "markPrice": "2.5"},
    }

    received_at = T0 + timedelta(milliseconds=20)
    frame = reader.frame(json.dumps(batch).encode(), received_at, 0.02, {"RIFTUSDT": RIFT})
    reader.frame(json.dumps(ticker).encode(), received_at, 0.02, {"RIFTUSDT": RIFT})
    lags = [one for one in reader.second(T0 + timedelta(seconds=1), 1.0) if isinstance(one, FeedLag)]

    assert any(isinstance(one, Liquidation) for one in frame.readings)
    assert [one.lag_s + one.bound_s < 0.48 for one in lags] == [True]
