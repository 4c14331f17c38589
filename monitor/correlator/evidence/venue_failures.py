"""Finds venues whose requests fail more often than one in twenty, by an e-process for each venue.

Refusals through our own fault (geo-blocked, our budget, our keys, our machine) do not count, nor do failures while our own
network is down, nor time-outs and broken connections that our own lag explains or that began while our network was in doubt.
An error code that nobody knows counts as soon as two checks of the venue, or two venues, show one within two minutes. Forty
good answers in a row end an outage: the e-process starts again.
"""

from __future__ import annotations

from collections import Counter, deque

from monitor.correlator.attribution import TRANSPORT
from monitor.correlator.producer import MAX_LINKS, EvidenceBoard, Finding, graded
from monitor.detect.failures import FailureBets
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

E_VALUES = (3.6e3, 8.64e4, 6.048e5, 7.86e6)
RECENT = 40
ALLOWED = 0.05
UNKNOWN = "unknown_code"
UNKNOWN_WINDOW_S = 120.0
"""Twice the cadence of most checks: in this time two checks of a venue, or two venues, must have shown a code nobody knows."""
MAX_UNKNOWN = 256
RENEWED_S = 10.0
"""Evidence is renewed while the last failure is this young."""
MAX_WHY = 120
TIMED = TRANSPORT | {"slow"}
"""Outcomes that our own lag may explain."""


class _Venue:
    def __init__(self) -> None:
        self.bets = FailureBets(ALLOWED)
        self.good = 0
        self.why = ""
        """Of the operator's own targets: the condition that failed last."""
        self.recent: deque[tuple[float, str, str | None]] = deque(maxlen=RECENT)

    def record(self, at_s: float, outcome: str, link: str | None) -> None:
        """Record one outcome."""
        self.recent.append((at_s, outcome, link))
        self.good = self.good + 1 if outcome == "ok" else 0
        if self.good >= RECENT:
            self.bets = FailureBets(ALLOWED)
        self.bets.add(0.0 if outcome == "ok" else 1.0)


class VenueFailuresEvidence:
    """Failing requests of a venue."""

    kinds = frozenset({SignalKind.REQUEST})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._venues: dict[str, _Venue] = {}
        self._touched: set[str] = set()
        self._unknown: deque[tuple[float, str, str]] = deque(maxlen=MAX_UNKNOWN)
        """Times, venues and checks that showed an unknown code."""

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one outcome."""
        name = signal.subject.venue
        if name is None or signal.attributes.get("ours") is True:
            return
        outcome = str(signal.attributes.get("outcome", "ok"))
        attribution = self._board.attribution
        if outcome in TIMED and (attribution.own_lag.explains(signal) or attribution.in_doubt(signal)):
            return
        if outcome == UNKNOWN and not self._is_confirmed(name, str(signal.attributes.get("check", "")), at_s):
            return
        venue = self._venues.get(name)
        if venue is None:
            venue = self._venues[name] = _Venue()
        venue.record(at_s, outcome, signal.link)
        venue.why = str(signal.attributes.get("detail", "")) if outcome != "ok" else venue.why
        self._touched.add(name)

    def _is_confirmed(self, name: str, check: str, at_s: float) -> bool:
        """Whether more than this one check of this one venue shows unknown codes: a new code of one endpoint is no outage."""
        self._unknown.append((at_s, name, check))
        seen = {(venue, one) for seen_s, venue, one in self._unknown if abs(at_s - seen_s) <= UNKNOWN_WINDOW_S}
        return len(seen) > 1

    def on_second(self, now_s: float) -> None:
        """Put venues whose e-value reaches a grade on the board."""
        if self._board.attribution.local_now(now_s):
            self._venues.clear()
            self._touched.clear()
        for name in sorted(self._touched):
            venue = self._venues[name]
            grade = graded(venue.bets.statistic, E_VALUES)
            failed = [one for one in venue.recent if one[1] != "ok"]
            if grade and failed and now_s - failed[-1][0] <= RENEWED_S:
                self._put(name, grade, venue, failed, now_s)
        self._touched.clear()

    def _put(
        self, name: str, grade: int, venue: _Venue, failed: list[tuple[float, str, str | None]], now_s: float
    ) -> None:
        kinds = Counter(one[1] for one in failed)
        worst = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0])))
        share = len(failed) / len(venue.recent)
        why = f"; last: {venue.why}"[:MAX_WHY] if venue.why else ""
        self._board.put(
            Finding(
                name="venue_failures",
                leg=Leg.VENUE,
                subject=Subject(venue=name),
                grade=grade,
                onset_s=failed[0][0],
                at_s=now_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=share,
                normal=ALLOWED,
                unit="share of requests",
                said=f"{name} fails {share:.0%} of requests ({worst}){why}",
                links=[link for _, _, link in failed[-MAX_LINKS:] if link],
            )
        )


PRODUCER = VenueFailuresEvidence
