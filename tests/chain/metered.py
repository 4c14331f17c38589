"""A rented node: a loopback HTTP server with a documented limit, in front of a simulated chain of many contracts and pools.

The chain holds upgradable contracts and pools; it runs the code that packed reads carry in a small EVM. A `Meter` is what a
service counts and how it refuses.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from eth_hash.auto import keccak

from chain.blocks.bloom import mask
from chain.events import Address
from chain.rpc.messages import Ask
from chain.watch import Watch, WatchedContract, WatchedPool
from tests.chain.builders import START, address, topic, words
from tests.chain.rpc.small_evm import Account, SmallEvm
from tests.chain.simulated import SLOT, UPGRADED

CODE = "0x6001"
CODE_HASH = int.from_bytes(keccak(bytes.fromhex(CODE[2:])), "big")
TARGET_CODE = "0x600260005260206000f3"
RESERVES, TOKEN0, TOKEN1, SUPPLY = "0902f1ac", "0dfe1681", "d21220a7", "18160ddd"
CONTRACTS = tuple(address(0xC0000 + at) for at in range(50))
POOLS = tuple(address(0xF0000 + at) for at in range(10))
WATCH = Watch(
    contracts=tuple(WatchedContract(address=one) for one in CONTRACTS),
    pools=tuple(WatchedPool(address=one, kind="uniswap_v2", token0=address(1), token1=address(2)) for one in POOLS),
)


@dataclass(frozen=True, slots=True)
class TownBlock:
    """A block: its logs, and the target of each contract after it."""

    number: int
    hash: str
    parent_hash: str
    logs: tuple[dict[str, Any], ...]
    targets: Mapping[Address, int]

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
            "baseFeePerGas": "0x7",
            "logsBloom": f"0x{bits:0512x}",
        }


class Town:
    """A chain of many contracts. `overrides`: whether its node runs code that a call brings along."""

    def __init__(self, *, overrides: bool = True, contracts: Sequence[Address] = CONTRACTS) -> None:
        self.overrides = overrides
        self.blocks: list[TownBlock] = []
        self.upgrades: list[tuple[int, Address]] = []
        self._targets = {one: 0xA0000 + at for at, one in enumerate(contracts)}
        self._code = {f"0x{one:040x}": CODE for one in self._targets.values()}
        self.grow()
        self.grow()

    def grow(self, upgraded: Address | None = None) -> None:
        """Add a block, in which one contract may be upgraded."""
        number = len(self.blocks)
        block_hash = f"0x{keccak(b'town %d' % number).hex()}"
        logs: tuple[dict[str, Any], ...] = ()
        if upgraded:
            new = 0xB0000 + number
            self._targets = {**self._targets, upgraded: new}
            self._code[f"0x{new:040x}"] = TARGET_CODE
            self.upgrades.append((number, upgraded))
            logs = (
                {
                    "address": upgraded,
                    "topics": [UPGRADED, topic(new)],
                    "data": "0x",
                    "transactionHash": f"0x{keccak(block_hash.encode()).hex()}",
                    "logIndex": "0x0",
                    "blockHash": block_hash,
                    "blockNumber": hex(number),
                    "removed": False,
                },
            )
        parent = self.blocks[-1].hash if self.blocks else topic(0)
        self.blocks.append(TownBlock(number, block_hash, parent, logs, self._targets))

    def answer(self, method: str, params: Any) -> Any:
        """The result, or an error object as a node sends it."""
        match method:
            case "eth_chainId":
                return hex(31337)
            case "eth_getBlockByNumber":
                at = len(self.blocks) - 1 if params[0] == "latest" else int(params[0], 16)
                return self.blocks[at].header() if at < len(self.blocks) else None
            case "eth_getLogs":
                return self._logs(params[0])
            case "eth_getStorageAt":
                return f"0x{self._storage(params[0], self._at(params[2])).get(int(params[1], 16), 0):064x}"
            case "eth_getCode":
                return CODE if params[0] in self._targets or params[0] in POOLS else self._code.get(params[0], "0x")
            case "eth_getBlockReceipts":
                return [{"logs": list(one.logs)} for one in self.blocks if one.hash == params[0]]
            case "eth_getBalance":
                return "0x0"
            case "eth_call":
                return self._call(params)
        return {"code": -32601, "message": "the method does not exist"}

    def _at(self, place: Any) -> TownBlock:
        return (
            self.blocks[-1]
            if place == "latest"
            else next(one for one in self.blocks[::-1] if one.hash == place["blockHash"])
        )

    def _storage(self, one: str, block: TownBlock) -> dict[int, int]:
        return {SLOT: block.targets[Address(one)]} if one in block.targets else {}

    def _call(self, params: Sequence[Any]) -> Any:
        overrides = params[2] if len(params) > 2 else {}
        if overrides and not self.overrides:
            return {"code": -32602, "message": "too many arguments, want at most 2"}
        block = self._at(params[1])
        accounts: dict[str, Account] = {
            one: Account(self._storage(one, block), CODE_HASH, _Reverting()) for one in self._targets
        }
        for one in POOLS:
            accounts[one] = Account(code_hash=CODE_HASH, answers=_POOL_ANSWERS)
        found = SmallEvm(accounts).eth_call(params[0], overrides)
        return {"code": 3, "message": "execution reverted"} if found is None else found

    def _logs(self, wanted: dict[str, Any]) -> Any:
        if "blockHash" in wanted:
            some = [one for one in self.blocks[::-1] if one.hash == wanted["blockHash"]]
        else:
            first = int(wanted.get("fromBlock", "0x0"), 16)
            last = wanted.get("toBlock", "latest")
            some = self.blocks[first : len(self.blocks) if last == "latest" else int(last, 16) + 1]
        at = wanted["address"]
        addresses = {at} if isinstance(at, str) else set(at)
        return [
            log
            for one in some
            for log in one.logs
            if log["address"] in addresses and log["topics"][0] in wanted["topics"][0]
        ]


class _Reverting(dict[bytes, bytes | None]):
    """A contract reverts on what it does not know."""

    def get(self, key: bytes, default: Any = None) -> bytes | None:
        return super().get(key)


_POOL_ANSWERS = _Reverting(
    {
        bytes.fromhex(RESERVES): words(10**21, 10**21, 1),
        bytes.fromhex(TOKEN0): words(1),
        bytes.fromhex(TOKEN1): words(2),
        bytes.fromhex(SUPPLY): words(10**21),
    }
)

Refused = web.StreamResponse | Mapping[int, dict[str, Any]] | None
"""A refusal of the whole request, or errors by place in the batch; None: everything is answered."""


class Meter:
    """Counts requests and calls by second; refuses nothing. `most_at_once`: the most requests that were open together."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()
        self.calls: Counter[int] = Counter()
        self.refused = 0
        self.open = self.most_at_once = 0

    def admit(self, asks: Sequence[Ask], now_s: float) -> Refused:
        """What this service refuses of the batch."""
        return None

    def size(self, body: bytes) -> web.StreamResponse | None:
        """What it sends in place of an answer of this size."""
        return None

    def count(self, asks: Sequence[Ask], now_s: float) -> Refused:
        self.requests[int(now_s)] += 1
        self.calls[int(now_s)] += len(asks)
        self.most_at_once = max(self.most_at_once, self.open)
        refusal = self.admit(asks, now_s)
        self.refused += refusal is not None
        return refusal

    def busiest(self, over_s: int = 10) -> float:
        """The most requests a second, as the mean of `over_s` seconds."""
        seconds = range(max(self.requests, default=0) + 1)
        return max((sum(self.requests[at + one] for one in range(over_s)) / over_s for at in seconds), default=0.0)


