"""Finds request budgets of a venue that are all but used up: soon we are refused, and see and do less there.

Whoever shares our address uses the same budget, and a venue may lower it: this says little against the venue, half a nat.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

MIN_LEFT = 0.05
"""Our own requests stop before that, save the few that show whether the venue is alive."""
LASTING_S = 10.0
MAX_GAP_S = 60.0
NATS = 0.5
MAX_BUDGETS = 1024


@dataclass(slots=True)
class _Budget:
    """Since when a budget is all but used up, and when it was reported last."""

    since_s: float
    last_s: float


class RequestBudgetEvidence:
    """What is left of each request budget, by the venue's headers or by our own count."""

    kinds = frozenset({SignalKind.HEADROOM})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._spent: dict[tuple[str, str, str], _Budget] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take what is left of one budget, a fraction."""
        venue, attributes = signal.subject.venue, signal.attributes
        if venue is None:
            return
        host, name = str(attributes.get("host", "")), str(attributes.get("budget", ""))
        key = (venue, host, name)
        if signal.value > MIN_LEFT:
            self._spent.pop(key, None)
            return
        spent = self._spent.get(key)
        if spent is None or at_s - spent.last_s > MAX_GAP_S:
            if spent is None and len(self._spent) >= MAX_BUDGETS:
                self._spent.pop(next(iter(self._spent)))
            spent = self._spent[key] = _Budget(at_s, at_s)
        spent.last_s = at_s
        if at_s - spent.since_s < LASTING_S:
            return
        whose = "by its own count" if attributes.get("declared") is True else "by our count"
        self._board.put(
            Finding(
                name="request_budget",
                leg=Leg.VENUE,
                subject=Subject(venue=venue),
                key=f"{host}/{name}",
                grade=1,
                weight=NATS,
                onset_s=spent.since_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=signal.value,
                normal=MIN_LEFT,
                unit="fraction",
                said=f"{venue} leaves {signal.value:.0%} of request budget {name} of host {host} {whose},"
                " others on our address included",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = RequestBudgetEvidence
