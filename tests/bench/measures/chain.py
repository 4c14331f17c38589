"""Measures chain following: requests a block, head to event, and backfill beside ethereum-etl, on anvil."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from chain import networks
from chain.events import Address, CodeCompared
from chain.events.network import HeadSeen
from chain.events.upgrades import ContractUpgraded
from chain.sync.settings import WatcherSettings
from chain.sync.watcher import Watcher, scan
from chain.watch import Watch, WatchedContract, WatchedPool
from tests.bench.figures import Figure, quantile
from tests.chain.bytecode.test_reader import code_in
from tests.chain.following import MemoryCheckpoints
from tests.evm.anvil import MODULES, Anvil, running
from tests.evm.rpc_relay import rpc_relay

CONTRACTS, POOLS = 1000, 200
BLOCKS_PACED = 12
UPGRADES = 25
MAX_CODE = 24_576
"""EIP-170's bound, bytes."""
BACKFILL, ROUNDS = 2500, 5
SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
UPGRADED = "bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
PROXY_CODE = f"0x36602014600c5760206000f35b600035807f{SLOT[2:]}557f{UPGRADED}60006000a200"
"""Called with one word, writes it to the EIP-1967 slot and logs Upgraded(word); answers zero to all else."""
POOL_CODE = "0x69d3c21bcecceda100000060005269d3c21bcecceda10000006020526103e860405260606000f3"
"""Answers every call with two reserves and a time."""
SIMULATED = "the contracts (small ones, set in a real node: anvil on loopback)"
PEER_TOOL = Path(__file__).parents[3] / ".peers/bin/ethereumetl"
PEER = "ethereum-etl: blocks, receipts and logs (no state)"


def bench() -> list[Figure]:
    """Requests a block, milliseconds from head to event, blocks a second."""
    return asyncio.run(_bench())


async def _bench() -> list[Figure]:
    async with running() as anvil:
        watch = await _stage(anvil)
        figures = [*await _requests(anvil, watch), *await _latency(anvil, watch)]
    async with running() as anvil:
        return [*figures, *await _backfill(anvil)]


def _address(number: int) -> Address:
    return Address(f"0x{0xC0DE0000 + number:040x}")


async def _stage(anvil: Anvil, contracts: int = CONTRACTS, pools: int = POOLS) -> Watch:
    for at in range(contracts):
        await anvil.call("anvil_setCode", _address(at), PROXY_CODE)
    for at in range(contracts, contracts + pools):
        await anvil.call("anvil_setCode", _address(at), POOL_CODE)
    await anvil.mine()
    return Watch(
        contracts=tuple(WatchedContract(address=_address(at)) for at in range(contracts)),
        pools=tuple(
            WatchedPool(
                address=_address(at), kind="uniswap_v2", token0=_address(at + 10_000), token1=_address(at + 20_000)
            )
            for at in range(contracts, contracts + pools)
        ),
    )


async def _upgrade(anvil: Anvil, contract: Address, to: int, *, wait: bool = False) -> None:
    sent = {"from": anvil.accounts[0], "to": contract, "data": f"0x{to:064x}", "gas": hex(200_000)}
    transaction = await anvil.call("eth_sendTransaction", sent)
    while wait and await anvil.call("eth_getTransactionReceipt", transaction) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def _requests(anvil: Anvil, watch: Watch) -> list[Figure]:
    """Calls a block on a network of one-second blocks; calls for the head and first inspections of contracts count too."""
    counted: list[tuple[float, float]] = []
    async with rpc_relay(anvil.url) as counting:
        settings = WatcherSettings(network=networks.declared("local"), nodes=(counting.url,), watch=watch)
        async with asyncio.timeout(120), aclosing(Watcher(settings, MemoryCheckpoints()).events()) as events:  # type: ignore[type-var]
            await anext(event async for event in events if isinstance(event, HeadSeen))
            for first in (CONTRACTS * 2, 0):  # unwatched contracts first, then watched ones
                counting.forget()
                mining = asyncio.create_task(_mine_paced(anvil, first))
                seen = upgrades = 0
                async for event in events:
                    upgrades += isinstance(event, ContractUpgraded)
                    seen += isinstance(event, HeadSeen)
                    if seen == BLOCKS_PACED:
                        break
                await mining
                assert upgrades >= (0 if first else BLOCKS_PACED - 1), upgrades
                counted.append((len(counting.asked) / BLOCKS_PACED, counting.requests / BLOCKS_PACED))
    of = f"a block, {CONTRACTS:,} contracts and {POOLS} pools"
    (usual, usual_requests), (worst, worst_requests) = counted
    return [
        Figure(
            name=f"chain: node calls {of}", value=usual, unit="calls", most=6, simulated=SIMULATED,
            note=f"in {usual_requests:.1f} requests; a block each second, of unwatched contracts; calls for the head, "
            "first inspections and traces are included",
        ),
        Figure(
            name="chain: node calls a block, an upgrade in every block", value=worst, unit="calls", simulated=SIMULATED,
            note=f"in {worst_requests:.1f} requests; each upgrade is inspected: code, behaviour, control",
        ),
    ]  # fmt: skip


