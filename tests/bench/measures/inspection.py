"""Measures the cost of a proxy inspection and the recognised kinds, beside npm's evm-proxy-detection, on anvil."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from chain.events import NetworkId
from chain.inspection.inspect import inspect
from chain.nodes.group import NodeGroup
from chain.nodes.web3_node import Web3Node
from tests.bench.figures import Figure
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import DeployedProxy, Deployer
from tests.evm.anvil import running
from tests.evm.rpc_relay import rpc_relay

ROOT = Path(__file__).parents[3]
PEER_MODULE = ROOT / ".peers/node_modules/evm-proxy-detection"
PEER = "evm-proxy-detection 3.0.0 (npm)"
SIMULATED = "nothing but the chain (anvil on loopback): one proxy of each declared kind"


def bench() -> list[Figure]:
    """Round trips, milliseconds, kinds."""
    return asyncio.run(_bench())


async def _bench() -> list[Figure]:
    async with running() as anvil:
        making = Deployer(anvil)
        proxies = {name: await make(making) for name, make in CLONES.items()}
        proxies |= {name: await make(making) for name, (make, _) in CHANGING.items()}
        trips, took, right = await _ours(anvil.url, proxies)
        theirs = await _peer(anvil.url, proxies)
    note = "" if theirs else "evm-proxy-detection is not installed: `make bench` puts it into .peers"
    peers = (
        [sum(1 for one, found in zip(proxies.values(), theirs, strict=True) if _named(one, found["target"]))]
        if theirs
        else []
    )
    return [
        Figure(
            name="inspection: round trips, the worst", value=max(trips), unit="requests", most=4, simulated=SIMULATED,
            peer=PEER, peer_value=max(one["calls"] for one in theirs) if theirs else None,
            note=note or "the peer's are single calls, some of them side by side; ours batches, one after the other",
        ),
        Figure(
            name="inspection: milliseconds, p50", value=median(took) * 1e3, unit="ms", simulated=SIMULATED, peer=PEER,
            peer_value=median(one["ms"] for one in theirs) if theirs else None,
            note=note or "ours also finds who can change it and since when",
        ),
        Figure(
            name=f"inspection: of {len(proxies)} kinds, target found", value=right, unit="kinds", least=len(proxies),
            simulated=SIMULATED, peer=PEER, peer_value=peers[0] if peers else None, note=note,
        ),
    ]  # fmt: skip


async def _ours(url: str, proxies: dict[str, DeployedProxy]) -> tuple[list[int], list[float], int]:
    """Requests and seconds of each inspection, and the number with the right kind and target."""
    network = NetworkId("local")
    trips: list[int] = []
    took: list[float] = []
    right = 0
    async with rpc_relay(url) as counting:
        nodes = NodeGroup(network, [Web3Node(counting.url, chain_id=31337)], lambda: datetime.now(UTC))
        await inspect(nodes, network, next(iter(proxies.values())).address)  # opens the node
        for name, one in proxies.items():
            counting.forget()
            began = perf_counter()
            found = await inspect(nodes, network, one.address)
            took.append(perf_counter() - began)
            trips.append(counting.requests)
            right += found.kind == name and _named(one, [*found.roles.values(), *found.facets])
        await nodes.close()
    return trips, took, right


def _named(one: DeployedProxy, targets: list[str]) -> bool:
    """Whether the code that it runs is among the targets. A diamond has many, and no single role names them."""
    wanted = one.roles.get("implementation")
    return bool(targets) if wanted is None else wanted in {target.lower() for target in targets}


async def _peer(url: str, proxies: dict[str, DeployedProxy]) -> list[Any]:
    if not PEER_MODULE.exists():
        return []
    words = [str(Path(__file__).parents[1] / "detect_proxies.mjs"), str(PEER_MODULE), url]
    process = await asyncio.create_subprocess_exec(
        "node", *words, *(one.address for one in proxies.values()), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    found: list[Any] = json.loads(out)
    return found
