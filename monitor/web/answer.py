"""Defines what `/readyz` answers: whether the daemon is ready and why not, its log, and the readers of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.intake.unseen import Unseen
from monitor.log.health import LogHealth, ReaderLag


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAnswer:
    """How the daemon is. `reasons` say why it is not ready; they and every `why` hold no secret."""

    ready: bool
    reasons: tuple[str, ...]
    log: LogHealth
    readers: Mapping[str, ReaderLag]
    unseen: Unseen
