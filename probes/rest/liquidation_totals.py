"""Reads CoinGlass's liquidations of one asset over several venues, by interval: what others count in the same time. Pure.

Source: docs.coinglass.com, API v4, "Coin Liquidation History" (GET /api/futures/liquidation/aggregated-history): rows of `time`
(milliseconds, the interval's begin) and the USD of longs and shorts; a `code` other than "0" is a refusal in a good status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import msgspec

from probes.dialect import decode
from probes.readings import MalformedReason, MarketLiquidations, Refusal, VenueId
from probes.venue import Malformed, Refused

COINGLASS = VenueId("coinglass")
CHECK = "market_liquidations"
PATH = "/api/futures/liquidation/aggregated-history"
INTERVALS: Mapping[str, float] = {
    "1m": 60.0, "3m": 180.0, "5m": 300.0, "15m": 900.0, "30m": 1800.0, "1h": 3600.0, "4h": 14_400.0,
}  # fmt: skip
SETTLED_S = 60.0
"""An interval counts from so long after its end on: late reports are in it then."""
MAX_ROWS = 1000
CODES: Mapping[str, Refusal] = {
    "400": Refusal.BAD_REQUEST, "401": Refusal.UNAUTHORIZED, "403": Refusal.UNAUTHORIZED, "404": Refusal.BAD_REQUEST,
    "429": Refusal.THROTTLED, "500": Refusal.VENUE_ERROR,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked: an asset, the length of the intervals, and the venues by CoinGlass's names."""

    asset: str
    interval: str
    exchanges: tuple[str, ...]

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the request: the last complete interval is among the last three."""
        return {
            "exchange_list": ",".join(self.exchanges), "symbol": self.asset, "interval": self.interval, "limit": "3",
        }  # fmt: skip


class _Answer(msgspec.Struct):
    code: str | int
    msg: Any = None
    data: list[Any] | None = None


_ANSWER = decode.Decoder(_Answer)


def newest_total(body: bytes, asked: Asked, received_at: datetime) -> MarketLiquidations | None:
    """The newest interval that is complete and settled, None if there is none. Raises Refused or Malformed."""
    answer = _ANSWER.decode(body)
    if str(answer.code) != "0":
        kind = CODES.get(str(answer.code), Refusal.UNKNOWN_CODE)
        raise Refused(kind, f"code {answer.code} {answer.msg if isinstance(answer.msg, str) else ''}".strip()[:200])
    if answer.data is None or len(answer.data) > MAX_ROWS:
        raise Malformed("$.data: missing, or too long")
    rows = [_total(row, asked, received_at) for row in answer.data]
    settled = [one for one in rows if _settled(one, received_at)]
    return max(settled, key=lambda one: one.begins_at, default=None)


def _settled(one: MarketLiquidations, received_at: datetime) -> bool:
    return one.begins_at + timedelta(seconds=one.interval_s + SETTLED_S) <= received_at


def _total(row: Any, asked: Asked, received_at: datetime) -> MarketLiquidations:
    if not isinstance(row, dict):
        raise Malformed("$.data: a row is no table")
    length_s = INTERVALS[asked.interval]
    at_ms = _amount(row, "time")
    if at_ms % (length_s * 1000):
        raise Malformed("$.data.time: not the begin of an interval", MalformedReason.STAMP)
    return MarketLiquidations(
        venue=COINGLASS,
        asset=asked.asset,
        received_at=received_at,
        begins_at=decode.at_ms(at_ms, "$.data.time"),
        interval_s=length_s,
        long_usd=_amount(row, "aggregated_long_liquidation_usd"),
        short_usd=_amount(row, "aggregated_short_liquidation_usd"),
        exchanges=len(asked.exchanges),
    )


def _amount(row: Mapping[str, Any], name: str) -> float:
    """A number, or a text of one, of 0 or more. Absent is malformed, never zero."""
    given = row.get(name)
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        try:
            found = float(given)
        except (ValueError, OverflowError):
            found = -1.0
        if isfinite(found) and found >= 0:
            return found
    raise Malformed(f"$.data.{name}: {str(given)[:40]!r} is no amount", MalformedReason.FIGURE)
