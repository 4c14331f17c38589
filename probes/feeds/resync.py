"""Keeps the changes of a book that waits for its REST snapshot, and says when the next one is worth a request. Pure.

A venue's REST side may be half a minute behind its stream. A snapshot that is older than the first change kept tells by how
much; until REST has come so far, another request would cost weight and give nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from probes.book import Restarts, follows
from probes.venue import BookDelta, Budget

MAX_CHANGES = 5_000
MAX_BYTES = 8_000_000
"""Of one book's changes: 30 s of 50 changes a second with 40 levels each take 7 MB."""
CHANGE_BYTES, LEVEL_BYTES = 400, 112
"""What CPython takes for a change and for each of its levels (a tuple of two floats and its place in a list)."""
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 60.0
MARGIN_S, MARGIN_SHARE = 0.5, 0.25
"""Streams come in bursts and the lag is measured by ids a second: a request waits a little longer than the lag."""
MAX_FIRST_WAIT_S = 15.0
"""The first measure rests on a second of the stream: in a pause it says far too much."""
DOUBT = 3.0
"""After a wrong measure the next one counts so often: a stream counts several times as fast in a burst as before it."""
USUAL_LAG_S = 32.0
"""Doubt alone waits no longer than until the changes kept are so old: REST sides were seen up to 30 s behind."""
LEAST_GROWTH = 0.5
"""REST is at least as late as the oldest change kept is old: after a wrong measure, wait at least half as long again."""
MINUTE_S = 60.0
MAX_SNAPSHOTS_A_MINUTE = 60
SNAPSHOTS_SHARE = 0.5
"""Of a request budget: the checks need the rest."""


def size_of(change: BookDelta) -> int:
    """The bytes that a kept change takes, about."""
    return CHANGE_BYTES + LEVEL_BYTES * (len(change.bids) + len(change.asks))


@dataclass(slots=True)
class KeptChanges:
    """The changes since the last gap, each following the one before, with the time of receipt (unix seconds). Bounded.

    What lies before a gap is of no use: only a snapshot from behind it can carry what follows.
    """

    changes: deque[tuple[float, BookDelta]] = field(default_factory=deque)
    bytes: int = 0
    _restarts: Restarts = field(default_factory=Restarts)

    def add(self, change: BookDelta, now_s: float) -> None:
        """Keep a change. The oldest go when there are too many; an old one is left out."""
        if self.changes:
            last = self.changes[-1][1]
            if not follows(change, last.last_id):
                if change.last_id <= last.last_id and not self._restarts.seen(change, last.event_time):
                    return
                self.clear()
        self._restarts.count = 0
        self.changes.append((now_s, change))
        self.bytes += size_of(change)
        while len(self.changes) > MAX_CHANGES or (self.bytes > MAX_BYTES and len(self.changes) > 1):
            self.bytes -= size_of(self.changes.popleft()[1])

    def clear(self) -> None:
        """Forget everything kept."""
        self.changes.clear()
        self.bytes = 0
        self._restarts.count = 0

    def missing(self, last_id: int | None) -> int:
        """How many ids are missing between a snapshot's and the first change kept."""
        if not self.changes or last_id is None:
            return 0
        return max(self.changes[0][1].first_id - 1 - last_id, 0)

    def age_s(self, now_s: float) -> float:
        """How long ago the first change kept came."""
        return now_s - self.changes[0][0] if self.changes else 0.0

    def ids_per_s(self) -> float | None:
        """How fast the stream counts, by what is kept; None while one moment is all there is."""
        if not self.changes:
            return None
        (first_s, first), (last_s, last) = self.changes[0], self.changes[-1]
        ids, seconds = last.last_id - first.first_id, last_s - first_s
        return ids / seconds if ids > 0 and seconds > 0 else None


@dataclass(slots=True)
class SnapshotWait:
    """When a book's next REST snapshot may be requested (unix seconds), from what the last one showed."""

    requested: bool = False
    due_s: float = float("-inf")
    tries: int = 0
    _last: tuple[float, int] | None = None

    def is_due(self, now_s: float) -> bool:
        """Whether to request one now. A wait never outlasts the longest, though the clock was set back."""
        return not self.requested and (now_s >= self.due_s or self.due_s - now_s > MAX_WAIT_S)

    def failed(self, now_s: float) -> None:
        """None came: wait, twice as long each time."""
        self._wait(min(FIRST_WAIT_S * 2.0**self.tries, MAX_WAIT_S), now_s)

    def stale(self, last_id: int | None, kept: KeptChanges, now_s: float) -> None:
        """One came that is older than the changes kept: wait until REST has come as far as the first of them."""
        speeds = [kept.ids_per_s(), self._rest_speed(last_id, now_s)]
        slowest = min((one for one in speeds if one is not None), default=None)
        self._last = None if last_id is None else (now_s, last_id)
        if not slowest:
            self.failed(now_s)
            return
        behind_s = kept.missing(last_id) / slowest
        if self.tries:
            age_s = kept.age_s(now_s)
            behind_s = max(behind_s, min(DOUBT * behind_s, USUAL_LAG_S - age_s), LEAST_GROWTH * age_s)
        lag_s = behind_s * (1 + MARGIN_SHARE) + MARGIN_S
        self._wait(min(max(lag_s, FIRST_WAIT_S), MAX_WAIT_S if self.tries else MAX_FIRST_WAIT_S), now_s)

    def over(self) -> None:
        """The book has its snapshot, or the connection is gone: the next one is due at once."""
        self.requested, self.due_s, self.tries, self._last = False, float("-inf"), 0, None

    def _wait(self, wait_s: float, now_s: float) -> None:
        self.requested, self.due_s, self.tries = False, now_s + wait_s, min(self.tries + 1, 10)

    def _rest_speed(self, last_id: int | None, now_s: float) -> float | None:
        """How fast REST counts, between the last two snapshots that were too old."""
        if self._last is None or last_id is None or now_s <= self._last[0]:
            return None
        return max(last_id - self._last[1], 0) / (now_s - self._last[0])


class SnapshotAllowance:
    """What the books of one venue may spend on snapshots in a minute: a number of requests, and half of each budget."""

    def __init__(self, budgets: tuple[Budget, ...]) -> None:
        self._most = {one.name: one.limit * MINUTE_S / one.window_s * SNAPSHOTS_SHARE for one in budgets}
        self._spent: deque[tuple[float, str, float]] = deque()

    def take(self, budget: str, cost: float, now_s: float) -> bool:
        """Charge a request of this cost; false if it is too many. At least one always passes."""
        while self._spent and not 0 <= now_s - self._spent[0][0] < MINUTE_S:
            self._spent.popleft()
        spent = sum(one for _, name, one in self._spent if name == budget)
        over = spent + cost > self._most.get(budget, float("inf"))
        if len(self._spent) >= MAX_SNAPSHOTS_A_MINUTE or (over and self._spent):
            return False
        self._spent.append((now_s, budget, cost))
        return True
