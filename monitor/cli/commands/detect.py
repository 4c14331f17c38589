"""`stormwatch detect`: judges any series of a file by the daemon's methods, for back-tests."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.shared import Json, note, print_json

if TYPE_CHECKING:
    from monitor.detect.series import Judged
    from monitor.recordings.series import Series

DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedRow:
    """A judged row: unix seconds, the score 0..1 of what is new in it, and whether an alarm lasts. Null: it was not judged."""

    at: float | None
    value: float | None
    score: float | None
    alarm: bool | None


@dataclass(slots=True, kw_only=True)
class DetectedAlarm:
    """An alarm: when it began, was told and ended (null: it lasts), the value then against the usual one, and its least rate."""

    onset: datetime
    told: datetime
    ended: datetime | None = None
    value: float
    normal: float
    per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectSummary:
    """What came of a file: rows, how many were judged, what was found wrong with the rest, and the alarms."""

    kind: str
    time_column: str
    value_column: str
    rows: int
    judged: int
    found: Mapping[str, int]
    alarms: list[DetectedAlarm] = field(default_factory=list)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("detect")(detect)


def detect(
    file: Annotated[
        Path, typer.Argument(help="A delimited text file: a column of times and one of numbers (.gz or not).")
    ],
    kind: Annotated[str, typer.Option(help="count, latency or level: what the numbers are.")] = "level",
    time: Annotated[str | None, typer.Option(help="The column of times, by name or number; else it is found.")] = None,
    value: Annotated[
        str | None, typer.Option(help="The column of numbers, by name or number; else it is found.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--csv", help="Write the rows here; the screen shows the alarms only.")
    ] = None,
    json: Json = False,
) -> None:
    """Score each row of a series from what came before it, and tell alarms with their rate by chance."""
    from monitor.detect.series import KINDS
    from monitor.errors import Mistakes, OperatorError, nearest
    from monitor.recordings.series import read_series

    mistakes = Mistakes()
    with mistakes:
        if kind not in KINDS:
            raise OperatorError("--kind", kind, ", ".join(KINDS), nearest(kind, KINDS))
    with mistakes:
        series = read_series(file, time, value)
    mistakes.tell()
    rows, summary = judged(series, kind)
    if out is not None:
        _write(out, file, series, rows)
    if json:
        for row in () if out is not None else rows:
            print_json(row)
        print_json(summary)
        return
    if out is None:
        typer.echo("time,value,score,alarm")
        for source, row in zip(series.rows, rows, strict=True):
            typer.echo(",".join(_cells(source.time_text, row)))
    for line in lines_of(summary):
        (note if out is None else typer.echo)(line)


def judged(series: Series, kind: str) -> tuple[list[DetectedRow], DetectSummary]:
    """Judge the rows of a series in order of time; the rows come back in the order of the file."""
    from monitor.detect.series import SeriesJudge

    judge = SeriesJudge(kind)
    found: dict[int, Judged] = {}
    alarms: list[DetectedAlarm] = []
    for place in series.in_time():
        row = series.rows[place]
        assert row.at_s is not None
        assert row.value is not None
        one = found[place] = judge.add(row.value, row.at_s)
        at = _moment(row.at_s)
        if one.begins:
            onset, per_day = _moment(min(one.onset_s, row.at_s)), _rounded(one.per_day)
            alarms.append(
                DetectedAlarm(onset=onset, told=at, value=row.value, normal=_rounded(one.normal), per_day=per_day)
            )
        elif one.alarm:
            alarms[-1].per_day = min(alarms[-1].per_day, _rounded(one.per_day))
        elif alarms and alarms[-1].ended is None:
            alarms[-1].ended = at
    rows = []
    for place, source in enumerate(series.rows):
        judgement = found.get(place)
        score = None if judgement is None else round(judgement.score, DIGITS)
        alarm = None if judgement is None else judgement.alarm
        rows.append(DetectedRow(at=source.at_s, value=source.value, score=score, alarm=alarm))
    summary = DetectSummary(
        kind=kind, time_column=series.time_column, value_column=series.value_column, rows=len(rows), judged=len(found),
        found=dict(sorted(series.found.items())), alarms=alarms,
    )  # fmt: skip
    return rows, summary


def lines_of(summary: DetectSummary) -> list[str]:
    """The alarms and what was found wrong, a line each."""
    from monitor.signals.plain_text import one_line

    lines = [
        f"alarm since {alarm.onset:%Y-%m-%d %H:%M:%S} (told {alarm.told:%H:%M:%S}, "
        f"{'lasts' if alarm.ended is None else f'ended {alarm.ended:%Y-%m-%d %H:%M:%S}'}): {alarm.value:g} against "
        f"{alarm.normal:.4g}, by chance {_often(alarm.per_day)}"
        for alarm in summary.alarms
    ]
    columns = one_line(f"{summary.value_column} by {summary.time_column}")
    found = "".join(f", {name}: {count:,}" for name, count in summary.found.items())
    lines.append(f"{columns}: {summary.rows:,} rows, {summary.judged:,} judged, {len(summary.alarms)} alarms{found}")
    return lines


def _often(per_day: float) -> str:
    if per_day >= 1:
        return f"{per_day:.2g} times a day"
    days = 1 / max(per_day, 1e-9)
    return f"once in {days:.2g} days" if days < 100 else f"once in {min(days / 365, 99):.2g} years"


def _cells(time_text: str, row: DetectedRow) -> list[str]:
    return [
        time_text.replace(",", " "),
        "" if row.value is None else f"{row.value:.12g}",
        "" if row.score is None else f"{row.score:.{DIGITS}g}",
        "" if row.alarm is None else str(int(row.alarm)),
    ]


def _write(out: Path, file: Path, series: Series, rows: list[DetectedRow]) -> None:
    from monitor.errors import OperatorError

    if out.exists() and out.samefile(file):
        raise OperatorError("--csv", str(out), "another file than the one that is read", "choose another name")
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["time", "value", "score", "alarm"])
            writer.writerows(_cells(source.time_text, row) for source, row in zip(series.rows, rows, strict=True))
    except OSError as error:
        raise OperatorError("--csv", str(out), "a file that can be written", str(error.strerror or error)) from None


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
