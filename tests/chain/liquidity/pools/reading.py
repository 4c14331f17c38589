"""Reads watched pools at the head of a test node."""

from __future__ import annotations

from chain.detectors.liquidity import Liquidity
from chain.nodes import fetch
from chain.sync import pool_tokens
from chain.sync.detector_set import DetectorSet
from chain.sync.scan import prime
from chain.sync.settings import open_nodes, utc_now
from chain.watch import Watch
from tests.chain.following import settings_of
from tests.evm.anvil import Anvil


async def read(anvil: Anvil, watch: Watch) -> Liquidity:
    """Returns the detector after it has read the pools."""
    settings = settings_of(anvil.url, watch=watch)
    nodes = open_nodes(settings, utc_now)
    try:
        header = (await fetch.headers(nodes, [await anvil.height()]))[0]
        detectors = DetectorSet(await pool_tokens.with_tokens(nodes, settings.watch, header))
        await prime(nodes, settings.network.id, detectors, header, utc_now)
        detector = Liquidity(await pool_tokens.with_tokens(nodes, settings.watch, header))
        detector.recall_parts(
            {key.split("/")[1]: one for key, one in detectors.memory().items() if "liquidity/" in key}
        )
        return detector
    finally:
        await nodes.close()
