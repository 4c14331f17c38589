"""Shows the drill on the screen: progress, level, legs with coverage, latest evidence, blind sources. Text only, no state."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from monitor.drill.runner import Progress
from monitor.drill.verdict import DrillVerdict
from monitor.incidents import LEVEL_NAMES, LegState, Level, Verdict

COLOURS = {
    Level.CALM: "green",
    Level.WATCH: "cyan",
    Level.SQUALL: "yellow",
    Level.STORM_SUSPECTED: "magenta",
    Level.PERFECT_STORM: "bold white on red",
}
LEG_COLOURS = {LegState.TRUE: "red", LegState.FALSE: "green", LegState.UNKNOWN: "yellow"}
BAR = 12
LATEST = 6


def screen(progress: Progress, now: datetime) -> RenderableType:
    """The whole screen as it stands at `now`."""
    elapsed_s = 0.0 if progress.begun_at is None else (now - progress.begun_at).total_seconds()
    length_s = progress.scenario.length_s
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(f"{min(elapsed_s, length_s):5.1f} / {length_s:.0f} s"),
        ProgressBar(total=length_s, completed=min(elapsed_s, length_s), width=30),
        Text(progress.stage, style="bold"),
    )
    parts: list[RenderableType] = [head, Text(f"{progress.signals} signals judged", style="dim")]
    verdicts = {} if progress.daemon is None else progress.daemon.correlator.verdicts()
    parts.extend(_asset(verdicts[name]) for name in sorted(verdicts))
    parts.append(_latest(progress))
    return Panel(Group(*parts), title=f"drill {progress.scenario.name}: {progress.scenario.title}", border_style="blue")


def _asset(verdict: Verdict) -> RenderableType:
    title = Text.assemble(
        f"{verdict.asset}  ",
        (f" {LEVEL_NAMES[verdict.level]} ", COLOURS[verdict.level]),
        f"  confidence: storm {verdict.p_lo:.2f}, calm {1 - verdict.p_hi:.2f}",
    )
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for column in ("leg", "state", "evidence", "coverage", "strongest"):
        table.add_column(column, header_style="dim")
    for leg in verdict.legs:
        strongest = next((one.said for one in leg.contributions if one.evidence_id), "")
        table.add_row(
            leg.leg.value,
            Text(leg.state.value, style=LEG_COLOURS[leg.state]),
            _bar(leg.evidence / 4.0, f"{leg.evidence:4.1f} nats"),
            _bar(leg.coverage, f"{leg.coverage:4.0%}"),
            Text(strongest, overflow="ellipsis", no_wrap=True),
        )
    blind = ", ".join(f"{one.source} ({one.reason})" for one in verdict.blind[:3])
    return Group(table, Text(f"blind: {blind}" if blind else "nothing is blind", style="yellow" if blind else "dim"))


def _bar(share: float, words: str) -> Text:
    full = round(BAR * min(max(share, 0.0), 1.0))
    return Text("█" * full + "░" * (BAR - full) + " " + words)


def _latest(progress: Progress) -> RenderableType:
    lines = Text()
    for timed in progress.changes[-LATEST:]:
        change = timed.change
        lines.append(f"{timed.at:%H:%M:%S} {change.kind.value:<9} ", style="dim")
        lines.append(LEVEL_NAMES[change.level], style=COLOURS[change.level])
        lines.append(f" {change.headline}\n")
    lines.no_wrap, lines.overflow = True, "ellipsis"
    return lines


def closing(verdict: DrillVerdict) -> RenderableType:
    """The screen of the verdict, after the last second."""
    table = Table.grid(padding=(0, 2))
    held = Text("HELD", style="bold green") if verdict.held else Text("DID NOT HOLD", style="bold red")
    table.add_row("verdict", held)
    for why in verdict.why:
        table.add_row("", Text(why, style="red"))
    table.add_row("expected", verdict.expected)
    after = "" if verdict.flagged_after_s is None else f", {_from_onset(verdict.flagged_after_s)} the third leg's onset"
    table.add_row("flagged", f"{verdict.highest}{after}")
    table.add_row(
        "sent", f"{len(verdict.changes)} changes, {verdict.webhooks_signed} of {verdict.webhooks} webhooks signed"
    )
    table.add_row(
        "judged", f"{verdict.signals} signals; {verdict.store_rows} rows in PostgreSQL; {verdict.rss_mb} MB resident"
    )
    same = "the replay gives the same" if verdict.digest == verdict.replay_digest else "THE REPLAY DIFFERS"
    table.add_row("digest", f"{verdict.digest[:16]}… ({same})")
    table.add_row("recording", verdict.recording)
    if verdict.snapshot is not None:
        table.add_row("snapshot", f"{verdict.snapshot}/incident.md (and .zip)")
    return Panel(table, title=f"drill {verdict.scenario}", border_style="green" if verdict.held else "red")


def _from_onset(after_s: float) -> str:
    return f"{abs(after_s):.1f} s {'after' if after_s >= 0 else 'before'}"
