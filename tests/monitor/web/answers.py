"""Answers of `/readyz` for tests of the web server."""

from __future__ import annotations

from monitor.intake.unseen import Unseen
from monitor.log.health import LogHealth, ReaderLag
from monitor.web.answer import ReadyAnswer


def answered(*reasons: str) -> ReadyAnswer:
    """The answer of a daemon that is not ready for these reasons, and ready without any."""
    log = LogHealth(
        failing=None, waiting=0, written=7, size=4096, segments=1, dropped={}, lost={}, damaged=0,
    )  # fmt: skip
    readers = {"database": ReaderLag(entries=3, behind_s=1.5, state="away", why="it is not there")}
    unseen = Unseen(
        dropped={"okx BookMeasured": 4},
        passed_over={"kraken volume_spot": 90},
        missed={},
        late=2,
        unwatched=0,
        refused={"book value": 3},
    )
    return ReadyAnswer(ready=not reasons, reasons=reasons, log=log, readers=readers, unseen=unseen)


def ready() -> ReadyAnswer:
    """The answer of a daemon that is ready."""
    return answered()
