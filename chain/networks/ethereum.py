"""Ethereum mainnet: a slot is 12 s, final after two epochs (64 slots)."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("ethereum"), chain_id=1, block_time_s=12.0, keep_blocks=128, explorer="https://etherscan.io"
)
