"""Defines networks, addresses, and a place in a chain's block."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

NetworkId = NewType("NetworkId", str)
Address = NewType("Address", str)
"""Lower-case 0x-prefixed 20-byte address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of an event on the chain. `log_index` is None where no log reported it (a silent write).

    `disputed`: as many providers of nodes deny what the event rests on as report it, or too few of them have its block.
    """

    network: NetworkId
    block_number: int
    block_hash: str
    block_time: datetime
    transaction: str | None = None
    log_index: int | None = None
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenName:
    """What a token calls itself, made harmless: one line of at most 16 characters. Anybody may choose any name.

    `odd`: the name has letters outside of ASCII (some look like others), or had characters that are no text, or was longer.
    `decimals`: 10 ** decimals of its smallest units are one (None: not known).
    """

    token: Address
    symbol: str
    decimals: int | None
    odd: bool = False
