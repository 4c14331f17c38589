"""Defines the event that an operator described by its signature; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chain.events.place import Address, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEventSeen:
    """`contract` wrote the event of `rule`, and its arguments meet the rule's conditions.

    `arguments` are name (or number from 1 on) and value as text; "" for a text, bytes or list, which are not decoded.
    """

    place: Place
    seen_at: datetime
    event_id: str
    rule: str
    signature: str
    contract: Address
    arguments: tuple[tuple[str, str], ...]
