"""The form of a sink: what it is given, and how a delivery can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import aiohttp

from monitor.incidents import LEVEL_NAMES, Fault, IncidentChange, LegState, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a sink is given: the change, the same in words, and the least level its route asks for."""

    change: IncidentChange
    title: str
    text: str
    min_level: Level


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """Not now; not before `after_s` seconds where the other side said so. `why` holds no secret."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Never: trying again would not help. `why` holds no secret."""

    why: str


Outcome = Delivered | TryAgain | Refused


class Sink(Protocol):
    """A place where notes go."""

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Hand one note over. Failures of the world are outcomes, never raised."""
        ...


def note_of(change: IncidentChange, min_level: Level) -> Note:
    """A change in words: one line of title, and a text that says what to know before the runbook."""
    level = LEVEL_NAMES[change.level].upper().replace("-", " ")
    page = " PAGE" if change.pages else ""
    kind = str(change.kind).replace("_", " ")
    title = f"{level}{page} {change.scope} {kind}"
    lines = [change.headline]
    if change.verdict is not None:
        states = ", ".join(f"{one.leg} {one.state}" for one in change.verdict.legs)
        unseen = [str(one.leg) for one in change.verdict.legs if one.state is LegState.UNKNOWN]
        lines.append(f"legs: {states}" + (f" (unknown is not calm: {', '.join(unseen)})" if unseen else ""))
        lines.append(f"confidence: storm {change.verdict.p_lo:.0%}, calm {1 - change.verdict.p_hi:.0%}")
    if change.fault is not Fault.NONE:
        lines.append(f"fault: {change.fault}")
    if change.counter_evidence:
        lines.append(f"against: {'; '.join(change.counter_evidence)}")
    lines += [f"runbook: {change.runbook}", f"replay: {change.replay_id}"]
    return Note(change=change, title=title, text="\n".join(lines), min_level=min_level)
