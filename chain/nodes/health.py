"""Rates the health of one node: failures, head, latency. No I/O."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chain.blocks.block import Header
from chain.events import NetworkId
from chain.events.network import NodeFaultKind, NodeMeasured
from chain.nodes.node import Node
from chain.rpc.errors import NodeFailure

MAX_REST_S = 60.0
LEARNS = 0.1
"""Weight of the newest answer in the averages."""
ERRING = 0.2
"""Share of errors above which a node is asked after the others."""
FASTEST_S = 0.005
"""Nodes that answer faster than this are equally fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """Holds the health of a node: latency of an answer in seconds and share of failures (moving averages), and its head."""

    node: str
    latency_s: float
    errors: float
    head_number: int
    behind: bool
    forked: bool
    resting: bool


@dataclass(slots=True)
class NodeState:
    """Holds a node and its state. `late` and `forked` count the checks in a row at which it lagged or reported another chain.

    `forked_at`: when it was first seen on another chain; `moved`: whether the last check showed another head than the one
    before; `reported_…`: whether that fault was reported.
    """

    node: Node
    failures: int = 0
    nulls: int = 0
    rest_until: datetime | None = None
    head: Header | None = None
    moved_at: datetime | None = None
    behind: bool = False
    late: int = 0
    forked: int = 0
    forked_at: datetime | None = None
    moved: bool = False
    reported_behind: bool = False
    reported_forked: bool = False
    latency_s: float = 0.0
    errors: float = 0.0
    reported_refusals: Counter[NodeFaultKind] = field(default_factory=Counter)
    reported_paused_s: float = 0.0

    @property
    def rank(self) -> tuple[int, bool, bool, int]:
        """Smaller is better. Latency counts in powers of two, so that similar nodes do not swap places at every answer."""
        slow = round(math.log2(max(self.latency_s, FASTEST_S) / FASTEST_S))
        return (self.failures, self.behind, self.errors > ERRING, slow)

    def health(self, now: datetime) -> NodeHealth:
        """Return the public part of this state."""
        return NodeHealth(
            node=self.node.name,
            latency_s=self.latency_s,
            errors=self.errors,
            head_number=self.head.number if self.head else -1,
            behind=self.behind,
            forked=self.forked > 0,
            resting=self.resting(now),
        )

    def measured(self, network: NetworkId, highest: int, now: datetime) -> NodeMeasured:
        """Return how the node did since the last call. `highest`: the highest head that any node reports."""
        limits = self.node.limits
        refusals, paused_s = limits.refusals - self.reported_refusals, limits.paused_s - self.reported_paused_s
        self.reported_refusals, self.reported_paused_s = limits.refusals.copy(), limits.paused_s
        return NodeMeasured(
            network=network,
            seen_at=now,
            node=self.node.name,
            provider=self.node.provider,
            latency_s=self.latency_s or None,
            lag_blocks=None if self.head is None else highest - self.head.number,
            rest_s=max((self.rest_until - now).total_seconds(), 0.0) if self.rest_until else 0.0,
            paused_s=paused_s,
            refusals=tuple(sorted(refusals.items())),
        )

    def resting(self, now: datetime) -> bool:
        """Whether the node is paused."""
        return self.rest_until is not None and self.rest_until > now

    def reaches(self, number: int) -> bool:
        """Whether the node may have that block: its head is high enough or not known yet."""
        return self.head is None or self.head.number >= number

    def head_age_s(self, now: datetime) -> float:
        """Seconds since the head last changed."""
        return (now - self.moved_at).total_seconds() if self.moved_at else 0.0

    def record_head(self, head: Header, now: datetime) -> None:
        """Record the head."""
        self.moved = self.head is None or self.head.hash != head.hash
        if self.moved:
            self.moved_at = now
        self.head = head

    def succeeded(self, took_s: float, *, claim: bool = False) -> None:
        """Record a success. A `claim`, such as a head without its block, does not reset the count of missing blocks."""
        self.failures = 0
        self.nulls = self.nulls if claim else 0
        self.errors *= 1 - LEARNS
        self.latency_s += (took_s - self.latency_s) * (LEARNS if self.latency_s else 1)

    def distrust(self) -> None:
        """Record an answer that was not believed. It counts as several errors."""
        self.errors = min(self.errors + 0.5, 1.0)

    def failed(self, failure: NodeFailure, now: datetime, *, alone: bool = True) -> None:
        """Record a failure and pause the node, longer after each one. A size limit causes no pause.

        A block that the node claims but does not have weighs more if the node is not `alone`.
        """
        if failure.fault is NodeFaultKind.BATCH_LIMIT:
            self.node.limits.fewer_asks()
        if failure.fault in (NodeFaultKind.RANGE_LIMIT, NodeFaultKind.BATCH_LIMIT):
            return
        self.errors += (1 - self.errors) * LEARNS
        self.failures += 1
        self.nulls += (1 if alone else 4) * (failure.fault is NodeFaultKind.NULL_BLOCK)
        rest_s = min(2.0 ** min(max(self.failures, self.nulls) - 1, 10) / 2, MAX_REST_S)
        if failure.fault is NodeFaultKind.WRONG_CHAIN:
            rest_s = MAX_REST_S
        if failure.rest_s is not None:
            rest_s = min(max(rest_s, failure.rest_s), MAX_REST_S)
        self.rest_until = now + timedelta(seconds=rest_s)
