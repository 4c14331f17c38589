"""Defines the settings of a watcher, and opens its nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from chain.networks import Network
from chain.nodes.group import NodeGroup
from chain.nodes.node import Clock
from chain.nodes.provider import provider_of
from chain.nodes.web3_node import TIMEOUT_S, Web3Node
from chain.watch import Watch


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Traces(StrEnum):
    """Which nodes are asked for traces."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherSettings:
    """Holds what to follow. `nodes` are URLs (http, https, ws, wss); `start_block` is the first reported block, None: the next.

    `providers`: who runs each of the nodes, in the same order ("" or missing: the host says it, see `chain/nodes/provider.py`).

    `poll_s`: seconds between two checks of the head; None: when the next head is due, by the network's block time.
    `keep_blocks`: the deepest reorg that can be undone; the network's own value applies if it is larger. `quorum`: how many
    providers must have a block and agree on its logs, if there are that many. `calls_per_s`: limit of requests to each node
    (None: no limit). `traces`: which nodes are asked for writes inside each block; `AUTO` asks only the operator's own nodes,
    recognised by their address, because services count a traced block as hundreds of calls.
    """

    network: Network
    nodes: tuple[str, ...]
    watch: Watch
    poll_s: float | None = None
    start_block: int | None = None
    keep_blocks: int = 128
    timeout_s: float = TIMEOUT_S
    quorum: int = 2
    calls_per_s: float | None = None
    traces: Traces = Traces.AUTO
    providers: tuple[str, ...] = ()

    @property
    def wait_s(self) -> float:
        """Seconds before a failed node is asked again."""
        return self.poll_s if self.poll_s is not None else min(max(self.network.block_time_s / 2, 0.25), 6.0)


def open_nodes(settings: WatcherSettings, clock: Clock) -> NodeGroup:
    """Create the nodes of these settings. A node connects at its first request."""
    network = settings.network
    nodes = [
        Web3Node(url, chain_id=network.chain_id, timeout_s=settings.timeout_s, calls_per_s=settings.calls_per_s)
        for url in settings.nodes
    ]
    if len(nodes) > 1:
        _tell_apart(settings, nodes)
    for url, node in zip(settings.nodes, nodes, strict=True):
        if not asks_traces(url, settings.traces):
            node.limits.tracing.off(reported=settings.traces is Traces.AUTO)
    return NodeGroup(network.id, nodes, clock, quorum=settings.quorum, stall_s=network.stall_s, blooms=network.blooms)


def _tell_apart(settings: WatcherSettings, nodes: Sequence[Web3Node]) -> None:
    """Name the provider of each node, and number the nodes of one name: their URLs differ only in what must not be shown."""
    said = (*settings.providers, *[""] * len(nodes))
    seen: Counter[str] = Counter()
    for url, node, provider in zip(settings.nodes, nodes, said, strict=False):
        node.provider = provider.strip().lower() or provider_of(url)
        seen[node.name] += 1
        if seen[node.name] > 1:
            node.name = f"{node.name}#{seen[node.name]}"


def asks_traces(url: str, traces: Traces) -> bool:
    """Whether this node is asked for traces."""
    return traces is Traces.ON or (traces is Traces.AUTO and is_near(url))


def is_near(url: str) -> bool:
    """Whether a node is probably the operator's own: a loopback or private address, or a bare host name."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal"))
