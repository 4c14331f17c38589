"""Coinbase as its API behaves: the Exchange API for spot, the Advanced Trade list of futures, and its status page. No socket.

Futures count in contracts of ten units, and are charged funding each hour. A throttled client gets HTTP 429 and a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitor.drill.world.dialect import BYSTANDER, Dialect, Quiet, Reply, RestRequest
from monitor.drill.world.figures import iso, listed, price, status_page, texts, traded_base
from monitor.drill.world.market import SimVenue

ADVANCED = "/api/v3/brokerage"
CONTRACT = 10
HOURS = 8
"""The world's funding rate is one of eight hours; here it is charged each hour."""
HOUR_MS = 3_600_000


class Coinbase(Quiet):
    """Implements the dialect."""

    id = "coinbase"

    def hosts(self, port: int) -> Mapping[str, str]:
        """Three REST hosts, on one port."""
        base = f"http://127.0.0.1:{port}"
        return {"rest": base, "advanced": f"{base}{ADVANCED}", "status": f"{base}/status"}

    def rest(self, request: RestRequest, venue: SimVenue) -> Reply | None:
        """A path's answer."""
        path, now_ms = request.path, request.now_ms
        match path:
            case "/time":
                return Reply(payload={"iso": iso(now_ms), "epoch": now_ms / 1000})
            case "/status/api/v2/summary.json":
                return Reply(payload=status_page())
            case "/currencies":
                return Reply(payload=[_currency(one, venue) for one in listed(venue)])
            case "/products":
                return Reply(payload=[_product(one, venue) for one in listed(venue)])
            case "/api/v3/brokerage/market/products":
                rows = [_future(one, venue, now_ms) for one in listed(venue)]
                return Reply(payload={"products": rows, "num_products": len(rows)})
        if not path.startswith("/products/"):
            return None
        name, _, what = path.removeprefix("/products/").partition("/")
        if name != f"{venue.asset}-USD":
            return Reply(status=404, payload={"message": "NotFound"})
        if not what:
            return Reply(payload=_product(venue.asset, venue))
        if what == "book":
            book = venue.books["spot"]
            bids, asks = ([[*level, 1] for level in texts(side, venue)] for side in book.levels())
            return Reply(payload={"sequence": book.last_id, "bids": bids, "asks": asks, "time": iso(now_ms)})
        if what == "stats":
            last, base = price(venue), f"{traded_base(venue, 'spot'):.2f}"
            return Reply(payload={"open": last, "high": last, "low": last, "volume": base, "last": last})
        return None

    def throttled(self, request: RestRequest, venue: SimVenue) -> Reply:
        """429 with a sentence."""
        return Reply(status=429, payload={"message": "Public rate limit exceeded"})


def _currency(asset: str, venue: SimVenue) -> dict[str, object]:
    """A network has one state for both directions."""
    closed = (venue.weather.withdrawals_closed or venue.weather.deposits_closed) and asset == venue.asset
    network = {"id": "ethereum", "name": "Ethereum", "status": "offline" if closed else "online"}
    return {
        "id": asset, "name": asset, "status": "online", "message": "", "details": {"type": "crypto"},
        "supported_networks": [network],
    }  # fmt: skip


def _product(asset: str, venue: SimVenue) -> dict[str, object]:
    return {
        "id": f"{asset}-USD", "base_currency": asset, "quote_currency": "USD", "status": "online", "status_message": "",
        "cancel_only": venue.weather.cancel_only, "trading_disabled": False, "post_only": False, "limit_only": False,
        "auction_mode": False, "quote_increment": "0.0001",
        "base_increment": "1", "display_name": f"{asset}/USD",
    }  # fmt: skip


def _future(asset: str, venue: SimVenue, now_ms: int) -> dict[str, object]:
    ours = asset != BYSTANDER
    details = {
        "venue": "cde", "contract_code": asset[:3], "contract_size": str(CONTRACT), "contract_root_unit": asset,
        "contract_expiry_type": "EXPIRING", "funding_interval": "3600s", "perpetual_details": None,
        "open_interest": f"{venue.interest / CONTRACT:.0f}" if ours else "0",
        "funding_rate": f"{venue.weather.funding_rate / HOURS:.10f}" if ours else "0.0000100000",
        "funding_time": iso((now_ms // HOUR_MS + 1) * HOUR_MS),
    }  # fmt: skip
    return {
        "product_id": f"{asset[:3]}-20DEC30-CDE", "price": price(venue) if ours else "60000", "trading_disabled": False,
        "product_type": "FUTURE", "quote_currency_id": "USD", "future_product_details": details,
    }  # fmt: skip


DIALECT: Dialect = Coinbase()
