"""Simulates a chain with one upgradable contract in memory, its forks, and nodes that serve it: honest, lagging or lying."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from eth_hash.auto import keccak

from chain.blocks.bloom import mask
from chain.nodes.node import NodeLimits
from chain.rpc.errors import NodeFailure, Refusal
from chain.rpc.messages import Ask
from tests.chain.builders import START, address, topic

PROXY = address(0xABC)
SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
CODE = "0x6001"

Answered = Callable[[Ask, Any], Any]
"""Turns the honest answer to a request into the answer of a node."""


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """A block: its logs, and the value of the slot after it."""

    number: int
    hash: str
    parent_hash: str
    logs: tuple[dict[str, Any], ...]
    slot: int

    def header(self) -> dict[str, Any]:
        bits = 0
        for log in self.logs:
            for item in (log["address"], *log["topics"]):
                bits |= mask(item)
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent_hash,
            "timestamp": hex(int(START.timestamp()) + self.number),
            "baseFeePerGas": hex(7 + self.number),
            "logsBloom": f"0x{bits:0512x}",
        }


class Chain:
    """Holds blocks by number; it forgets the blocks a reorg drops, as most nodes do."""

    def __init__(self, seed: int = 0, silent: float = 0.2) -> None:
        """`silent` is the share of upgrades without a log."""
        self._silent = silent
        self._random = random.Random(seed)
        self._seed = seed
        self._salt = 0
        self.blocks: list[SimulatedBlock] = []
        self.by_hash: dict[str, SimulatedBlock] = {}
        self.grow(2, quiet=True)

    @property
    def head(self) -> SimulatedBlock:
        return self.blocks[-1]

    def copy(self) -> Chain:
        """Returns a copy of the chain that grows independently."""
        other = Chain(self._random.randrange(1 << 30))
        other._salt = self._salt + 1_000_000  # so that no new block of the two is the same
        other.blocks, other.by_hash = list(self.blocks), dict(self.by_hash)
        return other

    def grow(self, blocks: int, *, quiet: bool = False) -> None:
        """Adds blocks; some upgrade the contract, with a log or silently."""
        for _ in range(blocks):
            self._salt += 1
            number = len(self.blocks)
            parent = self.blocks[-1] if self.blocks else None
            block_hash = f"0x{keccak(f'{number} {self._salt} {self._seed if number else 0}'.encode()).hex()}"
            slot = parent.slot if parent else 1
            logs: tuple[dict[str, Any], ...] = ()
            if not quiet and self._random.random() < 0.4:
                slot = self._random.randrange(1, 1 << 64)
                if self._random.random() >= self._silent:
                    logs = (_upgraded(slot, block_hash),)
            block = SimulatedBlock(number, block_hash, parent.hash if parent else topic(0), logs, slot)
            self.blocks.append(block)
            self.by_hash[block_hash] = block

    def reorg(self, depth: int, instead: int) -> None:
        """Drops the newest `depth` blocks and adds `instead` others."""
        depth = min(depth, len(self.blocks) - 2)
        for block in self.blocks[len(self.blocks) - depth :]:
            del self.by_hash[block.hash]
        del self.blocks[len(self.blocks) - depth :]
        self.grow(instead)


def _upgraded(new: int, block_hash: str) -> dict[str, Any]:
    return {
        "address": PROXY,
        "topics": [UPGRADED, topic(new)],
        "data": "0x",
        "transactionHash": f"0x{keccak(block_hash.encode()).hex()}",
        "logIndex": "0x0",
        "blockHash": block_hash,
        "removed": False,
    }


def _of(logs: Sequence[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    return [log for log in logs if log["address"] in wanted["address"] and log["topics"][0] in wanted["topics"][0]]


def _honest(answer_to: Ask, answer: Any) -> Any:
    return answer


@dataclass(slots=True)
class SimulatedNode:
    """Serves a chain, `lag` blocks behind. `twist` falsifies its answers; `fail`, if set, is raised instead of an answer.

    `party`: who runs it; "": itself.
    """

    name: str
    chain: Chain
    lag: int = 0
    twist: Answered = _honest
    fail: NodeFailure | None = None
    pushes: bool = False
    limits: NodeLimits = field(default_factory=NodeLimits)
    asked: list[Ask] = field(default_factory=list)
    requests: int = 0
    party: str = ""

    @property
    def provider(self) -> str:
        return self.party or self.name

    async def ask(self, asks: Sequence[Ask]) -> list[Any]:
        self.requests += 1
        self.asked += asks
        if self.fail:
            raise self.fail
        return [self.twist(ask, self._answer(*ask)) for ask in asks]

    async def heads(self) -> AsyncIterator[None]:
        return
        yield

    async def close(self) -> None:
        """Nothing is open."""

    def _answer(self, method: str, params: list[Any]) -> Any:
        blocks = self.chain.blocks[: len(self.chain.blocks) - self.lag]
        match method:
            case "eth_getBlockByNumber":
                at = len(blocks) - 1 if params[0] == "latest" else int(params[0], 16)
                return blocks[at].header() if at < len(blocks) else None
            case "eth_getLogs":
                return self._logs(params[0])
            case "eth_getStorageAt":
                block = self.chain.by_hash.get(params[2]["blockHash"])
                if block is None:
                    return Refusal(-32000, "header not found")
                held = block.slot if params[0] == PROXY and int(params[1], 16) == SLOT else 0
                return f"0x{held:064x}"
            case "eth_getCode":
                return CODE if params[0] == PROXY else "0x"
            case "eth_getBlockReceipts":
                block = self.chain.by_hash.get(params[0])
                return [{"logs": list(block.logs)}] if block else None
            case "eth_getBalance":
                return "0x0"
            case "debug_traceBlockByHash":
                return []  # it traces, and its blocks hold no transactions
        return Refusal(3, "execution reverted")

    def _logs(self, wanted: dict[str, Any]) -> Any:
        if "blockHash" in wanted:
            block = self.chain.by_hash.get(wanted["blockHash"])
            return _of(block.logs, wanted) if block else Refusal(-32000, "unknown block")
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        return [log for block in self.chain.blocks[first : last + 1] for log in _of(block.logs, wanted)]


class Ticking:
    """A clock that advances at each call, so that nothing waits."""

    def __init__(self, step_s: float = 1.0) -> None:
        self._now = START
        self._step = timedelta(seconds=step_s)

    def __call__(self) -> datetime:
        self._now += self._step
        return self._now
