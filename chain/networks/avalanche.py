"""Avalanche C-Chain: blocks at most about 2 s apart."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("avalanche"), chain_id=43114, block_time_s=2.0, keep_blocks=128, explorer="https://snowscan.xyz"
)
