"""What a chain shows of whom contracts really delegate to; part of the union in `chain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import Address, Place


class ProbedBy(StrEnum):
    """How it was found whom a call delegates to."""

    TRACE = "trace"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourMismatch:
    """`contract` names `claimed` as what it delegates to and delegates to `actual` instead; told once for each finding.

    `probes` unrelated calls showed it, by a trace of the call or by code put in the targets' place (a sentinel). `ended`:
    what was told before holds no more, it delegates to what it claims (`actual` is then what it was before).
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
