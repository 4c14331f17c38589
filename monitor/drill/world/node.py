"""Serves the scripted chain as a node: JSON-RPC 2.0 over HTTP, single calls and batches, with a full node's answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from aiohttp import web

from monitor.drill.world import abi
from monitor.drill.world.ledger import (
    ADMIN,
    MIN_DELAY_S,
    NEW_CODE,
    OLD_CODE,
    POOLS,
    TIMELOCK,
    TOKEN,
    TOKEN0,
    TOKEN1,
    TOKEN_DECIMALS,
    USD,
    USD_DECIMALS,
    Block,
    Ledger,
)
from monitor.drill.world.listening import Server, abort

CHAIN_ID = 31337
SAFE_BEHIND = 12
MAX_BATCH = 1000
CONTRACTS = (TOKEN, USD, TIMELOCK, ADMIN, OLD_CODE, NEW_CODE, *POOLS)
EMPTY_LIST = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
"""keccak256(rlp([])), the hash of no uncles."""


class RpcError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Node:
    """Serves a ledger. `down` returns whether the network is down now."""

    def __init__(self, ledger: Ledger, down: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._down = down
        self._server = Server(self._serve)
        self._methods: dict[str, Callable[[Sequence[Any]], Any]] = {
            "eth_chainId": lambda _: hex(CHAIN_ID),
            "net_version": lambda _: str(CHAIN_ID),
            "web3_clientVersion": lambda _: "stormwatch-drill/1",
            "eth_syncing": lambda _: False,
            "eth_blockNumber": lambda _: hex(self._ledger.head.number),
            "eth_getBlockByNumber": lambda given: self._block(self._named(given[0]), full=_second(given)),
            "eth_getBlockByHash": lambda given: self._block(self._hashed(given[0]), full=_second(given)),
            "eth_getLogs": lambda given: self._logs(given[0]),
            "eth_getStorageAt": lambda given: _slot(given[0], given[1], self._at(_third(given))),
            "eth_getCode": lambda given: _code(given[0], self._at(given[1] if len(given) > 1 else "latest")),
            "eth_call": lambda given: _call(given[0], self._at(given[1] if len(given) > 1 else "latest")),
        }

    async def start(self) -> str:
        """Listen on a free port; the URL."""
        return f"http://127.0.0.1:{await self._server.start()}/"

    async def stop(self) -> None:
        """Close it."""
        await self._server.stop()

    async def _serve(self, http_request: web.Request) -> web.StreamResponse:
        if self._down():
            return abort(http_request)
        try:
            request = json.loads(await http_request.read())
        except ValueError:
            return web.json_response(_failed(None, -32700, "parse error"))
        if not isinstance(request, list):
            return web.json_response(self.answer(request))
        if len(request) > MAX_BATCH:
            return web.json_response(_failed(None, -32600, "batch too large"))
        return web.json_response([self.answer(one) for one in request])

    def answer(self, request: Any) -> dict[str, Any]:
        """The answer of one call."""
        if not isinstance(request, dict) or not isinstance(request.get("params", []), list):
            return _failed(None, -32600, "invalid request")
        method = self._methods.get(str(request.get("method")))
        if method is None:
            return _failed(
                request.get("id"), -32601, f"the method {request.get('method')} does not exist/is not available"
            )
        try:
            result = method(request.get("params", []))
        except RpcError as error:
            return _failed(request.get("id"), error.code, str(error))
        except (IndexError, ValueError, TypeError, AttributeError, KeyError):
            return _failed(request.get("id"), -32602, "invalid params")
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}

    def _named(self, given: str) -> Block | None:
        head = self._ledger.head
        behind = {"latest": 0, "pending": 0, "safe": SAFE_BEHIND, "finalized": SAFE_BEHIND}.get(given)
        if behind is not None:
            return self._ledger.blocks.get(max(head.number - behind, 0))
        return self._ledger.blocks.get(0 if given == "earliest" else int(given, 16))

    def _hashed(self, given: str) -> Block | None:
        return self._ledger.by_hash.get(given.lower())

    def _at(self, given: Any) -> Block:
        """The block at which a state is read: a name, a number, or {"blockHash"|"blockNumber"}."""
        if isinstance(given, dict):
            found = self._hashed(given["blockHash"]) if "blockHash" in given else self._named(given["blockNumber"])
        else:
            found = self._hashed(given) if len(given) == 66 else self._named(given)
        if found is None:
            raise RpcError(-32001, "header not found")
        return found

    def _block(self, block: Block | None, *, full: bool) -> dict[str, Any] | None:
        if block is None:
            return None
        zeros = "0x" + "0" * 64
        bloom = "f" if any(one.logs for one in block.transactions) else "0"  # a bloom may give false positives
        return {
            "number": hex(block.number), "hash": block.hash, "parentHash": block.parent, "nonce": "0x0000000000000000",
            "sha3Uncles": EMPTY_LIST, "logsBloom": "0x" + bloom * 512, "transactionsRoot": zeros, "stateRoot": zeros,
            "receiptsRoot": zeros, "miner": abi.ZERO, "difficulty": "0x0", "totalDifficulty": "0x0", "extraData": "0x",
            "size": "0x220", "gasLimit": "0x1c9c380", "gasUsed": hex(200_000 * len(block.transactions)),
            "timestamp": hex(block.time_s), "uncles": [], "baseFeePerGas": "0x3b9aca00", "mixHash": zeros,
            "transactions": [
                _transaction(block, index) if full else one.hash for index, one in enumerate(block.transactions)
            ],
        }  # fmt: skip

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in wanted:
            blocks = [self._at(wanted["blockHash"])]
        else:
            first, last = (self._at(wanted.get(name) or "latest").number for name in ("fromBlock", "toBlock"))
            blocks = [self._ledger.blocks[at] for at in range(first, last + 1) if at in self._ledger.blocks]
        return [log for block in blocks for log in _logs_of(block) if _matches(log, wanted)]


def _second(given: Sequence[Any]) -> bool:
    return bool(given[1]) if len(given) > 1 else False


def _third(given: Sequence[Any]) -> Any:
    return given[2] if len(given) > 2 else "latest"


def _failed(request_id: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def _transaction(block: Block, index: int) -> dict[str, Any]:
    one = block.transactions[index]
    return {
        "hash": one.hash, "from": one.sender, "to": one.to, "blockHash": block.hash, "blockNumber": hex(block.number),
        "transactionIndex": hex(index), "nonce": hex(index), "value": "0x0", "gas": "0x7a120", "gasPrice": "0x3b9aca00",
        "input": "0x", "type": "0x0", "chainId": hex(CHAIN_ID), "v": "0x1b", "r": "0x1", "s": "0x1",
    }  # fmt: skip


def _logs_of(block: Block) -> list[dict[str, Any]]:
    placed = [(index, sent.hash, log) for index, sent in enumerate(block.transactions) for log in sent.logs]
    return [
        {
            "address": log.address, "topics": list(log.topics), "data": log.body, "blockNumber": hex(block.number),
            "blockHash": block.hash, "blockTimestamp": hex(block.time_s), "transactionHash": transaction,
            "transactionIndex": hex(index), "logIndex": hex(at), "removed": False,
        }
        for at, (index, transaction, log) in enumerate(placed)
    ]  # fmt: skip


def _matches(log: dict[str, Any], wanted: dict[str, Any]) -> bool:
    addresses = wanted.get("address")
    if addresses:
        some = [addresses] if isinstance(addresses, str) else addresses
        if log["address"] not in {one.lower() for one in some}:
            return False
    for at, allowed in enumerate(wanted.get("topics") or []):
        if allowed in (None, []):
            continue
        some = [allowed] if isinstance(allowed, str) else allowed
        if at >= len(log["topics"]) or log["topics"][at] not in {one.lower() for one in some}:
            return False
    return True


def _slot(address: str, slot: str, block: Block) -> str:
    values = {
        int(abi.IMPLEMENTATION_SLOT, 16): block.state.implementation,
        int(abi.ADMIN_SLOT, 16): ADMIN,
    }
    return abi.topic(values.get(int(slot, 16), 0)) if address.lower() == TOKEN else abi.topic(0)


def _code(address: str, block: Block) -> str:
    """Invented code, different for each contract; none for accounts."""
    known = address.lower()
    if known not in CONTRACTS:
        return "0x"
    slot = "7f" + abi.IMPLEMENTATION_SLOT.removeprefix("0x") if known == TOKEN else ""
    return "0x6080604052" + slot + sha256(known.encode()).hexdigest()


def _call(given: dict[str, str], block: Block) -> str:
    to, call = given["to"].lower(), (given.get("data") or given.get("input") or "")[:10]
    pool = block.state.pools.get(to)
    if pool is not None:
        answers = {
            abi.TOKEN0: abi.words(TOKEN0),
            abi.TOKEN1: abi.words(TOKEN1),
            abi.GET_RESERVES: abi.words(pool.reserve0, pool.reserve1, block.time_s % 2**32),
            abi.TOTAL_SUPPLY: abi.words(pool.supply),
            abi.DECIMALS: abi.words(18),
        }
    elif to == TIMELOCK:
        answers = {abi.GET_MIN_DELAY: abi.words(MIN_DELAY_S)}
    elif to == TOKEN:
        answers = {abi.DECIMALS: abi.words(TOKEN_DECIMALS), abi.TOTAL_SUPPLY: abi.words(block.state.supply)}
    else:
        answers = {abi.DECIMALS: abi.words(USD_DECIMALS)} if to == USD else {}
    if call not in answers:
        raise RpcError(3, "execution reverted")
    return answers[call]
