"""Turns a score into tables: the figures of each set of seeds, its reliability, its kinds, and what other settings change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from monitor.drill.score.compare import Change, Incident
from monitor.drill.score.report import Score, SetScore
from monitor.drill.score.summary import Delays, Figures

Row = tuple[str, ...]
QUARTER_DAYS = 91.25
_LEVELS = ("watch", "squall", "storm-suspected", "perfect-storm")


def titles(score: Score) -> Row:
    """The columns of the table of figures."""
    return ("figure", *(one.name for one in score.sets))


def figures_table(score: Score) -> list[Row]:
    """One row a figure, one column a set."""
    sets = score.sets
    rows: list[Row] = [
        _row("seeds", sets, lambda one: f"{one.first_seed}…{one.first_seed + one.seeds - 1} ({one.seeds})"),
        _row("cases judged (event and quiet twin)", sets, lambda one: one.together.cases),
        _row("cases without a mistake", sets, lambda one: _of(one.together.clean, one.together.cases)),
        _row("recall of storms", sets, lambda one: _part(one.together.storms_found, one.together.storms)),
        _row("precision of storms", sets, lambda one: _precision(one.together)),
        _row("storm, s after the last leg: p50 / p95", sets, lambda one: _delay(one.together.storm_delay)),
    ]  # fmt: skip
    rows += [
        _row(f"{leg} leg, s after its onset: p50 / p95", sets, lambda one, leg=leg: _delay(_leg(one, leg)))
        for leg in sorted({leg for one in sets for leg in one.together.leg_delays})
    ]
    rows += [
        _row("share of the storms' time at the right level", sets, lambda one: _number(one.together.storm_held)),
        _row("venue faults found", sets, lambda one: _of(one.together.venue_faults_found, one.together.venue_faults)),
        _row("fault named right", sets, lambda one: _of(one.together.faults_right, one.together.faults)),
        _row("quiet asset-days", sets, lambda one: _number(one.quiet.days)),
    ]
    rows += [
        _row(f"false {level} a day: quiet / all", sets, lambda one, level=level: _rates(one, level))
        for level in _LEVELS
    ]
    rows += [
        _row("false suspected or above a quarter (quiet)", sets, lambda one: _storms_a_quarter(one.quiet)),
        _row("false venue incidents a day (quiet)", sets, lambda one: _number(_per_day(one.quiet.false_venues, one.quiet))),
        _row("false pages", sets, lambda one: one.together.false_pages),
        _row("flaps an incident: mean / p95 / max", sets, lambda one: _flaps(one.together)),
        _row("resolved while blind", sets, lambda one: one.together.resolved_blind),
        _row("ECE: all seconds / p > .05", sets, lambda one: _errors(one.together)),
        _row("ECE where nothing was blind: the same", sets, lambda one: _errors_seen(one.together)),
        _row("Brier score", sets, lambda one: _number(one.together.brier)),
        _row("signals judged, CPU s", sets, lambda one: f"{one.signals:,}, {one.cpu_s:.0f}"),
    ]  # fmt: skip
    return rows


def reliability_table(figures: Figures) -> list[Row]:
    """Stated against true, by bin."""
    return [
        (f"{one.low:.1f}…{one.high:.1f}", f"{one.seconds:,}", _number(one.stated), _number(one.true))
        for one in figures.reliability
        if one.seconds
    ]


KIND_COLUMNS = (
    "kind", "no mistake", "storms", "storm p95 s", "legs found", "leg p95 s", "venues", "fault", "false w/q/s/p",
    "false venues", "flaps max",
)  # fmt: skip


def kinds_table(groups: dict[str, Figures]) -> list[Row]:
    """One row a kind (or a number of venues)."""
    rows: list[Row] = []
    for name, one in groups.items():
        of = sum(delay.of for delay in one.leg_delays.values())
        found = sum(delay.found for delay in one.leg_delays.values())
        slowest = [delay.p95_s for delay in one.leg_delays.values()]
        rows.append(
            (
                name,
                _of(one.clean, one.cases),
                _of(one.storms_found, one.storms) if one.storms else "",
                _number(one.storm_delay.p95_s) if one.storms else "",
                _of(found, of) if of else "",
                ("never" if None in slowest else _number(max(filter(None, slowest), default=0.0))) if of else "",
                _of(one.venue_faults_found, one.venue_faults) if one.venue_faults else "",
                _of(one.faults_right, one.faults) if one.faults else "",
                "/".join(str(one.false[level]) for level in _LEVELS),
                str(one.false_venues),
                str(one.flaps_max),
            )
        )
    return rows


MISTAKE_COLUMNS = ("seed", "kind", "venues", "what was wrong")


def mistakes_table(one: SetScore) -> list[Row]:
    """One row a seed whose case or twin was judged wrongly."""
    return [
        (str(wrong.seed), wrong.kind + (", quiet twin" if wrong.twin else ""), str(wrong.venues), "; ".join(wrong.what))
        for wrong in one.mistakes
    ]


INCIDENT_COLUMNS = ("opened", "ended", "scope", "peak", "pages", "flaps")


def incidents_table(incidents: Iterable[Incident]) -> list[Row]:
    """One row an incident."""
    return [
        (_time(one.opened_s), "open" if one.ended_s is None else _time(one.ended_s), one.scope, one.peak, str(one.pages),
         str(one.flaps))
        for one in incidents
    ]  # fmt: skip


CHANGE_COLUMNS = ("opened", "scope", "before", "after", "what changes")


def changes_table(changes: Iterable[Change]) -> list[Row]:
    """One row a difference."""
    rows: list[Row] = []
    for one in changes:
        there = one.before or one.after
        assert there is not None
        rows.append(
            (
                _time(there.opened_s), one.scope, "-" if one.before is None else one.before.peak,
                "-" if one.after is None else one.after.peak, one.what,
            )
        )  # fmt: skip
    return rows


def closing(score: Score) -> str:
    """What was fixed before the run, on which machine, and how long it took."""
    without = f"; without {', '.join(score.without)}" if score.without else ""
    return (
        f"kinds {len(score.kinds)}; venues {', '.join(map(str, score.venues))}; parameters frozen {score.parameters}{without}; "
        f"{score.machine}, {score.jobs} of {score.cores} cores, {score.took_s:.0f} s; signals are simulated"
    )


def _row(name: str, sets: Sequence[SetScore], value: object) -> Row:
    assert callable(value)
    return (name, *(str(value(one)) for one in sets))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _of(part: int, whole: int) -> str:
    return f"{part}/{whole}"


def _part(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part}/{whole})" if whole else "-"


def _precision(one: Figures) -> str:
    return _part(one.right_storms, one.right_storms + one.wrong_storms)


def _leg(one: SetScore, leg: str) -> Delays | None:
    return one.together.leg_delays.get(leg)


def _errors_seen(one: Figures) -> str:
    return f"{_number(one.ece_seen)} / {_number(one.ece_seen_doubtful)}"


def _errors(one: Figures) -> str:
    return f"{_number(one.ece)} / {_number(one.ece_doubtful)}"


def _delay(one: Delays | None) -> str:
    if one is None or not one.of:
        return "-"
    p50, p95 = ("never" if value is None else f"{value:.1f}" for value in (one.p50_s, one.p95_s))
    return f"{p50} / {p95} (found {one.found}/{one.of})"


def _rates(one: SetScore, level: str) -> str:
    return f"{_number(one.quiet.false_per_day[level])} / {_number(one.together.false_per_day[level])}"


def _per_day(count: int, figures: Figures) -> float | None:
    return count / figures.days if figures.days else None


def _storms_a_quarter(quiet: Figures) -> str:
    count = quiet.false["storm-suspected"] + quiet.false["perfect-storm"]
    if not quiet.days:
        return "-"
    if not count:  # the rule of three: 95 % certain that the rate is below 3 / T
        return f"0 seen; under {_number(3 * QUARTER_DAYS / quiet.days)} with 95 %"
    return _number(count * QUARTER_DAYS / quiet.days)


def _flaps(one: Figures) -> str:
    return f"{_number(one.flaps_mean)} / {_number(one.flaps_p95)} / {one.flaps_max}"


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S}"
