"""Judges a recording again: the same correlator and order give the same log and digest as the live run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.incidents import IncidentChange
from monitor.recordings.frames import FORMAT as RAW_FORMAT
from monitor.recordings.frames import RawTape, raw_header
from monitor.recordings.signals import first_line, read_recording
from monitor.signals import Signal


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of `stormwatch replay`: signals judged, changes emitted, signals too late, digest of the log."""

    signals: int
    changes: int
    late: int
    digest: str


class Replay:
    """One pass over signals. `changes()` runs it; afterwards `correlator` holds the final state."""

    def __init__(self, signals: Iterable[Signal], settings: CorrelatorSettings, vantage: str) -> None:
        self._input = signals
        self.correlator = Correlator(settings, vantage=vantage)
        self.signals = 0

    def changes(self) -> Iterator[IncidentChange]:
        """All incident changes in order, with those that the end of the input releases."""
        for signal in self._input:
            self.signals += 1
            yield from self.correlator.on_signal(signal)
        yield from self.correlator.finish()


def replay_file(path: Path, settings: CorrelatorSettings | None = None) -> Replay:
    """A replay of a recording (signals or raw frames), with its own settings unless given others. Raises OperatorError."""
    first = first_line(path)
    if RAW_FORMAT.encode() in first:
        tape = RawTape(path, raw_header(first, path))
        return Replay(tape.signals(), settings or tape.settings(), tape.header.vantage)
    header, signals = read_recording(path)
    return Replay(signals, settings or header.settings(), header.vantage)
