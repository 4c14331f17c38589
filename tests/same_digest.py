"""Checks that one recording gives one digest: live, replayed, shuffled, killed and resumed.

    python -m tests.same_digest [--scenario perfect-storm] [--kills 100] [--lives 10] [--seed 1] [--recording FILE]

A drill is played (about 100 s), or a recording is taken. Its signals are judged in order; in another order of arrival within
the allowed lateness; and with a kill at random signals: the correlator is frozen there and thawed in a fresh object, every
tenth time in a fresh process. Then they are appended to a real log by one process after another, each of which kills itself
without a clean stop at a random signal, what it had not written yet included. Digests must be the same, and the log must
hold the same changes, each once. Exit code 1: something differs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal as system_signals
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from monitor.correlator import Correlator
from monitor.daemon.resume import Watched, image_of, resumed
from monitor.drill import scenario as scenarios
from monitor.drill.runner import DrillOrder, run_drill
from monitor.incidents import IncidentChange
from monitor.intake import Intake
from monitor.log import Holding, Stream
from monitor.log.change_json import decode_change
from monitor.log.codec import decode_signals
from monitor.log.follow import remaining
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.recordings.signals import Recording
from monitor.signals import Signal, SignalKind
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry

ROOT = Path(__file__).parents[1]
A_PROCESS_EACH = 10
MOST_AT_ONCE = 40
"""Signals that the pipeline takes at once, at most."""
IMAGE_CHANCE = 0.02
FLUSH_CHANCE = 0.1
AT_CHANGE_CHANCE = 0.3
"""A life ends right behind a change with this chance: the change is judged and not durable."""


class Recorded:
    """A recording in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        signals = Recording(path)
        self.header = signals.header
        self.signals: Sequence[Signal] = list(signals)

    def fresh(self) -> Correlator:
        """A correlator with the recording's settings."""
        return Correlator(self.header.settings(), vantage=self.header.vantage)

    def watched(self) -> Watched:
        """Everything that the recording is about."""
        subjects = [one.subject for one in self.signals]
        return Watched(
            vantage=self.header.vantage,
            assets=frozenset(one.asset for one in subjects if one.asset is not None),
            venues=frozenset(one.venue for one in subjects if one.venue is not None),
            networks=frozenset(one.network for one in subjects if one.network is not None),
        )


def judged(correlator: Correlator, signals: Sequence[Signal]) -> list[IncidentChange]:
    """The changes of signals in this order."""
    return [change for one in signals for change in correlator.on_signal(one)]


def shuffled(recorded: Recorded, seed: int) -> list[Signal]:
    """The same signals in another order of arrival, none later than the allowed lateness."""
    settings, chance = recorded.header.settings(), random.Random(seed)
    reach_s = 0.5 * min(settings.lateness_ws_s, settings.lateness_rest_s, settings.lateness_chain_s)
    arrivals = [
        (one.received_at.timestamp() + (0.0 if one.kind is SignalKind.EXPECT else chance.uniform(0, reach_s)), index)
        for index, one in enumerate(recorded.signals)
    ]
    return [recorded.signals[index] for _, index in sorted(arrivals)]


def killed_and_resumed(recorded: Recorded, kills: int, seed: int) -> tuple[str, list[IncidentChange], int]:
    """The digest and the changes with a kill at each of `kills` random signals, and how many times a process was fresh."""
    count = len(recorded.signals)
    places = sorted(random.Random(seed).sample(range(1, count), min(kills, count - 1)))
    correlator, processes = recorded.fresh(), 0
    changes = judged(correlator, recorded.signals[: places[0]])
    for number, (since, until) in enumerate(pairwise([*places, count])):
        image = correlator.freeze()
        if number % A_PROCESS_EACH == A_PROCESS_EACH - 1:
            processes += 1
            image = in_a_fresh_process(recorded.path, image, since, until)
            seen = Correlator.thaw(correlator.freeze())  # a process gives back its state, not its changes
            changes += judged(seen, recorded.signals[since:until])
            correlator = Correlator.thaw(image)
        else:
            correlator = Correlator.thaw(image)
            changes += judged(correlator, recorded.signals[since:until])
    changes += correlator.finish()
    return correlator.digest(), changes, processes


