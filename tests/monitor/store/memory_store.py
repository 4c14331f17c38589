"""A store in memory that fulfils the contract of `Saver`: it stores a batch once, and is down or refuses as scripted."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.store.batch import Batch, BatchRefused, StoreAway
from tests.monitor.store.rows import NOON


class MemoryStore:
    """Stores batches in the order in which they were written; `tries` counts every attempt."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.tries: list[tuple[str, int]] = []
        self.away = False
        self.away_after: int | None = None
        """Batches that are still taken before the server goes away."""
        self.forgets_to_answer = 0
        """So many batches are committed while the connection breaks before the answer."""
        self.refuses: set[int] = set()

    async def save(self, batch: Batch) -> bool:
        self.tries.append((batch.run_id, batch.number))
        if self.away_after is not None and len(self.batches) >= self.away_after:
            self.away = True
        if self.away:
            raise StoreAway("ConnectionRefusedError")
        if batch.number in self.refuses:
            raise BatchRefused(f"batch {batch.number}")
        if any((one.run_id, one.number) == (batch.run_id, batch.number) for one in self.batches):
            return False
        self.batches.append(batch)
        if self.forgets_to_answer:
            self.forgets_to_answer -= 1
            raise StoreAway("ConnectionResetError")
        return True

    @property
    def seqs(self) -> list[int]:
        """Signals in the order in which they were written."""
        return [one.seq for batch in self.batches for one in batch.signals]

    @property
    def sizes(self) -> list[int]:
        """Rows of each batch."""
        return [batch.rows for batch in self.batches]


class Ticking:
    """A clock that advances a millisecond each time it is read."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now
