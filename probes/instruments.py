"""Chooses which of a venue's instruments are watched, and knows which are quoted in bundles of their asset. Pure.

Venues quote cheap assets by the thousand or million: 1000PEPE, 1MBABYDOGE, SHIB1000, kPEPE. The asset is PEPE in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from re import compile as pattern
from typing import TypeVar

from probes.readings import (
    BundledInstrument,
    Instrument,
    Liquidation,
    Market,
    MarkPrice,
    OpenInterest,
    Volume,
)
from probes.venue import BookChecksum, BookDelta, BookSnapshot, LevelText, Venue

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


_BEFORE = pattern(r"(10{3,8}|1M|k)([^\W_a-z][^\W_a-z]{2,})")
_AFTER = pattern(r"([^\W\d_a-z]{3,})(10{3,8})")
_WORDS = {"1M": Decimal(1_000_000), "k": Decimal(1000)}
Word = TypeVar("Word")


def unbundled(name: str, market: Market) -> tuple[str, Decimal]:
    """The asset of a listed base, and how many units of it the base is: ("PEPE", 1000) of 1000PEPE; most are one.

    A "k" before a name or a number behind it is a bundle on derivatives only: kBTC is a coin of its own on spot.
    """
    before = _BEFORE.fullmatch(name)
    if before is not None and (before[1] != "k" or market is not Market.SPOT):
        return before[2], _WORDS.get(before[1]) or Decimal(before[1])
    after = _AFTER.fullmatch(name)
    if after is not None and market is not Market.SPOT:
        return after[1], Decimal(after[2])
    return name, Decimal(1)


def by_asset(listed: Instrument) -> Instrument:
    """The instrument under the name of its asset."""
    asset, bundle = unbundled(listed.base, listed.market)
    if bundle == 1 or isinstance(listed, BundledInstrument):
        return listed
    return BundledInstrument(
        symbol=listed.symbol, base=asset, quote=listed.quote, market=listed.market, contract_size=listed.contract_size,
        inverse=listed.inverse, trading=listed.trading, bundle=bundle,
    )  # fmt: skip


def in_units(word: Word, known: Instrument | None) -> Word:
    """A reading or book in units of its asset. Values in quote units stay as they are."""
    if not isinstance(known, BundledInstrument) or known.inverse:
        return word
    bundle, factor = known.bundle, float(known.bundle)
    match word:
        case Liquidation():
            return replace(word, price=word.price / bundle, quantity=word.quantity * bundle)
        case OpenInterest():
            return replace(word, base=word.base * bundle)
        case MarkPrice():
            return replace(word, mark=_by(word.mark, factor), index=_by(word.index, factor))
        case Volume():
            return replace(word, base=None if word.base is None else word.base * bundle, last=_by(word.last, factor))
        case BookSnapshot() | BookDelta():
            return replace(word, bids=_levels(word.bids, factor), asks=_levels(word.asks, factor))
        case BookChecksum():
            return replace(word, bids=_texts(word.bids, factor), asks=_texts(word.asks, factor))
    return word


def _by(price: float | None, factor: float) -> float | None:
    return None if price is None else price / factor


def _levels(levels: Sequence[tuple[float, float]], factor: float) -> list[tuple[float, float]]:
    return [(price / factor, size * factor) for price, size in levels]


def _texts(levels: Sequence[LevelText], factor: float) -> list[LevelText]:
    return [(price / factor, price_text, size_text) for price, price_text, size_text in levels]
