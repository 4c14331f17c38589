"""OP Mainnet: an OP-stack rollup with 2 s blocks."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("optimism"),
    chain_id=10,
    block_time_s=2.0,
    keep_blocks=128,
    sequenced=True,
    explorer="https://optimistic.etherscan.io",
)
