"""Says how the daemon is: why it is not ready, and how far each reader is behind the log."""

from __future__ import annotations

from monitor.alerting.delivery import Deliveries
from monitor.alerting.sink_reader import reader_name
from monitor.daemon.supervisor import Supervisor
from monitor.log.health import LogFigures, ReaderLag
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Clock
from monitor.store.faults import State
from monitor.store.reader import READER as DATABASE
from monitor.store.reader import StoreReader

TICK_LATE_S = 10.0
BEHIND_S = 60.0
"""A reader that is farther behind than this makes the daemon not ready."""


class Readiness:
    """Asks every part how it is. It holds no state of its own."""

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
            state = "retrying" if of_sink.why else "connected"
            readers[reader_name(name)] = ReaderLag(
                entries=of_sink.entries, behind_s=of_sink.oldest_s, state=state, why=of_sink.why
            )
        return LogFigures(log=self._log.health(), readers=readers)

    def reasons(self) -> list[str]:
        """Why the daemon is not ready; empty when it is."""
        figures = self.figures()
        reasons = [f"part {name} keeps failing" for name in self._supervisor.looping()]
        if figures.log.failing is not None:
            reasons.append(
                f"the log cannot be written ({figures.log.failing}); incidents use a reserve, "
                f"{figures.log.waiting} rows wait in memory"
            )
        for name, lag in figures.readers.items():
            behind = f"{lag.behind_s:.0f} s" if lag.behind_s is not None else "an unknown time"
            late = lag.behind_s is not None and lag.behind_s > BEHIND_S
            away = lag.state in (State.AWAY, State.SILENT, State.REFUSING)
            if away or late:
                why = f" ({lag.why})" if lag.why else ""
                reasons.append(f"{name} is {lag.state}{why}: {lag.entries} entries behind, the oldest by {behind}")
        last = self._pipeline.last_tick
        if last is None or (self._clock() - last).total_seconds() > TICK_LATE_S:
            reasons.append("the clock does not tick")
        return reasons
