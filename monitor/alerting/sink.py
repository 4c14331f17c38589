"""Defines a sink: what it gets, and how a delivery can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import aiohttp

from monitor.incidents import LEVEL_NAMES, Fault, IncidentChange, LegState, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a sink gets: the change, its title and text, and the minimum level of its route."""

    change: IncidentChange
    title: str
    text: str
    min_level: Level


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has accepted the note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """The receiver cannot accept it now, and not before `after_s` seconds if it said so. `why` holds no secret."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The receiver will never accept it: retrying does not help. `why` holds no secret."""

    why: str


Outcome = Delivered | TryAgain | Refused


class Sink(Protocol):
    """An outlet for notes."""

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Deliver one note. Failures of the network or receiver are outcomes, never raised."""
        ...


def note_of(change: IncidentChange, min_level: Level) -> Note:
    """Build the note for a change: a title of one line, and a text with what to know before opening the runbook."""
    level = LEVEL_NAMES[change.level].upper().replace("-", " ")
    page = " PAGE" if change.pages else ""
    kind = str(change.kind).replace("_", " ")
    title = f"{level}{page} {change.scope} {kind}"
    lines = [change.headline]
    if change.verdict is not None:
        states = ", ".join(f"{one.leg} {one.state}" for one in change.verdict.legs)
        unknown = [str(one.leg) for one in change.verdict.legs if one.state is LegState.UNKNOWN]
        lines.append(f"legs: {states}" + (f" (unknown is not calm: {', '.join(unknown)})" if unknown else ""))
        lines.append(f"confidence: storm {change.verdict.p_lo:.0%}, calm {1 - change.verdict.p_hi:.0%}")
    if change.fault is not Fault.NONE:
        lines.append(f"fault: {change.fault}")
    if change.counter_evidence:
        lines.append(f"against: {'; '.join(change.counter_evidence)}")
    lines += [f"runbook: {change.runbook}", f"replay: {change.replay_id}"]
    return Note(change=change, title=title, text="\n".join(lines), min_level=min_level)
