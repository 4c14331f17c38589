"""Draws the board for a terminal: what is open, assets and legs, incidents, what is blind, deliveries, venues.

Texts may come from venues and chains: nothing in them steers the terminal. Nothing rests on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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

WIDE = 110
"""From this width on the hour's exit and the countdown have columns of their own."""
MAX_TEXT = 300
SHORT = frozenset({"asset", "level", "opened", "peak", "seen", "since"})
"""Columns whose cells are never wrapped."""
LEVEL_STYLES = {
    Level.CALM: "green",
    Level.WATCH: "yellow",
    Level.SQUALL: "bold yellow",
    Level.STORM_SUSPECTED: "bold red",
    Level.PERFECT_STORM: "bold white on red",
}
LEG_STYLES = {LegState.TRUE: "bold red", LegState.FALSE: "green", LegState.UNKNOWN: "magenta"}
LEG_WORDS = {LegState.TRUE: "stress", LegState.FALSE: "calm", LegState.UNKNOWN: "unknown"}
Row = Sequence[str | Text]
LIVE = (IncidentState.OPEN, IncidentState.HELD_BLIND)


def picture(board: Contents, width: int, rows: int, trouble: str = "") -> RenderableType:
    """The board in `width` columns; a table has at most `rows` rows. `trouble`: why it is not live any more."""
    return Group(
        *_head(board, trouble),
        *_now(board),
        *_section("assets and legs (how much of each is seen)", _asset_columns(width), _assets(board, width), rows),
        *_section("incidents", ("opened", "peak", "scope", "state", "last change"), _incidents(board), rows),
        *_section("what is blind", ("source", "seen", "since", "assets", "why"), _blind(board), rows),
        *_section("deliveries", ("reader", "state", "waiting", "sent", "why"), _deliveries(board), rows),
        *_section("venues (sources seen whole, of all)", ("venue", "seen", "not whole"), _venues(board), rows),
    )


def _head(board: Contents, trouble: str) -> Iterable[Text]:
    at = f"{board.at:%Y-%m-%d %H:%M:%S} UTC"
    if board.drill:
        yield Text("DRILL: a rehearsal, nothing of this happens", style="bold reverse")
    yield Text(one_line(f"Stormwatch {board.vantage}  {at}"), style="bold")
    if trouble:
        yield Text(
            one_line(f"NOT LIVE: {trouble}. This is how it was at {at}; now is unknown, not calm."),
            style="bold reverse",
        )
    for reason in board.ready.reasons:
        yield Text(f"not ready: {_text(reason)}", style="bold red")


def _now(board: Contents) -> Iterable[Text]:
    live = sorted((one[-1] for one in board.incidents if one[-1].state in LIVE), key=lambda one: -one.level)
    if not live:
        yield Text("no incident is open")
    for one in live[:5]:
        line = Text()
        line.append(f" {LEVEL_NAMES[one.level].upper()} ", style=LEVEL_STYLES[one.level])
        held = ", held blind" if one.state is IncidentState.HELD_BLIND else ""
        line.append(f" {_text(one.scope)} since {_clock(one.opened_at, board.at)}{held}: {_text(one.headline)}")
        yield line
        if one.exit is not None:
            yield Text(f"   can we get out: {_text(one.exit.words)}")


def _section(title: str, columns: Sequence[str], found: Iterable[Row], rows: int) -> Iterable[RenderableType]:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in SHORT, overflow="fold")
    given = list(found)
    for row in given[:rows]:
        table.add_row(*(one if isinstance(one, Text) else Text(one) for one in row))
    yield Text()
    yield Text(title, style="bold underline")
    yield table if given else Text("  none", style="dim")
    if len(given) > rows:
        yield Text(f"  and {len(given) - rows} more", style="dim")


def _asset_columns(width: int) -> Sequence[str]:
    hour = ["in 1 h"] if width >= WIDE else []
    return ("asset", "level", *(str(leg) for leg in LEGS), "out in 1 min", *hour, "of usual")


