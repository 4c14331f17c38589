"""Reports each followed head of a network, a stall if no head comes for too long, and its end. No I/O."""

from __future__ import annotations

from datetime import datetime

from chain.blocks.block import Header
from chain.events.network import HeadResumed, HeadSeen, HeadStalled
from chain.networks import Network

SOONEST_S, LATEST_STEP_S = 0.25, 1.5


class HeadClock:
    """Compares the heads of one network with our clock."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._node = ""
        self._head: Header | None = None
        self._moved_at: datetime | None = None
        self._stalls = 0
        self._newest: Header | None = None

    def observe(self, found: tuple[str, Header] | None, now: datetime) -> HeadStalled | HeadResumed | None:
        """Record a head (node and header; None if no node answered). Returns a stall once per `stall_s`, and its end.

        Only a higher or a later block than any before is progress: nodes in turn may show 5, 4 and 5 again.
        """
        moved_at = self._moved_at or now
        self._moved_at = moved_at
        resumed: HeadResumed | None = None
        if found:
            self._node, self._head = found
            if self._is_progress(found[1]):
                resumed = self._resumed(found[1], moved_at, now) if self._stalls else None
                self._newest, self._moved_at, self._stalls = found[1], now, 0
        stalled_s = (now - self._moved_at).total_seconds()
        if stalled_s < self._network.stall_s * (self._stalls + 1):
            return resumed
        self._stalls = int(stalled_s // self._network.stall_s)
        number = self._head.number if self._head else -1
        return HeadStalled(
            network=self._network.id,
            seen_at=now,
            block_number=number,
            stalled_s=stalled_s,
            sequencer=self._network.sequenced and found is not None,
            answered=found is not None,
            since=self._moved_at,
        )

    def _is_progress(self, header: Header) -> bool:
        newest = self._newest
        return newest is None or header.number > newest.number or header.time > newest.time

    def _resumed(self, header: Header, since: datetime, now: datetime) -> HeadResumed:
        return HeadResumed(
            network=self._network.id,
            seen_at=now,
            block_number=header.number,
            stalled_s=(now - since).total_seconds(),
            since=since,
        )

    def wait_s(self, now: datetime) -> float:
        """Seconds to the next check: when the next head is due; while it is late, an eighth of the block time."""
        step_s = min(max(self._network.block_time_s / 8, SOONEST_S), LATEST_STEP_S)
        if self._moved_at is None:
            return step_s
        return max(self._network.block_time_s - (now - self._moved_at).total_seconds(), step_s)

    def is_head(self, header: Header) -> bool:
        """Whether this is the last head."""
        return self._head is not None and self._head.hash == header.hash

    def head_seen(self, followed: Header, now: datetime) -> HeadSeen | None:
        """Return an event if this followed block is the head."""
        if not self.is_head(followed):
            return None
        return HeadSeen(
            network=self._network.id,
            seen_at=now,
            block_number=followed.number,
            block_hash=followed.hash,
            block_time=followed.time,
            node=self._node,
            lag_s=(now - followed.time).total_seconds(),
            base_fee=followed.base_fee,
        )
