"""Writes the board as HTML: one section a question, each with an id, so that a live page exchanges only what changed.

Every text is escaped here, whoever wrote it. Nothing rests on colour alone; each table has a caption and headings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from monitor.correlator.coverage import SourceSight
from monitor.incidents import (
    LEGS,
    LEVEL_NAMES,
    ExitCapacity,
    IncidentChange,
    IncidentState,
    Leg,
    LegState,
    Level,
    Verdict,
    brief_usd,
)
from monitor.signals.plain_text import one_line
from monitor.web.board.contents import Contents

MAX_ROWS = 400
"""Rows of one table; more are counted."""
MAX_TEXT = 400
OPEN = (IncidentState.OPEN, IncidentState.HELD_BLIND)
STATES = {
    IncidentState.OPEN: "open",
    IncidentState.HELD_BLIND: "held blind",
    IncidentState.ENDED: "ended",
    IncidentState.ENDED_UNKNOWN: "ended unknown",
    IncidentState.RETRACTED: "retracted",
}
UNKNOWN = '<span class="unknown">unknown</span>'


def sections(board: Contents) -> dict[str, str]:
    """The sections of the board by id, in order; each is the inside of a <section>."""
    return {
        "now": _now(board),
        "assets": _assets(board),
        "incidents": _incidents(board),
        "blind": _blind(board),
        "venues": _venues(board.sources),
        "deliveries": _deliveries(board),
    }


def document(board: Contents, parts: dict[str, str], version: str) -> str:
    """The whole page. `version` names its contents: another version means that something on it changed."""
    drill = "DRILL: " if board.drill else ""
    title = f"{drill}{_worst(board)} · Stormwatch {board.vantage}"
    nav = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in parts)
    body = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-title">\n{part}\n</section>' for name, part in parts.items()
    )
    banner = '<p class="drill" role="note">DRILL: a rehearsal, nothing of this happens</p>\n' if board.drill else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="version" content="{_text(version)}">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<title>{_text(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/board.css">
<script src="/board.js" defer></script>
</head>
<body>
<a class="skip" href="#now">Skip to what is open now</a>
<header>
{banner}<h1>Stormwatch <small>{_text(board.vantage)}</small></h1>
<p id="as-of">As of <time datetime="{_iso(board.at)}">{board.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}</time> UTC.
<span id="live" role="status"></span></p>
<nav aria-label="Sections"><ul>{nav}</ul></nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _worst(board: Contents) -> str:
    last = [one[-1] for one in board.incidents if one[-1].state in OPEN]
    if not last:
        return "nothing open"
    gravest = max(last, key=lambda one: one.level)
    return f"{LEVEL_NAMES[gravest.level]} {gravest.scope}"


def _now(board: Contents) -> str:
    lines = [_heading("now", "Now")]
    if board.ready.reasons:
        lines.append('<p class="bad">This daemon is not ready:</p>')
        lines.append(_points(board.ready.reasons))
    live = sorted(
        (one for one in board.incidents if one[-1].state in OPEN), key=lambda one: (-one[-1].level, one[0].opened_at)
    )
    if not live:
        lines.append("<p>No incident is open.</p>")
    for one in live:
        last = one[-1]
        words = f"{_level(last.level)} <strong>{_text(last.scope)}</strong> since {_time(last.opened_at)}, {STATES[last.state]}"
        lines.append(f'<p class="open">{words}:<br>{_text(last.headline)}</p>')
        if last.exit is not None:
            lines.append(f"<p>Can we get out: {_text(last.exit.words)}</p>")
        lines.append(f"<p>Runbook: <code>{_text(last.runbook)}</code></p>")
    return "\n".join(lines)


def _assets(board: Contents) -> str:
    rows = []
    order = sorted(board.verdicts.values(), key=lambda one: (-one.level, one.asset))
    for verdict in order:
        legs = [_leg(verdict, leg) for leg in LEGS]
        rows.append([_text(verdict.asset), _level(verdict.level), *legs, *_exits(board.exits.get(verdict.asset))])
    head = (
        "asset",
        "level",
        *(str(leg) for leg in LEGS),
        "out in a minute",
        "out in an hour",
        "of the usual",
        "a tenth left",
    )
    return _heading("assets", "Assets and legs") + _table(
        "Each asset's level, its legs with how much of each is seen, and what could leave within 1 % of the price",
        head,
        rows,
        "no asset is watched yet",
    )


def _leg(verdict: Verdict, leg: Leg) -> str:
    found = next((one for one in verdict.legs if one.leg is leg), None)
    if found is None:
        return UNKNOWN
    words = {LegState.TRUE: "stress", LegState.FALSE: "calm", LegState.UNKNOWN: "unknown"}[found.state]
    since = f" since {found.onset:%H:%M:%S}" if found.state is LegState.TRUE and found.onset is not None else ""
    return f'<span class="{found.state}">{words}</span>{since}, seen {found.coverage:.0%}'


def _exits(capacity: ExitCapacity | None) -> list[str]:
    if capacity is None:
        return ["not watched", "not watched", "", ""]
    amounts = [_usd(capacity.usd(1, minutes)) for minutes in (1, 60)]
    share = UNKNOWN if capacity.normal_share is None else f"{capacity.normal_share:.0%}"
    left = "" if capacity.countdown_s is None else f"in {capacity.countdown_s / 60:.0f} min"
    return [*amounts, share, left]


def _usd(usd: float | None) -> str:
    return UNKNOWN if usd is None else _text(brief_usd(usd))


def _incidents(board: Contents) -> str:
    parts = [_heading("incidents", "Incidents")]
    if not board.incidents:
        parts.append("<p>None since the local log begins.</p>")
    for timeline in board.incidents:
        last = timeline[-1]
        name = _text(last.incident_id)
        summary = f"{_time(last.opened_at)} {_level(last.peak)} {_text(last.scope)}, {STATES[last.state]}"
        if last.incident_id in board.remarks:
            summary += f", {_text(board.remarks[last.incident_id])}"
        rows = [
            [
                _time(one.at),
                str(one.revision),
                str(one.kind).replace("_", " "),
                _level(one.level),
                _page(one),
                _text(one.headline),
            ]
            for one in reversed(timeline)
        ]
        table = _table(
            f"Timeline of {last.incident_id}", ("at", "revision", "change", "level", "pages", "headline"), rows, ""
        )
        is_open = " open" if last.state in OPEN else ""
        parts.append(f'<details id="i-{name}"{is_open}><summary>{summary}</summary>\n{table}</details>')
    return "\n".join(parts)


def _page(change: IncidentChange) -> str:
    return "pages" if change.pages else ""


def _blind(board: Contents) -> str:
    found: dict[tuple[str, str, str], tuple[datetime, float, list[str]]] = {}
    for verdict in board.verdicts.values():
        for one in verdict.blind:
            key = (one.source, str(one.leg), one.reason)
            since, seen, assets = found.get(key, (one.since, one.coverage, []))
            found[key] = (min(since, one.since), min(seen, one.coverage), [*assets, verdict.asset])
    ordered = sorted(found.items(), key=lambda one: (one[1][1], one[0]))
    rows = [
        [_text(source), leg, f"{seen:.0%}", _text(reason), _time(since), _text(_some(assets))]
        for (source, leg, reason), (since, seen, assets) in ordered
    ]
    return _heading("blind", "What is blind") + _table(
        "Sources that are not fully seen, why, and whose legs they leave uncovered",
        ("source", "leg", "seen", "why", "since", "assets"),
        rows,
        "nothing that is watched",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _venues(sources: Iterable[SourceSight]) -> str:
    by_venue: dict[str, dict[str, SourceSight]] = {}
    for one in sources:
        venue, slash, capability = one.name.partition("/")
        if slash:
            by_venue.setdefault(venue, {})[capability] = one
    capabilities = sorted({name for own in by_venue.values() for name in own})
    rows = [
        [_text(venue), *(_sight(own.get(name)) for name in capabilities)] for venue, own in sorted(by_venue.items())
    ]
    return _heading("venues", "Venues and capabilities") + _table(
        "How much of each source is seen, and how many of its claims are borne out",
        ("venue", *capabilities),
        rows,
        "no source has been declared yet",
    )


def _sight(one: SourceSight | None) -> str:
    if one is None:
        return '<span class="none">–</span>'
    seen = "true" if one.seen < 0.5 else "unknown" if one.seen < 0.995 else "false"
    claims = f", {one.claims_seen} of {one.claims} claims" if one.claims else ""
    why = f"<br>{_text(one.reason.partition(' for ')[0])}" if one.reason else ""
    return f'<span class="{seen}">{one.seen:.0%}</span>{claims}{why}'


def _deliveries(board: Contents) -> str:
    rows = []
    for name, lag in board.ready.readers.items():
        counts = board.delivered.get(name.removeprefix("sink "), {})
        sent = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()) if count)
        entries = UNKNOWN if lag.entries is None else f"{lag.entries:,}"
        rows.append([_text(name), _text(str(lag.state)), entries, _text(sent), _text(lag.why)])
    return _heading("deliveries", "Deliveries") + _table(
        "Each reader of the log: whether it is connected, how many entries wait for it, and what became of its notes",
        ("reader", "state", "waiting", "sent", "why"),
        rows,
        "nobody reads the log yet",
    )


def _heading(name: str, text: str) -> str:
    return f'<h2 id="{name}-title">{text}</h2>\n'


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], otherwise: str) -> str:
    """A table of cells that are HTML already; `caption`, `head` and `otherwise` are text."""
    if not rows:
        return f"<p>{_text(caption)}: {_text(otherwise)}.</p>"
    first = "".join(f'<th scope="col">{_text(one)}</th>' for one in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{one}</td>" for one in row[1:])}</tr>\n'
        for row in rows[:MAX_ROWS]
    )
    more = f"<p>{len(rows) - MAX_ROWS} more rows are not shown.</p>" if len(rows) > MAX_ROWS else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(caption)}">\n'
        f"<table><caption>{_text(caption)}</caption>\n"
        f"<thead><tr>{first}</tr></thead>\n<tbody>\n{body}</tbody></table></div>{more}"
    )


def _points(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(one)}</li>" for one in texts) + "</ul>"


def _level(level: Level) -> str:
    return f'<span class="level level-{int(level)}">{LEVEL_NAMES[level].replace("-", " ")}</span>'


def _time(at: datetime) -> str:
    return f'<time datetime="{_iso(at)}">{at.astimezone(UTC):%m-%d %H:%M:%S}</time>'


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    """Any text, safe in an element or an attribute, on one line and bounded."""
    return escape(one_line(text, MAX_TEXT))
