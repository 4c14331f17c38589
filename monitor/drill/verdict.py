"""Judges a drill: what was flagged, how long after the onset, and whether the scenario expects that. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from monitor.drill.scenario import Expect, Scenario
from monitor.incidents import LEVEL_NAMES, ChangeKind, Fault, IncidentChange, Level

LEVELS = {name: level for level, name in LEVEL_NAMES.items()}


@dataclass(frozen=True, slots=True)
class TimedChange:
    """A change, and when it was emitted by our clock."""

    at: datetime
    change: IncidentChange


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """One flagged change: seconds of the scenario, scope, kind, level and headline."""

    at_s: float
    scope: str
    kind: str
    level: str
    headline: str


class RouteAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What one sink of the desk answered. Times are seconds; null where nothing was sent, or nothing delivered.

    `said`: the last answer, or why nothing was sent. `median_s`, `max_s`: how long an attempt took. `latency_s`: the longest
    time from a change's judgement to its delivery. `works`: notes were delivered, and the last one too; null if none was sent.
    """

    sink: str
    type: str
    works: bool | None
    delivered: int
    failed: int
    said: str
    median_s: float | None
    max_s: float | None
    latency_s: float | None


class DrillVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `stormwatch drill --json`. Times are seconds; `flagged_after_s` counts from the third leg's onset."""

    scenario: str
    held: bool
    why: tuple[str, ...]
    expected: str
    highest: str
    flagged_after_s: float | None
    within_s: float
    changes: tuple[Flagged, ...]
    webhooks: int
    webhooks_signed: int
    signals: int
    digest: str
    replay_digest: str
    recording: str
    snapshot: str | None
    incident_id: str | None
    store_rows: int
    rss_mb: float
    routes: tuple[RouteAnswers, ...] = ()
    """How the desk's own sinks took it; empty without any."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement alone: `why` is empty if the drill held."""

    why: tuple[str, ...]
    highest: Level
    flagged_after_s: float | None


def judge(scenario: Scenario, changes: Sequence[TimedChange], begun_at: datetime) -> Judged:
    """Compare the changes with what the scenario expects. Only changes emitted after the scenario began count."""
    expect = scenario.expect
    wanted = LEVELS[expect.level]
    during = [one for one in changes if one.at >= begun_at]
    of_assets = [one for one in during if one.change.scope.startswith("asset:")]
    highest = max((one.change.level for one in of_assets), default=Level.CALM)
    why: list[str] = []
    after_s = None
    if expect.at_most:
        if highest > wanted:
            why.append(f"{LEVEL_NAMES[highest]} was flagged; at most {expect.level} was expected")
    else:
        after_s = _after_s(of_assets, wanted, begun_at + timedelta(seconds=expect.third_leg_at_s))
        if after_s is None:
            why.append(f"{expect.level} was never flagged; the highest was {LEVEL_NAMES[highest]}")
        elif after_s > expect.within_s:
            why.append(f"{expect.level} was flagged after {after_s:.1f} s; {expect.within_s:g} s were allowed")
    if expect.fault and not any(one.change.fault.value == expect.fault for one in during):
        why.append(f"no change named the fault {expect.fault}")
    named = sorted({one.change.fault.value for one in during} & set(expect.never_fault))
    why += (f"a change named the fault {one}, which it is not" for one in named)
    why += _in_time(expect, during, begun_at)
    if expect.lost:
        why += _lost(scenario, during, of_assets, wanted)
    found = {one.name for each in during for one in each.change.evidence}
    why += (f"nothing was found of {one}" for one in expect.findings if one not in found)
    why += (f"{one} was found, which it is not" for one in expect.never_found if one in found)
    return Judged(tuple(why), highest, after_s)


def _in_time(expect: Expect, during: Sequence[TimedChange], begun_at: datetime) -> Iterator[str]:
    """What was flagged too late, and what was flagged as over too early."""
    until = begun_at + timedelta(seconds=expect.open_until_s)
    for scope in sorted({one.change.scope for one in during if one.change.kind is ChangeKind.ENDED and one.at < until}):
        yield f"the incident of {scope} ended before {expect.open_until_s:g} s"
    if expect.flagged_by_s is not None:
        first_s = min(((one.at - begun_at).total_seconds() for one in during), default=None)
        if first_s is None or first_s > expect.flagged_by_s:
            when = "never" if first_s is None else f"at {first_s:.1f} s"
            yield f"something was first flagged {when}; by {expect.flagged_by_s:g} s was expected"


def _lost(
    scenario: Scenario, during: Sequence[TimedChange], of_assets: Sequence[TimedChange], wanted: Level
) -> Iterator[str]:
    """What is wrong with the loss of a vantage: it is not reported, or what was flagged did not hold meanwhile."""
    vantage = scenario.expect.lost
    losses = [one for one in during if one.change.scope == f"vantage:{vantage}"]
    if not losses or losses[0].change.fault is not Fault.LOCAL:
        yield f"no change named vantage {vantage} as the one whose network failed"
        return
    over_at = losses[1].at if len(losses) > 1 else losses[0].at + timedelta(seconds=scenario.length_s)
    before = [one.change.level for one in of_assets if one.at <= losses[0].at]
    if not before or before[-1] < wanted:
        yield f"{LEVEL_NAMES[wanted]} was not flagged before vantage {vantage} was lost"
    if any(one.change.level < wanted for one in of_assets if losses[0].at < one.at < over_at):
        yield f"{LEVEL_NAMES[wanted]} did not hold while vantage {vantage} was lost"


def _after_s(changes: Sequence[TimedChange], wanted: Level, onset: datetime) -> float | None:
    first = next((one for one in changes if one.change.level >= wanted), None)
    return None if first is None else (first.at - onset).total_seconds()


def flagged(changes: Sequence[TimedChange], begun_at: datetime) -> tuple[Flagged, ...]:
    """The changes as lines of the verdict."""
    return tuple(
        Flagged(
            at_s=round((one.at - begun_at).total_seconds(), 1),
            scope=one.change.scope,
            kind=one.change.kind.value,
            level=LEVEL_NAMES[one.change.level],
            headline=one.change.headline,
        )
        for one in changes
    )
