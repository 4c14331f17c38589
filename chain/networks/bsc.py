"""BNB Smart Chain: 0.75 s blocks since the Maxwell fork (BEP-524)."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(id=NetworkId("bsc"), chain_id=56, block_time_s=0.75, keep_blocks=256, explorer="https://bscscan.com")
