"""Reports each followed head of a network, and a stall if no head comes for too long. No I/O."""

from __future__ import annotations

from datetime import datetime

from chain.blocks.block import Header
from chain.events.network import HeadSeen, HeadStalled
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

    def observe(self, found: tuple[str, Header] | None, now: datetime) -> HeadStalled | None:
        """Record a head (node and header; None if no node answered). Returns a stall once per `stall_s`."""
        if self._moved_at is None:
            self._moved_at = now
        if found:
            if self._head is None or found[1].number > self._head.number:
                self._moved_at, self._stalls = now, 0
            self._node, self._head = found
        stalled_s = (now - self._moved_at).total_seconds()
        if stalled_s < self._network.stall_s * (self._stalls + 1):
            return None
        self._stalls = int(stalled_s // self._network.stall_s)
        number = self._head.number if self._head else -1
        return HeadStalled(
            network=self._network.id,
            seen_at=now,
            block_number=number,
            stalled_s=stalled_s,
            sequencer=self._network.sequenced and found is not None,
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
