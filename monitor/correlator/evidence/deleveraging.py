"""Reads a venue's word that auto-deleveraging began or ended: margin and fund do not suffice, and it closes others' positions.

One instrument is grade 2, two or more of an asset are grade 3. It is renewed while the venue goes on to say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

RENEWED_S = 10
SILENT_S = 120.0
"""Venues repeat the word each second to each minute: after two minutes without one nobody knows."""
MAX_ACTIVE = 1024


@dataclass(slots=True)
class _Active:
    """Since when an instrument is deleveraged, and when its venue said so last."""

    subject: Subject
    since_s: float
    last_s: float


class DeleveragingEvidence:
    """Instruments that their venues deleverage."""

    kinds = frozenset({SignalKind.DELEVERAGING})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._active: dict[tuple[str, str, str], _Active] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a begin, a repetition or an end. An end without a begin is the normal state."""
        one = signal.subject
        if one.asset is None or one.venue is None:
            return
        key = (one.asset, one.venue, one.instrument or "")
        active = self._active.get(key)
        if signal.value > 0:
            if active is None:
                if len(self._active) >= MAX_ACTIVE:
                    self._active.pop(next(iter(self._active)))
                subject = Subject(asset=one.asset, venue=one.venue, instrument=one.instrument)
                active = self._active[key] = _Active(subject, at_s, at_s)
            active.last_s = at_s
            self._put(active, at_s)
        elif active is not None:
            del self._active[key]
            self._end(active, at_s)

    def on_second(self, now_s: float) -> None:
        """Renew what goes on; forget what nobody speaks of any more, and let its evidence fade."""
        for key in [key for key, one in self._active.items() if now_s - one.last_s > SILENT_S]:
            del self._active[key]
        if not int(now_s) % RENEWED_S:
            for active in self._active.values():
                self._put(active, now_s)

    def _put(self, active: _Active, at_s: float) -> None:
        asset = active.subject.asset
        grade = 3 if sum(one.subject.asset == asset for one in self._active.values()) > 1 else 2
        self._board.put(self._finding(active, grade, at_s, "deleverages: it closes profitable positions by force"))

    def _end(self, active: _Active, at_s: float) -> None:
        """What began has ended: weak evidence, with its length, takes the place of the strong one."""
        ended = self._finding(active, 1, at_s, f"ended auto-deleveraging after {at_s - active.since_s:.0f} s")
        self._board.withdraw(ended.evidence_id)
        self._board.put(ended)

    def _finding(self, active: _Active, grade: int, at_s: float, words: str) -> Finding:
        return Finding(
            name="deleveraging",
            leg=Leg.LIQUIDATION,
            subject=active.subject,
            grade=grade,
            onset_s=active.since_s,
            at_s=at_s,
            half_life_s=self._board.settings.liquidation_half_life_s,
            value=at_s - active.since_s,
            normal=0.0,
            unit="s",
            said=f"{active.subject.venue} {active.subject.instrument} {words}",
        )


PRODUCER = DeleveragingEvidence
