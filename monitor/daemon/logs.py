"""Sends log lines to stderr, one line each and without secrets, and to telemetry if that takes them."""

from __future__ import annotations

import logging

from monitor.telemetry.redact import redact


class RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback included, and hides secrets in the whole of it: an error often quotes a URL."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of one record without secrets."""
        return redact(super().format(record))


def set_up_logs(verbose: bool, telemetry: logging.Handler | None = None) -> None:
    """Set up logging, once, at the start of a command that runs for a long time."""
    screen = logging.StreamHandler()
    screen.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [screen] if telemetry is None else [screen, telemetry]
    root.setLevel(logging.WARNING)
    logging.getLogger("stormwatch").setLevel(logging.DEBUG if verbose else logging.INFO)
