"""Chooses which of a venue's instruments are watched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.readings import Instrument, Market
from probes.venue import Venue

QUOTES = ("USDT", "USDC", "USD")


def choose(listed: Iterable[Instrument], assets: Sequence[str], wanted: Sequence[str]) -> list[Instrument]:
    """One spot and one linear perpetual of each asset, in USDT before USDC before USD, and those `wanted` by symbol."""
    by_kind: dict[tuple[str, Market], Instrument] = {}
    named: list[Instrument] = []
    for one in listed:
        if one.symbol in wanted:
            named.append(one)
        if one.base not in assets or one.quote not in QUOTES or one.inverse or not one.trading:
            continue
        if one.market is Market.FUTURE:
            continue
        best = by_kind.get((one.base, one.market))
        if best is None or (QUOTES.index(one.quote), len(one.symbol)) < (QUOTES.index(best.quote), len(best.symbol)):
            by_kind[one.base, one.market] = one
    chosen = {(one.market, one.symbol): one for one in (*by_kind.values(), *named)}
    return [chosen[key] for key in sorted(chosen)]


def guessed(venue: Venue, assets: Sequence[str]) -> list[Instrument]:
    """The instruments an asset should have, before the venue's listing is known."""
    return [
        Instrument(symbol=symbol, base=asset, quote="USDT", market=market)
        for asset in assets
        for market, symbol in venue.symbols(asset).items()
    ]
