"""Counts what did not become evidence: readings dropped, requests passed over, slots missed, signals late, refused, unwatched.

Nothing may get lost in silence: `/metrics`, `/readyz` and `stormwatch status` show these counts. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from probes.readings import Reading, Refusal, RequestTimed, SlotMissed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What did not become evidence since the start of the process."""

    dropped: Mapping[str, int]
    """Readings that a full queue dropped, by "venue Kind"."""
    passed_over: Mapping[str, int]
    """Requests that were not sent to spare the venue, by "venue check"."""
    missed: Mapping[str, int]
    """Slots of a schedule without a request or without its answer, by "venue check"."""
    late: int
    """Signals that came after their second was judged; they count in a later one."""
    unwatched: int
    """Readings and events of instruments and assets that are not watched."""
    refused: Mapping[str, int]
    """Signals that cannot be, or that came twice, by "kind reason": nothing rests on them."""


class UnseenCounts:
    """The counts. Their keys are bounded: venues times their declared checks, and the kinds of readings."""

    def __init__(self) -> None:
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.late = 0
        self._passed_over: Counter[tuple[str, str]] = Counter()
        self._missed: Counter[tuple[str, str]] = Counter()

    def take(self, reading: Reading) -> None:
        """Count a reading that says that something was not seen."""
        match reading:
            case RequestTimed(refusal=Refusal.BUDGET):
                self._passed_over[reading.venue, reading.check] += 1
            case SlotMissed():
                self._missed[reading.venue, reading.check] += reading.missed
            case _:
                pass

    def shown(self, unwatched: int, refused: Mapping[tuple[str, str], int]) -> Unseen:
        """The counts now, in order of name. `refused`: the correlator's own count, by kind and reason."""
        return Unseen(
            dropped=_by_text(self.dropped), passed_over=_by_text(self._passed_over), missed=_by_text(self._missed),
            late=self.late, unwatched=unwatched, refused=_by_text(refused),
        )  # fmt: skip


def _by_text(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {" ".join(key): counts[key] for key in sorted(counts)}
