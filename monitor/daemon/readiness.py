"""Says how the daemon is: why it is not ready, and how far each reader is behind the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from monitor.alerting.delivery import Deliveries
from monitor.alerting.memory import reader_name
from monitor.daemon.supervisor import Supervisor
from monitor.log.health import BEHIND_S, TICK_LATE_S, LogFigures, ReaderLag
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Clock
from monitor.signals.plain_text import one_line
from monitor.store.faults import State
from monitor.store.reader import READER as DATABASE
from monitor.store.reader import StoreReader
from monitor.telemetry.redact import redact
from monitor.web.answer import ReadyAnswer

MAX_WHY = 500
"""The longest reason that is told, in characters."""


class Readiness:
    """Asks every part how it is. Of its own it knows only what the daemon does before it watches."""

    def __init__(
        self,
        clock: Clock,
        pipeline: Pipeline,
        supervisor: Supervisor,
        log: SqliteLog,
        deliveries: Deliveries,
    ) -> None:
        self._clock = clock
        self._pipeline = pipeline
        self._supervisor = supervisor
        self._log = log
        self._deliveries = deliveries
        self.database: StoreReader | None = None
        """The database's reader, once it exists."""
        self.vantage: Callable[[], str | None] = lambda: None
        """Why the vantage that publishes for us is not heard."""
        self.broken: Callable[[str], str | None] = lambda _sink: None
        """Why a sink is broken; None if it is not."""
        self.starting: str | None = "starting"
        """What the daemon does before it watches; None from then on."""

    def figures(self) -> LogFigures:
        """The log and its readers now."""
        readers: dict[str, ReaderLag] = {}
        if self.database is not None:
            lag = self.database.lag()
            readers[DATABASE] = ReaderLag(
                entries=lag.entries, behind_s=lag.behind_s, state=lag.state.value, why=lag.why
            )
        for name in self._deliveries.names:
            of_sink = self._deliveries.lag(name)
            broken = self.broken(name)
            state = "starting" if of_sink.entries is None else "retrying" if of_sink.why else "connected"
            state = state if broken is None else "broken"
            readers[reader_name(name)] = ReaderLag(
                entries=of_sink.entries, behind_s=of_sink.oldest_s, state=state, why=of_sink.why
            )
        return LogFigures(log=self._log.health(), readers=readers)

    def judged_again(self, signals: int) -> None:
        """The log is being judged again, and so many of its signals have been."""
        self.starting = f"judging the log again: {signals} signals so far"

    def answer(self) -> ReadyAnswer:
        """All of it, as `/readyz` answers it: without secrets, in tenths of a second."""
        figures = self.figures()
        reasons = tuple(map(_bounded, self.reasons()))
        log = (
            figures.log if figures.log.failing is None else replace(figures.log, failing=_bounded(figures.log.failing))
        )
        readers = {
            name: replace(lag, why=_bounded(lag.why), behind_s=None if lag.behind_s is None else round(lag.behind_s, 1))
            for name, lag in figures.readers.items()
        }
        return ReadyAnswer(
            ready=not reasons, reasons=reasons, log=log, readers=readers, unseen=self._pipeline.not_seen()
        )  # fmt: skip

    def reasons(self) -> list[str]:
        """Why the daemon is not ready; empty when it is."""
        figures = self.figures()
        reasons = [f"part {name} keeps failing" for name in self._supervisor.looping()]
        if figures.log.failing is not None:
            reasons.append(
                f"the log cannot be written ({figures.log.failing}); incidents use a reserve, "
                f"{figures.log.waiting} rows wait in memory"
            )
        reasons += [why for name in self._deliveries.names if (why := self.broken(name)) is not None]
        for name, lag in figures.readers.items():
            behind = f"{lag.behind_s:.0f} s" if lag.behind_s is not None else "an unknown time"
            late = lag.behind_s is not None and lag.behind_s > BEHIND_S
            away = lag.state in (State.AWAY, State.SILENT, State.REFUSING)
            if away or late:
                why = f" ({lag.why})" if lag.why else ""
                reasons.append(f"{name} is {lag.state}{why}: {lag.entries} entries behind, the oldest by {behind}")
        if self.starting is not None:
            return [*reasons, self.starting]
        unheard = self.vantage()
        if unheard is not None:
            reasons.append(unheard)
        last = self._pipeline.last_tick
        if last is None or (self._clock() - last).total_seconds() > TICK_LATE_S:
            reasons.append("the clock does not tick")
        return reasons


def _bounded(text: str) -> str:
    """A reason as others may read it."""
    return one_line(redact(text), MAX_WHY)