def _assets(board: Contents, width: int) -> Iterator[Row]:
    for one in sorted(board.verdicts.values(), key=lambda one: (-one.level, one.asset)):
        level = Text(LEVEL_NAMES[one.level], style=LEVEL_STYLES[one.level])
        yield (
            _text(one.asset),
            level,
            *(_leg(one, leg) for leg in LEGS),
            *_exits(board.exits.get(one.asset), width >= WIDE),
        )


def _leg(verdict: Verdict, leg: Leg) -> Text:
    found = next((one for one in verdict.legs if one.leg is leg), None)
    if found is None:
        return Text("unknown", style=LEG_STYLES[LegState.UNKNOWN])
    return Text(f"{LEG_WORDS[found.state]} {found.coverage:.0%}", style=LEG_STYLES[found.state])


def _exits(capacity: ExitCapacity | None, wide: bool) -> list[str]:
    if capacity is None:
        return ["not watched", *([""] if wide else []), ""]
    amounts = [_usd(capacity.usd(1, minutes)) for minutes in ((1, 60) if wide else (1,))]
    share = "unknown" if capacity.normal_share is None else f"{capacity.normal_share:.0%}"
    left = "" if capacity.countdown_s is None else f", a tenth in {capacity.countdown_s / 60:.0f} min"
    return [*amounts, share + left]


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else brief_usd(usd)


def _incidents(board: Contents) -> Iterator[Row]:
    for timeline in board.incidents:
        last = timeline[-1]
        state = str(last.state).replace("_", " ")
        remark = board.remarks.get(last.incident_id, "")
        yield (
            _clock(last.opened_at, board.at), Text(LEVEL_NAMES[last.peak], style=LEVEL_STYLES[last.peak]),
            _text(last.scope), state, _text(f"{_change(last, board.at)}{f'; {remark}' if remark else ''}"),
        )  # fmt: skip


def _change(change: IncidentChange, now: datetime) -> str:
    kind = str(change.kind).replace("_", " ")
    return f"{_clock(change.at, now)} {kind}{' PAGE' if change.pages else ''}"


def _blind(board: Contents) -> Iterator[Row]:
    found: dict[tuple[str, str], tuple[float, datetime, list[str]]] = {}
    for verdict in board.verdicts.values():
        for one in verdict.blind:
            key = (one.source, one.reason)
            seen, since, assets = found.get(key, (one.coverage, one.since, []))
            found[key] = (min(seen, one.coverage), min(since, one.since), sorted({*assets, verdict.asset}))
    for (source, reason), (seen, since, assets) in sorted(found.items(), key=lambda one: (one[1][0], one[0])):
        names = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "")
        yield (_text(source), f"{seen:.0%}", _clock(since, board.at), _text(names), _text(reason))


def _deliveries(board: Contents) -> Iterator[Row]:
    for name, lag in board.ready.readers.items():
        counts = board.delivered.get(name.removeprefix("sink "), {})
        sent = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()) if count)
        entries = "unknown" if lag.entries is None else f"{lag.entries:,}"
        yield (_text(name), _text(lag.state), entries, _text(sent), _text(lag.why))


def _venues(board: Contents) -> Iterator[Row]:
    by_venue: dict[str, list[tuple[str, float]]] = {}
    for one in board.sources:
        venue, slash, capability = one.name.partition("/")
        if slash:
            by_venue.setdefault(venue, []).append((capability, one.seen))
    for venue, sources in sorted(by_venue.items(), key=lambda one: (min(seen for _, seen in one[1]), one[0])):
        parts = [f"{name} {seen:.0%}" for name, seen in sorted(sources, key=lambda one: one[1]) if seen < 0.995]
        yield (_text(venue), f"{len(sources) - len(parts)} of {len(sources)}", _text(_some(parts)))


def _some(parts: Sequence[str]) -> str:
    return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def _clock(at: datetime, now: datetime) -> str:
    """The time of day, with the date where it is not the board's."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def _text(text: str) -> str:
    return one_line(text, MAX_TEXT)