async def _mine_paced(anvil: Anvil, first: int) -> None:
    for turn in range(BLOCKS_PACED):
        await asyncio.sleep(1)
        await _upgrade(anvil, _address(first + turn), 0xABC000 + turn)


async def _latency(anvil: Anvil, watch: Watch) -> list[Figure]:
    figures = []
    few = replace(watch, contracts=watch.contracts[:10], pools=())
    codes = _codes()
    for some, bodies in ((few, []), (watch, []), (watch, codes)):
        delays, compared = await _took(anvil, some, bodies)
        to = f", to contracts of {_sizes(bodies)} KB" if bodies else ""
        figures.append(
            Figure(
                name=f"chain: sent to event, p50, {len(some.contracts):,} contracts, {len(some.pools)} pools{to}",
                value=median(delays) * 1e3, unit="ms", most=150, simulated=SIMULATED,
                note=f"over a WebSocket, the node's own mining and answers included; worst {quantile(delays, 1) * 1e3:.0f} ms"
                f" of {len(delays)}",
            )
        )  # fmt: skip
        if bodies:
            figures.append(
                Figure(
                    name=f"chain: sent to code comparison, p50{to}", value=median(compared) * 1e3, unit="ms",
                    simulated=SIMULATED, note=f"built contracts of npm, read in a process; worst "
                    f"{quantile(compared, 1) * 1e3:.0f} ms of {len(compared)}",
                )
            )  # fmt: skip
    return figures


def _codes() -> list[bytes]:
    """The largest contracts within EIP-170's bound among the built npm packages; one for each upgrade."""
    built = (path for folder in (MODULES, MODULES.parent / "pools/node_modules") for path in folder.glob("**/*.json"))
    codes = {code_in(path.read_bytes()) for path in built}
    fitting = sorted((code for code in codes if len(code) <= MAX_CODE), key=lambda code: (len(code), code))
    assert len(fitting) >= UPGRADES, len(fitting)
    return fitting[-UPGRADES:]


def _sizes(codes: list[bytes]) -> str:
    return f"{len(codes[0]) / 1024:.0f} to {len(codes[-1]) / 1024:.0f}"


async def _took(anvil: Anvil, watch: Watch, codes: list[bytes]) -> tuple[list[float], list[float]]:
    """Seconds from sending a transaction, which is mined at once, to its upgrade event and to its code comparison.

    `codes` are the codes at the new implementations; without them these addresses have no code.
    """
    first = 0xDEF000 + 0x1000 * bool(codes)
    for at, code in enumerate(codes):
        await anvil.call("anvil_setCode", f"0x{first + at:040x}", f"0x{code.hex()}")
    settings = WatcherSettings(
        network=networks.declared("local"), nodes=(anvil.url.replace("http", "ws"),), watch=watch, poll_s=5
    )
    delays: list[float] = []
    compared: list[float] = []
    async with asyncio.timeout(120), aclosing(Watcher(settings, MemoryCheckpoints()).events()) as events:  # type: ignore[type-var]
        await anext(event async for event in events if isinstance(event, HeadSeen))
        for turn in range(UPGRADES):
            sending = asyncio.create_task(_later(anvil, _address(turn % 10), first + turn))
            async for event in events:
                if isinstance(event, ContractUpgraded):
                    now = perf_counter()
                    delays.append(now - await sending)
                elif isinstance(event, CodeCompared):
                    compared.append(perf_counter() - await sending)
                    break
    return delays[2:], compared[2:]