def in_a_fresh_process(recording: Path, image: bytes, since: int, until: int) -> bytes:
    """The image after the signals in between, as another process judges them."""
    with tempfile.NamedTemporaryFile(suffix=".image") as file:
        Path(file.name).write_bytes(image)
        words = ["--recording", str(recording), "--thaw", file.name, "--part", str(since), str(until)]
        subprocess.run([sys.executable, "-m", "tests.same_digest", *words], check=True, cwd=ROOT)
        return Path(file.name).read_bytes()


def continue_image(recorded: Recorded, image: Path, since: int, until: int) -> None:
    """Thaw an image, judge some signals, and write the image again."""
    correlator = Correlator.thaw(image.read_bytes())
    judged(correlator, recorded.signals[since:until])
    image.write_bytes(correlator.freeze())


async def live(recorded: Recorded, folder: Path, seed: int, *, last: bool) -> None:
    """One life of a log: continue where the last one was killed, and die at a random signal unless it is the last life."""
    chance = random.Random(seed)
    local = opened(folder)
    await local.open()
    began = await resumed(local, recorded.header.settings(), recorded.watched())
    heard = await durable_signals(local)
    no_telemetry = Telemetry(TelemetrySettings(), vantage=recorded.header.vantage, version="test", env={})
    pipeline = Pipeline(Intake(vantage="", assets=()), began.correlator, no_telemetry, local)
    local.changes(began.changes)
    local.image(image_of(began.correlator, recorded.watched()))
    rest = len(recorded.signals) - heard
    end = heard + rest if last or rest < 2 else heard + chance.randrange(1, max(rest // 3, 2))
    at = heard
    while at < end:
        until = min(at + chance.randint(1, MOST_AT_ONCE), end)
        before = began.correlator.digest()
        pipeline.take(recorded.signals[at:until])
        at = until
        if not last and began.correlator.digest() != before and chance.random() < AT_CHANGE_CHANCE:
            break
        if chance.random() < IMAGE_CHANCE:
            local.image(image_of(began.correlator, recorded.watched()))
        if chance.random() < FLUSH_CHANCE:
            await local.flush()
    if not last:
        os.kill(os.getpid(), system_signals.SIGKILL)
    pipeline.finish()
    await local.flush()
    how = "from its image" if began.thawed else "from the beginning"
    print(f"{began.correlator.digest()} {began.judged} {how}", flush=True)
    await local.close()


def opened(folder: Path) -> SqliteLog:
    """The log, without bounds that the recording could reach."""
    settings = LogSettings(keep_s=1e9, outlet_keep_s=1e9)
    return SqliteLog(folder, settings, {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))


async def durable_signals(local: SqliteLog) -> int:
    """How many signals the log holds."""
    return sum([entry.rows async for chunk in remaining(local, 0, (Stream.SIGNALS,)) for entry in chunk.entries])


async def in_log(folder: Path) -> tuple[list[Signal], list[IncidentChange]]:
    """Every signal and every change of the log, in order."""
    local = opened(folder)
    await local.open()
    signals: list[Signal] = []
    changes: list[IncidentChange] = []
    async for chunk in remaining(local, 0, (Stream.SIGNALS, Stream.CHANGE)):
        for entry in chunk.entries:
            if entry.stream is Stream.CHANGE:
                changes.append(decode_change(entry.body))
            else:
                signals += decode_signals(entry.body)
    await local.close()
    return signals, changes


def through_a_log(recorded: Recorded, lives: int, seed: int) -> tuple[str, list[Signal], list[IncidentChange], int]:
    """The digest, the signals and the changes of a log that `lives` processes wrote one after the other, and the kills."""
    with tempfile.TemporaryDirectory(prefix="same-digest-") as place:
        folder, killed, digest = Path(place) / "log", 0, ""
        for number in range(lives):
            words = ["--recording", str(recorded.path), "--log", str(folder), "--seed", str(seed * 1000 + number)]
            words += ["--last"] if number == lives - 1 else []
            ended = subprocess.run([sys.executable, "-m", "tests.same_digest", *words], stdout=subprocess.PIPE, text=True,
                                   check=False, cwd=ROOT)  # fmt: skip
            killed += ended.returncode == -system_signals.SIGKILL
            if number == lives - 1 and ended.returncode == 0:
                digest = ended.stdout.split()[0]
        return digest, *asyncio.run(in_log(folder)), killed


def check(recorded: Recorded, live_digest: str | None, kills: int, lives: int, seed: int) -> bool:
    """Print every digest; whether all are the same."""
    correlator = recorded.fresh()
    wanted = judged(correlator, recorded.signals) + list(correlator.finish())
    digest = correlator.digest()
    other = recorded.fresh()
    other_changes = judged(other, shuffled(recorded, seed)) + list(other.finish())
    resumed_digest, resumed_changes, processes = killed_and_resumed(recorded, kills, seed)
    log_digest, log_signals, log_changes, killed = through_a_log(recorded, lives, seed)
    rows = [
        ("replayed in order", digest, True),
        ("shuffled within lateness", other.digest(), other_changes == wanted),
        (f"frozen and thawed at {kills} signals, {processes} times in a fresh process", resumed_digest,
         resumed_changes == wanted),
        (f"through a log of {lives} lives, {killed} of them killed", log_digest,
         log_changes == wanted and log_signals == recorded.signals),
    ]  # fmt: skip
    if live_digest is not None:
        rows.insert(0, ("live", live_digest, True))
    print(f"{recorded.path}: {len(recorded.signals)} signals, {len(wanted)} changes")
    for what, found, same in rows:
        verdict = "same" if same and found == digest else "DIFFERS" + ("" if same else " in its changes or signals")
        print(f"  {found[:16]} {verdict:8} {what}")
    ids = [(one.incident_id, one.revision) for one in log_changes]
    missing = {(one.incident_id, one.revision) for one in wanted} - set(ids)
    print(f"  of the log: {len(ids) - len(set(ids))} changes twice, {len(missing)} missing")
    return all(same and found == digest for _, found, same in rows) and bool(wanted)


def main() -> int:
    """Run the command line; return the exit code."""
    arguments = _arguments()
    if arguments.thaw is not None:
        continue_image(Recorded(arguments.recording), arguments.thaw, *arguments.part)
        return 0
    if arguments.log is not None:
        asyncio.run(live(Recorded(arguments.recording), arguments.log, arguments.seed, last=arguments.last))
        return 0
    if arguments.recording is not None:
        return not check(Recorded(arguments.recording), None, arguments.kills, arguments.lives, arguments.seed)
    with tempfile.TemporaryDirectory(prefix="same-digest-drill-") as out:
        file = scenarios.FOLDER / f"{arguments.scenario}.toml"
        verdict = asyncio.run(run_drill(DrillOrder(scenario=scenarios.load(file), file=file, out=Path(out))))
        recorded = Recorded(Path(verdict.recording))
        return not check(recorded, verdict.digest, arguments.kills, arguments.lives, arguments.seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.same_digest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenario", default="perfect-storm", choices=scenarios.names())
    parser.add_argument("--recording", type=Path, help="judge this recording and play no drill")
    parser.add_argument("--kills", type=int, default=100, help="signals at which the correlator is frozen and thawed")
    parser.add_argument("--lives", type=int, default=10, help="processes that write one log, all but the last killed")
    parser.add_argument("--seed", type=int, default=1)
    for name, kind in (("--thaw", Path), ("--log", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--part", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--last", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
