"""Scores `stormwatch detect --kind level` as the Numenta Anomaly Benchmark does: `python -m tests.nab_score [FOLDER]`.

Written from the published description (Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015,
arXiv 1510.03336), profile "standard". Without a folder it reads the cloud monitoring series beside the repository, whose
labelled rows become windows as that paper makes them; with one, NAB's own: `data/` and `labels/combined_windows.json`.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp
from pathlib import Path

from monitor.detect.series import SeriesJudge

CLOUD = Path(__file__).parents[1].parent / "shared/data/cloud/cloud_monitoring_half.tar.gz"
WEIGHTS = {"standard": (1.0, 0.11, 1.0), "low FP": (1.0, 0.22, 1.0), "low FN": (1.0, 0.11, 2.0)}
"""Of a true positive, a false positive, a missed window."""
PROBATION = 0.15
MAX_PROBATION_ROWS = 5000
WINDOW_SHARE = 0.1
"""All windows of a series together."""
MAX_POSITION = 3.0
"""A false positive later than so many window lengths after a window costs all."""

Windows = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Scored:
    """A series: its category, the score of each row, and the windows by first and last row."""

    category: str
    name: str
    scores: list[float]
    windows: Windows


def sigmoid_weight(position: float) -> float:
    """The weight of a detection: -1 is the begin of a window, 0 its end, more is after it; about 1 falls to -1."""
    return 2 / (1 + exp(5 * position)) - 1 if position <= MAX_POSITION else -1.0


def counted(one: Scored, threshold: float, profile: str = "standard") -> float:
    """The score of one series at a threshold: each window by its earliest detection, each false positive by its place."""
    hit, miss_fp, missed = WEIGHTS[profile]
    begin = probation(len(one.scores))
    total = 0.0
    found: set[int] = set()
    ended: tuple[int, int] | None = None
    place = 0
    for row, score in enumerate(one.scores):
        while place < len(one.windows) and one.windows[place][1] < row:
            ended = one.windows[place]
            place += 1
        if row < begin or score < threshold:
            continue
        if place < len(one.windows) and one.windows[place][0] <= row:
            if place not in found:
                first, last = one.windows[place]
                found.add(place)
                total += hit * sigmoid_weight(-(last - row + 1) / (last - first + 1)) / sigmoid_weight(-1.0)
        elif ended is None:
            total -= miss_fp
        else:
            total += miss_fp * sigmoid_weight((row - ended[1]) / max(ended[1] - ended[0], 1))
    return total - missed * (len(one.windows) - len(found))


def probation(rows: int) -> int:
    """The rows at the begin of a series that are not judged."""
    return int(PROBATION * min(rows, MAX_PROBATION_ROWS))


def normalised(series: Sequence[Scored], threshold: float, profile: str = "standard") -> float:
    """The score of many series: 0 for a detector that finds nothing, 100 for one that is perfect."""
    hit, _, missed = WEIGHTS[profile]
    windows = sum(len(one.windows) for one in series)
    raw = sum(counted(one, threshold, profile) for one in series)
    return 100 * (raw + missed * windows) / ((hit + missed) * windows)


def best_threshold(series: Sequence[Scored], profile: str = "standard") -> float:
    """The threshold of the highest score, of a hundred."""
    return max((step / 100 for step in range(1, 101)), key=lambda one: normalised(series, one, profile))


def windows_of(labels: Sequence[int]) -> Windows:
    """Windows around groups of labelled rows: together a tenth of the series, each centred on its group."""
    groups: Windows = []
    for row, label in enumerate(labels):
        if label:
            if groups and row - groups[-1][1] <= len(labels) * 0.01:
                groups[-1] = (groups[-1][0], row)
            else:
                groups.append((row, row))
    length = int(WINDOW_SHARE * len(labels) / max(len(groups), 1))
    merged: Windows = []
    for first, last in groups:
        middle = (first + last) // 2
        window = (max(min(first, middle - length // 2), 0), min(max(last, middle + length // 2), len(labels) - 1))
        if merged and window[0] <= merged[-1][1]:
            merged[-1] = (merged[-1][0], window[1])
        elif window[1] >= probation(len(labels)):
            merged.append(window)
    return merged


def scored(category: str, name: str, times: Sequence[float], values: Sequence[float], windows: Windows) -> Scored:
    """Run the detector over a series."""
    judge = SeriesJudge("level")
    return Scored(
        category, name, [judge.add(value, at_s).score for at_s, value in zip(times, values, strict=True)], windows
    )


def cloud() -> list[Scored]:
    """The cloud monitoring series that are beside the repository."""
    found = []
    with tarfile.open(CLOUD) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            file = archive.extractfile(member) if member.name.endswith(".csv") else None
            if file is None:
                continue
            rows = [row for row in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")) if row["Value"]]
            times = [_seconds(row["TimeStamp"]) for row in rows]
            windows = windows_of([int(row["Label"]) for row in rows])
            category, name = member.name.split("/")[-2:]
            found.append(scored(category, name, times, [float(row["Value"]) for row in rows], windows))
    return found


def nab(folder: Path) -> list[Scored]:
    """The series of a copy of NAB."""
    labels = json.loads((folder / "labels/combined_windows.json").read_text(encoding="utf-8"))
    found = []
    for name, spans in sorted(labels.items()):
        with (folder / "data" / name).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        times = [_seconds(row["timestamp"]) for row in rows]
        windows = []
        for first, last in spans:
            inside = [row for row, at_s in enumerate(times) if _seconds(first) <= at_s <= _seconds(last)]
            windows.append((inside[0], inside[-1]))
        found.append(scored(name.split("/")[0], name, times, [float(row["value"]) for row in rows], windows))
    return found


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def main(arguments: list[str]) -> int:
    """Choose the threshold on every other category and judge the rest by it, both ways; print all."""
    series = nab(Path(arguments[0])) if arguments else cloud()
    categories = sorted({one.category for one in series})
    for own in (categories[::2], categories[1::2]):
        chosen = [one for one in series if one.category in own]
        others = [one for one in series if one.category not in own]
        threshold = best_threshold(chosen)
        print(f"chosen on {', '.join(own)}: threshold {threshold}, {normalised(chosen, threshold):.1f}")
        print(f"  judged on the others: {normalised(others, threshold):.1f}")
    left_out = []
    for category in categories:
        threshold = best_threshold([one for one in series if one.category != category])
        mine = [one for one in series if one.category == category]
        if not any(one.windows for one in mine):
            continue
        left_out.append((category, threshold, normalised(mine, threshold), sum(len(one.windows) for one in mine)))
    for category, threshold, score, windows in left_out:
        print(f"{category:<36} threshold {threshold:.2f} from the others: {score:6.1f} ({windows} windows)")
    total = sum(one[3] for one in left_out)
    print(f"each category by the threshold of the others: {sum(one[2] * one[3] for one in left_out) / total:.1f}")
    for profile in WEIGHTS:
        threshold = best_threshold(series, profile)
        print(
            f"{profile}: {normalised(series, threshold, profile):.1f} at the threshold that is best for it ({threshold})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
