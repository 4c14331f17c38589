"""A development node on loopback (anvil, hardhat)."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(id=NetworkId("local"), chain_id=31337, block_time_s=1.0, keep_blocks=128)
