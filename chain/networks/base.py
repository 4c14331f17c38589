"""Base: an OP-stack rollup with 2 s blocks."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("base"),
    chain_id=8453,
    block_time_s=2.0,
    keep_blocks=128,
    sequenced=True,
    explorer="https://basescan.org",
)
