"""Where log lines go: stderr in one line each, and to telemetry where it takes them."""

from __future__ import annotations

import logging


def set_up_logs(verbose: bool, telemetry: logging.Handler | None = None) -> None:
    """Set up logging once, at the start of a command that runs for long."""
    screen = logging.StreamHandler()
    screen.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [screen] if telemetry is None else [screen, telemetry]
    root.setLevel(logging.WARNING)
    logging.getLogger("stormwatch").setLevel(logging.DEBUG if verbose else logging.INFO)
