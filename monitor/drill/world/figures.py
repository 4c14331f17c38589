"""Writes the world's figures in the forms that several venues share: levels, prices, volumes, stamps, a status page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.drill.scenario import Liquidated
from monitor.drill.world.dialect import BYSTANDER
from monitor.drill.world.market import SPOT_VOLUME_USD, Forced, SimVenue

Levels = Sequence[tuple[int, int]]
"""(grid place, size in base units)."""
PERIOD_MS = 300_000


def texts(levels: Levels, venue: SimVenue, unit: int = 1) -> list[list[str]]:
    """Pairs of price and size as text, the size in contracts of `unit` base units."""
    return [[venue.grid.text(at), str(size // unit)] for at, size in levels]


def numbers(levels: Levels, venue: SimVenue, unit: int = 1) -> list[list[float]]:
    """Pairs of price and size as numbers."""
    return [[float(venue.grid.text(at)), size // unit] for at, size in levels]


def price(venue: SimVenue, at: float | None = None) -> str:
    """A price, the middle by default, with the grid's digits."""
    return f"{venue.mid if at is None else at:.{venue.grid.digits}f}"


def mark(venue: SimVenue) -> str:
    """The mark price, and the index price, which is the same here."""
    return f"{venue.mid:.8f}"


def traded_usd(venue: SimVenue, market: str) -> float:
    """What a market traded in 24 h, in quote units."""
    return SPOT_VOLUME_USD if market == "spot" else venue.perp_volume_usd()


def traded_base(venue: SimVenue, market: str) -> float:
    """The same in base units."""
    return traded_usd(venue, market) / venue.mid


def listed(venue: SimVenue) -> tuple[str, str]:
    """The assets that the venue lists."""
    return venue.asset, BYSTANDER


def longs(venue: SimVenue) -> float:
    """The share of accounts that are long, 0..1."""
    return venue.weather.long_short / (1 + venue.weather.long_short)


def closing_side(order: Forced) -> str:
    """The side of the order that closes a liquidated position."""
    return "sell" if order.side is Liquidated.LONG else "buy"


def period_ms(now_ms: int) -> int:
    """The begin of the present five minutes."""
    return now_ms // PERIOD_MS * PERIOD_MS


def iso(at_ms: int) -> str:
    """A time as "2026-11-01T00:00:00.500Z"."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def named_in(message: Mapping[str, Any], field: str) -> list[Any]:
    """The list of a message's field; anything else is an empty one."""
    found = message.get(field)
    return found if isinstance(found, list) else []


def message_in(text: str) -> dict[str, Any]:
    """A client's message; one that is no JSON object is empty, so that no dialect knows it."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def status_page(*parts: str, group: str = "") -> Mapping[str, Any]:
    """A page at Statuspage where all is well, with these parts in a group (support.atlassian.com/statuspage)."""
    ids = [f"part{place}" for place, _ in enumerate(parts)]
    head = [{"id": "group", "name": group, "status": "operational", "group": True, "group_id": None, "components": ids}]
    rows = [
        {"id": one, "name": name, "status": "operational", "group": False, "group_id": "group" if group else None}
        for one, name in zip(ids, parts, strict=True)
    ]
    return {
        "page": {"id": "drill"}, "components": [*(head if group else []), *rows], "incidents": [],
        "scheduled_maintenances": [], "status": {"indicator": "none", "description": "All Systems Operational"},
    }  # fmt: skip
