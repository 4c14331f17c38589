"""What dialects declare of their figures: the censoring of liquidations, and funding that compares over eight hours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from probes import venues
from probes.readings import Censoring, Funding
from probes.venue import Context
from tests.probes.test_dialects import NOW, feed


def test_each_liquidation_feed_declares_its_censoring() -> None:
    feeds = [(name, one) for name in venues.NAMES for one in venues.declared(name).feeds]
    assert [name for name, one in feeds if one.name == "liquidation" and one.censoring is None] == []
    declared = {name: one.censoring for name, one in feeds if one.censoring}
    documented = {
        "binance_usdm": Censoring.LATEST_PER_SECOND,
        "bitget": Censoring.LARGEST_PER_SECOND,
        "bybit": Censoring.COMPLETE,
        "deribit": Censoring.COMPLETE,
        "gate": Censoring.COMPLETE,
        "htx": Censoring.COMPLETE,
        "kraken_futures": Censoring.COMPLETE,
        "okx": Censoring.ONE_PER_SECOND,
    }
    assert {name: declared.get(name) for name in documented} == documented


@pytest.mark.parametrize(
    ("venue", "feed_name", "frame"),
    [
        ("kraken_futures", "liquidation", {
            "feed": "ticker", "product_id": "PF_XBTUSD", "time": 1793491200000, "markPrice": 100, "openInterest": 1,
            "relative_funding_rate": 0.0000125,
        }),
        ("hyperliquid", "book_ws", {
            "channel": "activeAssetCtx",
            "data": {"coin": "BTC", "ctx": {
                "funding": "0.0000125", "openInterest": "1", "markPx": "100", "dayNtlVlm": "1", "dayBaseVlm": "1",
            }},
        }),
        ("deribit", "liquidation", {
            "params": {"channel": "ticker.BTC_USDC-PERPETUAL.100ms", "data": {
                "instrument_name": "BTC_USDC-PERPETUAL", "timestamp": 1793491200000, "mark_price": 100, "open_interest": 1,
                "current_funding": 0.0001, "stats": {},
            }},
        }),
    ],
)  # fmt: skip
def test_funding_rates_that_are_equal_in_eight_hours_compare_equal(venue: str, feed_name: str, frame: Any) -> None:
    context = Context(venue=venues.declared(venue).id, check=feed_name, received_at=NOW)
    words = feed(venue, feed_name).read(json.dumps(frame).encode(), context)
    (rate,) = [one for one in words if isinstance(one, Funding)]
    assert rate.interval_s is not None
    assert rate.rate * 8 * 3600 / rate.interval_s == pytest.approx(0.0001)
