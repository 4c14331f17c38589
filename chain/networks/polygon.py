"""Polygon PoS: 2 s blocks. Reorgs of dozens of blocks have happened, so the window is larger.

Bor leaves logs of state syncs out of the bloom filter.
"""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(
    id=NetworkId("polygon"),
    chain_id=137,
    block_time_s=2.0,
    keep_blocks=256,
    blooms=False,
    explorer="https://polygonscan.com",
)
