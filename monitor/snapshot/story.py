"""Writes an incident as a page: a first screen for who is woken, then its state, order, reasons, and what we could not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.correlator.levels import by_chance
from monitor.incidents import (
    LEVEL_NAMES,
    Blindness,
    Evidence,
    IncidentChange,
    Leg,
    LegState,
    LegVerdict,
)
from monitor.snapshot.clean import prose
from monitor.snapshot.first_screen import FAULTS, STATES, first_screen
from monitor.snapshot.picture import SVG, WORDS

NOTHING = "nothing was noted\n"


def story(
    changes: Sequence[IncidentChange],
    traces: Mapping[str, object],
    signals: int,
    runbooks: Mapping[str, str],
    has_picture: bool,
    remarks: Sequence[str] = (),
) -> str:
    """The page, in Markdown. `changes` are all revisions of one incident in order; `signals` how many signals there are.

    `runbooks` are texts by file name; `has_picture` says that the incident's picture lies beside the page; `remarks` say who
    acknowledged it, and until when it was silenced.
    """
    last = changes[-1]
    gravest = max(changes, key=lambda one: (one.level, one.revision))
    parts = [
        first_screen(changes, runbooks, remarks),
        f"![{WORDS}]({SVG})\n" if has_picture else "",
        "## Where it stands\n",
        _state(gravest, last, remarks),
        "## Timeline\n",
        _timeline(changes),
        "## Legs, in order of onset\n",
        _legs(changes),
        "## Can we get out\n",
        _exit(gravest, last),
        "## Value against normal\n",
        _evidence(changes),
        "## What argues against\n",
        _points(list(gravest.counter_evidence)),
        "## What we could not see\n",
        _blind(changes),
        "## Whose fault\n",
        f"{FAULTS[gravest.fault]} (`{gravest.fault}`)\n",
        _points([f"not {text}" for text in gravest.rejected_causes], ""),
        "## What to do, and how to judge it again\n",
        _ends(last, gravest, traces, signals),
        *(f"## Runbook {name}\n\n{_below(text)}" for name, text in runbooks.items()),
    ]
    return "\n".join(part for part in parts if part)


def _exit(gravest: IncidentChange, last: IncidentChange) -> str:
    """How much could leave at the gravest moment, and at the last change."""
    lines = [
        f"{_time(one.exit.at)}: {prose(one.exit.words)}"
        for one in ((gravest,) if gravest is last else (gravest, last))
        if one.exit is not None
    ]
    return _points(lines) if lines else "not known: no way out of it is watched\n"


def _state(gravest: IncidentChange, last: IncidentChange, remarks: Sequence[str]) -> str:
    lines = [
        f"- incident: `{prose(last.incident_id)}`, {prose(last.scope)}, revision {last.revision}",
        f"- where it stands: {STATES[last.state]}, at {_time(last.at)}",
        f"- level now: {LEVEL_NAMES[last.level]}; highest: {LEVEL_NAMES[last.peak]}",
        *(f"- {prose(one)}" for one in remarks),
        f"- opened {_time(last.opened_at)}, {(last.at - last.opened_at).total_seconds():,.0f} s before the last change",
        f"- {by_chance(gravest.far_per_day, gravest.far_basis)}",
    ]
    if gravest.verdict is not None:
        verdict = gravest.verdict
        lines.append(
            f"- at the highest: confidence in a storm at least {verdict.p_lo:.1%}, in calm at least {1 - verdict.p_hi:.1%}"
        )
    return "\n".join(lines) + "\n"


def _timeline(changes: Sequence[IncidentChange]) -> str:
    rows = [
        (
            _time(one.at),
            str(one.revision),
            str(one.kind).replace("_", " "),
            LEVEL_NAMES[one.level] + (", pages" if one.pages else ""),
            prose(one.headline),
        )
        for one in changes
    ]
    return _table(("at (UTC)", "revision", "what", "level", "headline"), rows)


def _legs(changes: Sequence[IncidentChange]) -> str:
    strongest: dict[Leg, LegVerdict] = {}
    onsets: dict[Leg, datetime] = {}
    for change in changes:
        for leg in change.verdict.legs if change.verdict is not None else ():
            if leg.leg not in strongest or _weight(leg) > _weight(strongest[leg.leg]):
                strongest[leg.leg] = leg
            if leg.state is LegState.TRUE and leg.onset is not None:
                onsets[leg.leg] = min(leg.onset, onsets.get(leg.leg, leg.onset))
    if not strongest:
        return "none: this incident is not about an asset\n"
    late = max((one.at for one in changes), default=None)
    ordered = sorted(strongest.values(), key=lambda one: (onsets.get(one.leg, late), one.leg not in onsets, one.leg))
    lines = []
    for leg in ordered:
        since = f"since {_time(onsets[leg.leg])}" if leg.leg in onsets else "never seen to begin"
        lines.append(
            f"- **{leg.leg}** {leg.state}, {since}: {leg.evidence:.2f} nats, coverage {leg.coverage:.0%}, "
            f"weight between {leg.w_lo:.2f} and {leg.w_hi:.2f}"
        )
        lines += [f"  - {one.nats:+.2f} nats, {prose(one.name)}: {prose(one.said)}" for one in leg.contributions]
    return "\n".join(lines) + "\n"


def _weight(leg: LegVerdict) -> tuple[bool, float]:
    return leg.state is LegState.TRUE, leg.evidence


def _evidence(changes: Sequence[IncidentChange]) -> str:
    strongest: dict[str, Evidence] = {}
    for change in changes:
        for one in change.evidence:
            if one.id not in strongest or one.weight >= strongest[one.id].weight:
                strongest[one.id] = one
    ordered = sorted(strongest.values(), key=lambda one: (one.onset, one.id))
    rows = [
        (
            _time(one.onset),
            str(one.leg),
            prose(one.name),
            _amount(one.value, one.unit),
            "unknown" if one.normal is None else _amount(one.normal, one.unit),
            f"L{one.grade}",
            f"{one.far_per_day:.3g} a day",
            prose(one.said),
        )
        for one in ordered
    ]
    return _table(("onset (UTC)", "leg", "evidence", "value", "normal", "grade", "by chance", "said"), rows)


def _amount(value: float, unit: str) -> str:
    return f"{value:,.6g}" if unit == "1" else f"{value:,.6g} {prose(unit)}"


def _blind(changes: Sequence[IncidentChange]) -> str:
    darkest: dict[tuple[str, Leg, datetime], Blindness] = {}
    for change in changes:
        for one in change.blind:
            key = (one.source, one.leg, one.since)
            if key not in darkest or one.coverage < darkest[key].coverage:
                darkest[key] = one
    ordered = sorted(darkest.values(), key=lambda one: (one.since, one.source, one.leg))
    rows = [
        (_time(one.since), prose(one.source), str(one.leg), f"{one.coverage:.0%}", prose(one.reason)) for one in ordered
    ]
    return _table(("since (UTC)", "source", "leg", "seen", "why"), rows)


def _below(text: str) -> str:
    """A runbook under a heading of ours: its own headings are two smaller, its links to other runbooks are kept."""
    return "\n".join(f"##{line}" if line.startswith("# ") else line for line in text.splitlines()) + "\n"


def _ends(last: IncidentChange, gravest: IncidentChange, traces: Mapping[str, object], signals: int) -> str:
    lines = [f"- runbook: `{prose(gravest.runbook)}`", f"- replay id: `{prose(last.replay_id)}`"]
    if last.parent_id is not None:
        lines.append(f"- part of: `{prose(last.parent_id)}`")
    lines += [f"- trace of {prose(name)}: `{prose(str(traces[name]))}`" for name in sorted(traces)]
    lines += [
        f"- {signals:,} signals lie beside this page in `signals.csv`",
        "- `incident.json` holds every revision; `config.json` and `versions.json` what judged them",
        "- `sha256sum -c MANIFEST.sha256` proves that nothing was changed since",
    ]
    return "\n".join(lines) + "\n"


def _points(texts: Sequence[str], otherwise: str = NOTHING) -> str:
    return "\n".join(f"- {prose(text)}" for text in texts) + "\n" if texts else otherwise


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return NOTHING
    lines = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"