async def _later(anvil: Anvil, contract: Address, to: int) -> float:
    await asyncio.sleep(0.3)
    sent = perf_counter()
    await _upgrade(anvil, contract, to)
    return sent


async def _backfill(anvil: Anvil) -> list[Figure]:
    """Backfill of blocks with one transaction and one log each: every tenth is of a watched contract, or every one."""
    all_watched = await _stage(anvil, contracts=200, pools=5)
    watch = replace(all_watched, contracts=all_watched.contracts[::10])
    first = await anvil.height() + 1
    for turn in range(BACKFILL):
        await _upgrade(anvil, _address(turn % 200), 0x123000 + turn, wait=True)
    last = await anvil.height()
    ours, worst, peers = [], [], []
    with tempfile.TemporaryDirectory(prefix="stormwatch-bench-") as folder:
        note = "" if PEER_TOOL.exists() else "ethereum-etl is not installed: `make bench` puts it into .peers"
        for _ in range(ROUNDS):
            ours.append(await _scanned(anvil, watch, first, last, BACKFILL // 10))
            worst.append(await _scanned(anvil, all_watched, first, last, BACKFILL))
            if not note:
                took = await asyncio.to_thread(_peer, Path(folder), anvil.url, first, last)
                peers.append((last + 1 - first) / took)
    peer = median(peers) if peers else None
    return [
        Figure(
            name="chain: backfill, 20 contracts and 5 pools", value=median(ours), unit="blocks/s", peer=PEER,
            peer_value=peer, simulated=SIMULATED, note=note or f"{BACKFILL:,} blocks, a log in each, an upgrade in each tenth",
        ),
        Figure(
            name="chain: backfill beside ethereum-etl", value=median(ours) / peer if peer else None, unit="times", least=3,
            simulated=SIMULATED, note=note or f"of {ROUNDS} turns each; the time for a single block is subtracted from each",
        ),
        Figure(
            name="chain: backfill, 200 contracts, an upgrade in each block", value=median(worst), unit="blocks/s", peer=PEER,
            peer_value=peer, simulated=SIMULATED, note=note or "the same blocks; two events each: upgrade and comparison",
        ),
    ]  # fmt: skip


async def _scanned(anvil: Anvil, watch: Watch, first: int, last: int, upgrades: int) -> float:
    """Blocks a second, without the time for one block."""
    start, _ = await _seconds(anvil, watch, last, last)
    took, found = await _seconds(anvil, watch, first, last)
    assert found == upgrades, found
    return (last + 1 - first) / (took - start)


async def _seconds(anvil: Anvil, watch: Watch, first: int, last: int) -> tuple[float, int]:
    settings = WatcherSettings(network=networks.declared("local"), nodes=(anvil.url,), watch=watch, start_block=first)
    began = perf_counter()
    upgrades = [event async for event in scan(settings, first, last) if isinstance(event, ContractUpgraded)]
    return perf_counter() - began, len(upgrades)


def _peer(folder: Path, url: str, first: int, last: int) -> float:
    """Seconds for the blocks, without the seconds for one block."""
    return _export(folder, url, first, last) - _export(folder, url, last, last)


def _export(folder: Path, url: str, first: int, last: int) -> float:
    """Seconds for blocks, transactions, and the receipts and logs of these."""
    tool = PEER_TOOL
    blocks, transactions, logs = (folder / one for one in ("blocks", "transactions", "logs"))
    began = perf_counter()
    _run(
        tool, "export_blocks_and_transactions", "-s", first, "-e", last, "-p", url,
        "--blocks-output", blocks, "--transactions-output", transactions,
    )  # fmt: skip
    rows = transactions.read_text().splitlines()
    hashes = folder / "hashes"
    hashes.write_text("\n".join(row.split(",")[0] for row in rows[1:]))
    _run(
        tool,
        "export_receipts_and_logs",
        "-t",
        hashes,
        "-p",
        url,
        "--receipts-output",
        folder / "receipts",
        "--logs-output",
        logs,
    )
    took = perf_counter() - began
    assert len(blocks.read_text().splitlines()) == len(logs.read_text().splitlines()) == last + 2 - first
    return took


def _run(*words: Any) -> None:
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False, timeout=300, env=quiet)
    assert done.returncode == 0, done.stderr.decode()[-800:]
