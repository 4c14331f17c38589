"""Defines the events about the network and its nodes: heads, stalls, faults, reorgs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chain.events.place import NetworkId


class NodeFaultKind(StrEnum):
    """Why a node's answer was not used."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong_chain"
    BEHIND = "behind"
    REFUSED = "refused"
    RANGE_LIMIT = "range_limit"
    BATCH_LIMIT = "batch_limit"
    NULL_BLOCK = "null_block"
    FORKED = "forked"
    TRUNCATED = "truncated"
    FORGED = "forged"
    NO_TRACES = "no_traces"
    DISPUTED = "disputed"
    """Its state of a block differs from that of as many other providers: nobody can say who is wrong."""
    COARSE = "coarse"
    """The node is too slow for the state of every block; it is read at the end of each run of blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSeen:
    """The watcher followed the network to a new head. `lag_s` = seen_at − block_time on our clock.

    `base_fee` is the fee burnt for a unit of gas in this block, in wei (EIP-1559); None where the network has none.
    """

    network: NetworkId
    seen_at: datetime
    block_number: int
    block_hash: str
    block_time: datetime
    node: str
    lag_s: float
    base_fee: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStalled:
    """No new head for `stalled_s`, longer than the network's block time allows: since `since`. Told again while it lasts.

    `answered`: nodes answer, so the network itself stands still. `sequencer`: the same, and the network's blocks come from one
    sequencer, which has stopped.
    """

    network: NetworkId
    seen_at: datetime
    block_number: int
    stalled_s: float
    sequencer: bool = False
    answered: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadResumed:
    """A new head ended a stall that was told: the head before it had stood still for `stalled_s`, since `since`."""

    network: NetworkId
    seen_at: datetime
    block_number: int
    stalled_s: float
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFault:
    """A node failed; `detail` never holds credentials or the URL's secret parts."""

    network: NetworkId
    seen_at: datetime
    node: str
    fault: NodeFaultKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorged:
    """The chain dropped `depth` blocks we had followed, back to `common_number`.

    `beyond_memory`: it went deeper than the remembered blocks. Events of deeper blocks that are gone are retracted, and
    the new chain is read again from `common_number`, the highest block known of both.
    """

    network: NetworkId
    seen_at: datetime
    depth: int
    common_number: int
    old_head: str
    new_head: str
    beyond_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMeasured:
    """How a node did lately. `provider` runs it; `latency_s` is a moving average, None before its first answer.

    `lag_blocks`: how far its head is below the highest that any node of the network reports (None: it reported none). `rest_s`:
    how long it is not asked from now on, after failures. `paused_s` and `refusals` (by kind): pauses for its rate, and refusals,
    since the last measurement.
    """

    network: NetworkId
    seen_at: datetime
    node: str
    provider: str
    latency_s: float | None
    lag_blocks: int | None
    rest_s: float
    paused_s: float
    refusals: tuple[tuple[NodeFaultKind, int], ...] = ()
