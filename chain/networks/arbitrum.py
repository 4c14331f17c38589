"""Arbitrum One: the sequencer makes a block in about a quarter of a second."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("arbitrum"),
    chain_id=42161,
    block_time_s=0.25,
    keep_blocks=512,
    sequenced=True,
    explorer="https://arbiscan.io",
)
