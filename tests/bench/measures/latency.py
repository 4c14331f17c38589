"""False alarms on recorded order round trips of healthy venues, and how soon a threefold step put into them is found.

Parameters were chosen on the series of Gate; those of HTX judge. A step begins at a random time of the clock, and its delay
counts from the first slow answer: the recordings ask seven times in two minutes and then pause for eight.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from monitor.detect.alarm_rate import MAX_PER_DAY
from monitor.detect.latency import LatencyStream
from tests.bench.figures import Figure

FOLDER = Path(__file__).parents[3].parent / "shared/data/latency"
SEED = 1
STEPS = 20
"""A series."""
STEP = 3.0
MAX_DELAY_S = 120.0
RECORDED = "nothing but the steps: recorded round trips, 23 hours a series"

Series = list[tuple[float, float]]
"""Receipt (unix seconds) and latency in seconds."""


@dataclass(slots=True)
class Count:
    """What became of some series."""

    hours: float = 0.0
    alarms: int = 0
    steps: int = 0
    found: int = 0


def bench() -> list[Figure]:
    """Both venues, request by request and with all requests of a region as one stream."""
    if not FOLDER.exists():
        return [
            Figure(name="latency", value=None, unit="", simulated="nothing", note=f"no {FOLDER.name} folder beside it")
        ]
    figures = []
    for venue, role in (("gate", "chosen on these"), ("htx", "judged on these")):
        alone = recorded(venue)
        for how, series in (("each kind of request a stream", alone), ("both as one stream", merged(alone))):
            count = judged(series)
            note = f"{role}; {how}; {count.alarms} in {count.hours:,.0f} h; seed {SEED}"
            figures += [
                Figure(
                    name=f"latency, {venue}: false alarms in 100 series-hours", value=100 * count.alarms / count.hours,
                    unit="alarms", most=1.0, simulated=RECORDED, note=note,
                ),
                Figure(
                    name=f"latency, {venue}: threefold steps found within 120 s", value=100 * count.found / count.steps,
                    unit="%", least=90.0, simulated=RECORDED, note=f"{role}; {how}; {count.steps} steps; seed {SEED}",
                ),
            ]  # fmt: skip
    return [*figures, _speed()]


def recorded(venue: str) -> dict[str, Series]:
    """The round trips of each region and request of a venue."""
    found: dict[str, Series] = {}
    for path in sorted(FOLDER.glob(f"{venue}_*.csv.gz")):
        for name, at_s, latency_s in _round_trips(path):
            found.setdefault(f"{path.name.partition('.')[0]} {name}", []).append((at_s, latency_s))
    return found


def merged(series: dict[str, Series]) -> dict[str, Series]:
    """All requests of a region in one stream."""
    regions: dict[str, Series] = {}
    for name, values in series.items():
        regions.setdefault(name.partition(" ")[0], []).extend(values)
    return {name: sorted(values) for name, values in regions.items()}


def _round_trips(path: Path) -> Iterator[tuple[str, float, float]]:
    ends = {"CREATED": "CREATE", "CANCELED": "CANCEL"}
    began: dict[tuple[str, str], int] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at_ms, status = int(row["Timestamp"]), row["Status"]
            if status.startswith("PENDING_"):
                began[row["Order_ID"], status.removeprefix("PENDING_")] = at_ms
            elif (key := (row["Order_ID"], ends.get(status, ""))) in began:
                yield key[1], at_ms / 1000, (at_ms - began.pop(key)) / 1000


def judged(series: dict[str, Series], steps: int = STEPS) -> Count:
    """Count false alarms of the series as they are, and the steps that are found."""
    count = Count()
    for name, values in series.items():
        chance = random.Random(f"{SEED}{name}")
        times = [chance.uniform(values[60][0], values[-40][0]) for _ in range(steps)]
        starts = {next(place for place, (at_s, _) in enumerate(values) if at_s >= time_s) for time_s in times}
        stream, alarm = LatencyStream(), False
        for place, (at_s, latency_s) in enumerate(values):
            if place in starts:
                count.steps += 1
                count.found += _finds(deepcopy(stream), values[place : place + 40])
            per_day = stream.add(latency_s, at_s).per_day
            if per_day <= MAX_PER_DAY[2] and not alarm:
                count.alarms += 1
                alarm = True
            alarm = alarm and per_day <= MAX_PER_DAY[0]
        count.hours += (values[-1][0] - values[0][0]) / 3600
    return count


def _finds(stream: LatencyStream, after: Series) -> bool:
    first_s = after[0][0]
    return any(
        stream.add(STEP * latency_s, at_s).per_day <= MAX_PER_DAY[2]
        for at_s, latency_s in after
        if at_s - first_s <= MAX_DELAY_S
    )


def _speed() -> Figure:
    chance = random.Random(SEED)
    values = [0.05 * chance.lognormvariate(0, 0.15) for _ in range(1000)]
    streams = [LatencyStream() for _ in range(200)]
    began = process_time()
    for second, value in enumerate(values):
        for stream in streams:
            stream.add(value, float(second))
    return Figure(
        name="latency: values through 200 streams, one core", value=len(values) * len(streams) / (process_time() - began),
        unit="values/s", simulated="the latencies (lognormal, 0.15)",
    )  # fmt: skip