def error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


@dataclass(slots=True)
class Window:
    """Counts units in the last second."""

    most: float
    _spent: deque[tuple[float, float]] = field(default_factory=deque)

    def take(self, units: float, now_s: float) -> bool:
        while self._spent and now_s - self._spent[0][0] >= 1:
            self._spent.popleft()
        if sum(some for _, some in self._spent) + units > self.most:
            return False
        self._spent.append((now_s, units))
        return True


@asynccontextmanager
async def rented(answer: Callable[[str, Any], Any], meter: Meter, takes_s: float = 0.05) -> AsyncIterator[str]:
    """Serves the answers behind the meter; each takes `takes_s`. Yields the URL."""

    async def act(request: web.Request) -> web.StreamResponse:
        meter.open += 1
        try:
            asked = msgspec.json.decode(await request.read())
            asks = [(one["method"], one["params"]) for one in asked]
            refusal = meter.count(asks, asyncio.get_running_loop().time())
            await asyncio.sleep(takes_s)
            if isinstance(refusal, web.StreamResponse):
                return refusal
            if refusal is _DROPPED:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            found = [
                _answered(one["id"], (refusal or {}).get(at) or answer(one["method"], one["params"]))
                for at, one in enumerate(asked)
            ]
            body = msgspec.json.encode(found)
            return meter.size(body) or web.Response(body=body, content_type="application/json")
        finally:
            meter.open -= 1

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/{rest:.*}", act)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v2/free-key"
    finally:
        await runner.cleanup()


_DROPPED: Mapping[int, dict[str, Any]] = {-1: {}}


def dropped() -> Refused:
    """The service closes the connection without an answer."""
    return _DROPPED


def _answered(at: Any, found: Any) -> dict[str, Any]:
    if isinstance(found, dict) and "code" in found and "message" in found:
        return {"jsonrpc": "2.0", "id": at, "error": found}
    return {"jsonrpc": "2.0", "id": at, "result": found}
