"""Defines the events about the address that a contract really delegates to; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import Address, Place


class ProbedBy(StrEnum):
    """How the target of a call's delegation was found."""

    TRACE = "trace"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourMismatch:
    """`contract` claims to delegate to `claimed` and delegates to `actual` instead; reported once for each finding.

    `probes` unrelated calls showed it, by a trace of the call or by code put in the targets' place (a sentinel). `ended`:
    the mismatch reported before has ended, it delegates to what it claims (`actual` is then the target before).
    """

    place: Place
    seen_at: datetime
    event_id: str
    contract: Address
    claimed: tuple[Address, ...]
    actual: Address
    probes: int
    probed_by: ProbedBy
    ended: bool = False
