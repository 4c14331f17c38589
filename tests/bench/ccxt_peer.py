"""Reads simulated venues with ccxt: run by .peers/ccxt's own Python, never imported by ours.

stdin: {venue: {"hosts": {key: base URL}, "asset": asset}}. stdout: a JSON line for each venue with what ccxt reads of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

ccxt: Any = import_module("ccxt")  # of the peer's own environment


@dataclass(frozen=True)
class Reads:
    """What is read of a venue: ccxt's class, its symbols, options, and the host key by a part of ccxt's own address."""

    name: str
    perp: str = ""
    spot: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[str, ...] = ("interest", "funding")
    amount: str = "openInterestAmount"
    """Where ccxt has the open interest."""
    contracts: bool = False
    """Whether it repeats a count of contracts there."""
    sides: int = 1
    """2: whether it repeats a figure that counts both sides."""
    levels: int | None = None


LINEAR = {"fetchMarkets": {"types": ["linear"]}}
SWAP = {"fetchMarkets": {"types": ["swap"]}}
BOTH = {"fetchMarkets": {"types": ["spot", "swap"]}}
USDT, SPOT = "{}/USDT:USDT", "{}/USDT"
VENUES: Mapping[str, Reads] = {
    "binance_usdm": Reads("binanceusdm", USDT, options={**LINEAR, "defaultType": "swap"}),
    "binance_spot": Reads("binance", spot=SPOT, options={"fetchMarkets": {"types": ["spot"]}}),
    "bybit": Reads("bybit", USDT, SPOT, {"fetchMarkets": {"types": ["spot", "linear"]}}, sides=2),
    "okx": Reads("okx", USDT, SPOT, BOTH, contracts=True),
    "gate": Reads("gate", USDT, SPOT, BOTH, figures=("funding",)),
    "bitget": Reads("bitget", USDT, SPOT, BOTH),
    "coinbase": Reads("coinbaseexchange", spot="{}/USD"),
    "kraken": Reads("kraken", spot=SPOT),
    "kraken_futures": Reads("krakenfutures", "{}/USD:USD", figures=("funding",)),
    "kucoin": Reads(
        "kucoin",
        USDT,
        SPOT,
        {"fetchMarkets": {"types": ["spot", "swap"], "fetchTickersFees": False}},
        {"api-futures": "futures"},
        contracts=True,
        levels=100,
    ),
    "htx": Reads(
        "htx",
        USDT,
        SPOT,
        {"fetchMarkets": {"types": {"spot": True, "linear": True, "inverse": False}}},
        contracts=True,
    ),
    "deribit": Reads("deribit", "{}/USDC:USDC", "{}/USDC", amount="openInterestValue"),
    "hyperliquid": Reads("hyperliquid", "{}/USDC:USDC", "{}/USDC", BOTH),
    "mexc": Reads("mexc", USDT, SPOT, figures=("funding",)),
}
"""ccxt 4.5.90 has no open interest of Gate and MEXC (`has["fetchOpenInterest"]` is false), nor of Kraken Derivatives."""


def moved(address: Any, base: Callable[[str], str]) -> Any:
    """ccxt's addresses with their scheme and host replaced, at every depth."""
    if isinstance(address, dict):
        return {key: moved(one, base) for key, one in address.items()}
    if not isinstance(address, str):
        return address
    parts = urlsplit(address)
    return f"{base(parts.netloc)}{parts.path}"


def opened(reads: Reads, hosts: Mapping[str, str]) -> Any:
    """The exchange, which knows no address but loopback."""

    def base(netloc: str) -> str:
        """Scheme, host and port of ours; with the path only where two hosts of the venue are told apart by it."""
        key = next((key for part, key in reads.hosts.items() if part in netloc), "rest")
        parts = urlsplit(hosts[key])
        return f"{parts.scheme}://{parts.netloc}{parts.path if reads.hosts else ''}"

    one = getattr(ccxt, reads.name)({"enableRateLimit": False, "timeout": 10_000, "options": dict(reads.options)})
    one.urls["api"] = moved(one.urls["api"], base)
    one.hostname = "127.0.0.1"  # were an address left out, it would go nowhere
    one.has["fetchCurrencies"] = False
    return one


def best(book: Mapping[str, Any]) -> list[float]:
    """The best bid and ask."""
    return [book["bids"][0][0], book["asks"][0][0]]


def interest(one: Any, reads: Reads, symbol: str) -> float:
    """Open interest in base units and one side: ccxt repeats what the venue counts in."""
    found = one.fetch_open_interests([symbol])[symbol] if reads.name == "kucoin" else one.fetch_open_interest(symbol)
    unit = one.market(symbol)["contractSize"] if reads.contracts else 1
    return float(found[reads.amount]) * unit / reads.sides


def read(reads: Reads, hosts: Mapping[str, str], asset: str) -> dict[str, Any]:
    """What ccxt reads of a venue, by name; a failure is a text."""
    one = opened(reads, hosts)
    perp, spot = reads.perp.format(asset), reads.spot.format(asset)
    found: dict[str, Any] = {}

    def take(name: str, ask: Callable[[], Any]) -> None:
        try:
            found[name] = ask()
        except Exception as error:  # noqa: BLE001  # whatever ccxt raises is the figure
            found[name] = f"{type(error).__name__}: {error}"[:300]

    take("markets", lambda: len(one.load_markets()))
    if perp:
        take("book", lambda: best(one.fetch_order_book(perp, reads.levels)))
    if spot:
        take("book_spot", lambda: best(one.fetch_order_book(spot, reads.levels)))
    if perp and "interest" in reads.figures:
        take("interest", lambda: interest(one, reads, perp))
    if perp and "funding" in reads.figures:
        take("funding", lambda: one.fetch_funding_rate(perp)["fundingRate"])
    return found


def main() -> None:
    """Read each venue that stdin names and that we know of ccxt."""
    for venue, given in json.load(sys.stdin).items():
        if venue in VENUES:
            print(
                json.dumps({"venue": venue, "reads": read(VENUES[venue], given["hosts"], given["asset"])}), flush=True
            )


if __name__ == "__main__":
    main()
