"""Says that the collector is away: one line a minute, whatever does not arrive, and one line when it is back.

The exporters try several times a second, each with lines of its own; those about a failed attempt are held back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from monitor.telemetry.redact import redact

EVERY_S = 60.0
MAX_WHY = 120
EXPORTERS = tuple(
    f"opentelemetry.exporter.otlp.proto.http.{name}" for name in ("trace_exporter", "metric_exporter", "_log_exporter")
)
"""The loggers of the exporters."""
HELD_BACK = ("Transient error", "Failed to export", "Shutdown in progress")
"""How the templates of their lines about a failed attempt begin."""
log = logging.getLogger("stormwatch.telemetry")


class Collector:
    """What one collector takes. Thread-safe: each exporter has a thread of its own. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._away: set[str] = set()
        self._since_s = 0.0
        self._said_s = float("-inf")

    def fails(self, what: str, why: str) -> None:
        """An attempt to send this (traces, metrics, logs …) failed. `why` may hold anything."""
        with self._lock:
            now_s = self._clock()
            if not self._away:
                self._since_s = now_s
            self._away.add(what)
            if now_s - self._said_s < EVERY_S:
                return
            self._said_s = now_s
            kinds, for_s = ", ".join(sorted(self._away)), now_s - self._since_s
        log.warning(
            "the collector takes no %s, for %.0f s now (%s); what does not fit into the queues is lost",
            kinds, for_s, redact(why)[:MAX_WHY],
        )  # fmt: skip

    def takes(self, what: str) -> None:
        """An attempt to send this has succeeded."""
        with self._lock:
            if what not in self._away:
                return
            self._away.remove(what)
            if self._away:
                return
            self._said_s = float("-inf")
            for_s = self._clock() - self._since_s
        log.warning("the collector takes everything again, after %.0f s", for_s)


def hold_back_attempts() -> None:
    """Hold back the exporters' own lines about failed attempts. It may be called again."""
    for name in EXPORTERS:
        logger = logging.getLogger(name)
        if _is_no_attempt not in logger.filters:
            logger.addFilter(_is_no_attempt)


def _is_no_attempt(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(HELD_BACK)
