"""Defines the event of a liquidation on a lending market or an on-chain venue; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chain.events.place import Address, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLiquidated:
    """A position of `account` was liquidated at `market`, a contract of `protocol`.

    `collateral` is what the operator named for the asset: a token, a market, or a market's id. `long`: the position gained
    from a rising price of the asset, as every debt does that is secured by it. `amount` is in the asset's smallest units, of
    which 10 ** `decimals` are one; None: not known. `usd` is the size in dollars where the log itself states it.
    """

    place: Place
    seen_at: datetime
    event_id: str
    protocol: str
    market: Address
    collateral: str
    account: Address
    long: bool
    amount: int | None
    decimals: int | None
    usd: float | None = None

    @property
    def quantity(self) -> float | None:
        """The amount in units of the asset; None: not known."""
        return None if self.amount is None or self.decimals is None else self.amount / 10**self.decimals
