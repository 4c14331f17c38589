"""Defines a sink: what it gets, and how a delivery can end. A note also says what its sink missed before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

import aiohttp

from monitor.alerting.missed import Missed
from monitor.correlator.levels import by_chance
from monitor.incidents import LEVEL_NAMES, Fault, IncidentChange, LegState, Level, Verdict

MAX_BLIND_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a sink gets: the change, its title and text, and the minimum level of its route.

    `missed`: changes of this incident that were too old to be sent on their own; `change` is then the present state. `lost`:
    at most so many entries of the log were removed before this sink had read them; 0 if none were. `reminded_at`: the note
    says again what the sink got before, at this time; None for news. `crossed_at`: when the first change that it tells was
    judged; None where the time to its delivery is no measure of us (a reminder, the end of a silence).
    """

    change: IncidentChange
    title: str
    text: str
    min_level: Level
    missed: Missed | None = None
    lost: int = 0
    reminded_at: datetime | None = None
    crossed_at: datetime | None = None

    @property
    def key(self) -> str:
        """The same for every attempt at one change, so that a receiver takes it once: "incident_id:revision".

        A reminder has the time of the reminding behind it. Percent-encoded, because a vantage's name may hold any character.
        """
        again = "" if self.reminded_at is None else f":reminder-{self.reminded_at.timestamp():.0f}"
        return quote(f"{self.change.incident_id}:{self.change.revision}{again}", safe=":-._")

    @property
    def pages(self) -> bool:
        """Whether the note pages somebody: a page that was missed, or a reminder, is told, but pages nobody any more."""
        late = self.missed is not None and self.missed.late
        return self.change.pages and not late and self.reminded_at is None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the sink missed, a line each; empty if nothing."""
        return _remarks(self.missed, self.lost)


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


def note_of(
    change: IncidentChange,
    min_level: Level,
    *,
    missed: Missed | None = None,
    lost: int = 0,
    crossed_at: datetime | None = None,
) -> Note:
    """Build the note for a change: a title of one line, and a text with what to know before opening the runbook."""
    level = LEVEL_NAMES[change.level].upper().replace("-", " ")
    page = " PAGE" if change.pages and not (missed is not None and missed.late) else ""
    kind = str(change.kind).replace("_", " ")
    drill = "DRILL " if change.drill else ""
    title = f"{drill}{level}{page} {change.scope} {kind}"
    if missed is not None:
        title += f" ({_count(missed.changes, 'change')} missed, {_count(missed.pages, 'page')})"
    lines = [*_remarks(missed, lost), change.headline]
    if change.news:
        lines.append(f"new: {'; '.join(change.news)}")
    if change.verdict is not None:
        states = ", ".join(f"{one.leg} {one.state}" for one in change.verdict.legs)
        unknown = [str(one.leg) for one in change.verdict.legs if one.state is LegState.UNKNOWN]
        lines.append(f"legs: {states}" + (f" (unknown is not calm: {', '.join(unknown)})" if unknown else ""))
        lines += _findings(change.verdict)
        lines.append(f"confidence: storm {change.verdict.p_lo:.0%}, calm {1 - change.verdict.p_hi:.0%}")
    if change.far_per_day:
        lines.append(by_chance(change.far_per_day, change.far_basis))
    if change.exit is not None:
        lines.append(f"exit: {change.exit.words}")
    if change.fault is not Fault.NONE:
        lines.append(f"fault: {change.fault}")
    if change.counter_evidence:
        lines.append(f"against: {'; '.join(change.counter_evidence)}")
    if change.blind:
        named = "; ".join(f"{one.source} ({one.reason})" for one in change.blind[:MAX_BLIND_NAMED])
        more = f" and {len(change.blind) - MAX_BLIND_NAMED} more" if len(change.blind) > MAX_BLIND_NAMED else ""
        lines.append(f"blind: {named}{more}")
    lines += [f"runbook: {change.runbook}", f"replay: {change.replay_id}"]
    return Note(
        change=change, title=title, text="\n".join(lines), min_level=min_level, missed=missed, lost=lost,
        crossed_at=crossed_at,
    )  # fmt: skip


def _findings(verdict: Verdict) -> list[str]:
    """The strongest finding of each true leg in full: the headline has room for less."""
    heaviest = [(leg, leg.contributions[0]) for leg in verdict.legs if leg.state is LegState.TRUE and leg.contributions]
    return [f"{leg.leg}: {one.said}" + (f" since {one.onset:%H:%M:%S}" if one.onset else "") for leg, one in heaviest]


def reminder_of(change: IncidentChange, min_level: Level, at: datetime) -> Note:
    """Build the reminder of an open incident: what its latest note said, said again at this time."""
    note = note_of(replace(change, pages=False), min_level)
    return replace(note, change=change, title=f"STILL OPEN {note.title}", reminded_at=at)


def _remarks(missed: Missed | None, lost: int) -> tuple[str, ...]:
    remarks: list[str] = []
    if missed is not None:
        span = f"{missed.first_at:%Y-%m-%d %H:%M:%S}"
        if missed.last_at != missed.first_at:
            span = f"from {span} to {missed.last_at:%Y-%m-%d %H:%M:%S}"
        remarks.append(
            f"missed: {_count(missed.changes, 'change')} ({_count(missed.pages, 'page')}), {span} UTC, not sent in time;"
            " this is the present state"
        )
    if lost:
        unread = "1 entry that was" if lost == 1 else f"{lost} entries that were"
        remarks.append(f"changes may have been lost: the log no longer holds {unread} not read")
    return tuple(remarks)


def _count(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"
