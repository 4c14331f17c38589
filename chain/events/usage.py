"""Defines the events about the use of wallets and tokens; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chain.events.place import Address, Place, TokenName


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSilent:
    """A venue's hot wallets paid out no `asset` for `silent_s`, longer than `usual_s`: a withdrawal halt.

    A silence of `usual_s` comes by chance `per_day` times a day at this stream's own rhythm of `rate_per_day` blocks
    with outflows.
    """

    place: Place
    seen_at: datetime
    event_id: str
    venue: str
    asset: str
    silent_s: float
    usual_s: float
    per_day: float
    rate_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletResumed:
    """Outflows came back after `silent_s`; `silent_event_id` is the first WalletSilent of that silence."""

    place: Place
    seen_at: datetime
    event_id: str
    venue: str
    asset: str
    silent_s: float
    silent_event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsed:
    """One hour of a token: transfers, their sum, addresses taking part (a sketch: within about 5 %), pools' reserves.

    `complete`: the hour was watched from its first block. `reserves`: the last balance of all watched pools of
    the token read in the hour; None: no pool is watched or none could be read.
    """

    place: Place
    seen_at: datetime
    event_id: str
    token: Address
    hour: datetime
    transfers: int
    moved: int
    active: int
    reserves: int | None
    complete: bool
    token_names: tuple[TokenName, ...] = ()
