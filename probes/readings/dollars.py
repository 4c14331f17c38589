"""Says which quote currencies count as one US dollar, and takes figures in another currency out of a reading. Pure.

The rule: USD and the tokens that promise one dollar count as 1 USD, also while one of them trades below it; nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from probes.readings.market import OpenInterest, Volume
from probes.readings.terms import Instrument

DOLLARS = frozenset(
    {"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USDS", "USD1", "DAI", "PYUSD", "USDG", "RLUSD"}
)
"""EUR, TRY, BTC and whatever else a pair may be quoted in are no dollars, nor is HTX's index of stablecoins, USDX."""
Said = TypeVar("Said")


def is_in_dollars(instrument: Instrument | None) -> bool:
    """Whether an instrument's quote counts as dollars; of one that is not listed nobody knows."""
    return instrument is not None and instrument.quote in DOLLARS


def in_dollars(reading: Said, instruments: Mapping[str, Instrument]) -> Said:
    """The reading; a volume or open interest of an instrument that is not quoted in dollars is left without its figure in USD."""
    if isinstance(reading, Volume | OpenInterest) and reading.usd is not None:
        return reading if is_in_dollars(instruments.get(reading.instrument)) else replace(reading, usd=None)
    return reading
