"""Judges a recording again: the same correlator and order give the same log and digest as the live run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.correlator.sequencer import order_s
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.recordings.frames import FORMAT as RAW_FORMAT
from monitor.recordings.frames import RawTape, raw_header
from monitor.recordings.lines import UNFIT, Holes, first_line
from monitor.recordings.signals import FORMAT, Recording
from monitor.signals import Signal


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of `stormwatch replay`: signals judged, changes emitted, signals late, digest of the log.

    `refused`: signals that cannot be, by "kind: reason"; nothing rests on them.
    """

    signals: int
    changes: int
    late: int
    digest: str
    refused: dict[str, int] = {}


class Replay:
    """One pass over signals. `changes()` runs it; afterwards `correlator` holds the final state.

    `where` names the place of the last signal in its file. A signal that decodes but cannot be judged is the file's fault.
    """

    def __init__(
        self, signals: Iterable[Signal], settings: CorrelatorSettings, vantage: str, where: Callable[[], str] = str
    ) -> None:
        self._input = iter(signals)
        self._where = where
        self.correlator = Correlator(settings, vantage=vantage)
        self.signals = 0

    def changes(self, look: Callable[[Correlator], None] = lambda _: None) -> Iterator[IncidentChange]:
        """All incident changes in order, with those that the end of the input releases. Raises OperatorError.

        `look` is called after each signal.
        """
        holes = Holes()
        for signal in self._input:
            self.signals += 1
            if holes.are_too_many(order_s(signal)):
                raise OperatorError(
                    "FILE",
                    self._where(),
                    "a recording whose holes (nothing for over an hour) add up to a week at most",
                    "each second of a hole is judged: cut the file at its holes",
                )
            yield from self._judged(self.correlator.on_signal, signal)
            look(self.correlator)
        yield from self._judged(self.correlator.finish)
        look(self.correlator)

    def _judged(self, judge: Callable[..., Sequence[IncidentChange]], *signal: Signal) -> Sequence[IncidentChange]:
        try:
            return judge(*signal)
        except (*UNFIT, OSError) as error:  # OSError: a time that the platform cannot convert
            raise OperatorError(
                "FILE",
                self._where(),
                f"signals with the values and attributes of {FORMAT} (docs/formats.md)",
                f"this line, or one of the seconds before it, cannot be judged ({type(error).__name__}: {error}); "
                "record again or cut the line",
            ) from error


def replay_file(path: Path, settings: CorrelatorSettings | None = None) -> Replay:
    """A replay of a recording (signals or raw frames), with its own settings unless given others. Raises OperatorError."""
    first = first_line(path)
    if RAW_FORMAT.encode() in first:
        tape = RawTape(path, raw_header(first, path))
        return Replay(tape.signals(), settings or tape.settings(), tape.header.vantage, tape.where)
    recording = Recording(path)
    return Replay(recording, settings or recording.settings(), recording.header.vantage, recording.where)
