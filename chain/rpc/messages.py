"""Writes Ethereum JSON-RPC requests for a block, and reads the answers. No I/O.

Requests name a block by its hash (EIP-234 for logs, EIP-1898 for state), so that an answer never belongs to another fork.
Probes run a call with the code of presumed targets replaced by a sentinel, trace a call, or list the state that it touches.
Sources: the execution-apis specification; geth, "state override set", "callTracer", "prestateTracer", eth_createAccessList.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from chain.blocks.block import Header, Log
from chain.blocks.delegates import NEUTRAL
from chain.blocks.reads import (
    SENTINEL_MAGIC,
    AccountDelegate,
    AnyRead,
    CallBytes,
    CallWord,
    CodeHash,
    CoinBalance,
    PathCode,
    Probe,
    Read,
    Reads,
    RunsAs,
    RunsOneOf,
    SlotWord,
    TouchedState,
    TracedDelegates,
)
from chain.events import Address
from chain.events.network import NodeFaultKind
from chain.rpc.errors import NodeFailure, Refusal, answered

T = TypeVar("T")

RUNS_AS = "0x30193d5260203df3"
"""Code that replaces a target's code (state overrides of eth_call) and returns the complement of the address that it runs as.
The complement prevents that a proxy that reads an address from its target (a beacon, a kernel) gets one that it could run.
"""
_HEX = re.compile(r"0x[0-9a-fA-F]+")
ADDRESS_DIGITS, WORD_DIGITS, BLOOM_DIGITS = 40, 64, 512
REACH_GAS = 500_000
PROBE_GAS = 2_000_000
"""Gas of one probe; it bounds contracts that burn gas."""

Ask = tuple[str, list[Any]]
"""A request: method and parameters."""


def header_ask(number: int | None) -> Ask:
    """Request the header with this number, or the head (None)."""
    return ("eth_getBlockByNumber", ["latest" if number is None else hex(number), False])


def header_of(answer: Any) -> Header:
    """Read a header. Raises NodeFailure if the answer is no header (null: the node does not have the block yet)."""
    found = answered(answer)
    if found is None:
        raise NodeFailure(NodeFaultKind.BEHIND, "the node does not have the block")
    try:
        return Header(
            number=_number(found["number"]),
            hash=_hash(found["hash"]),
            parent_hash=_hash(found["parentHash"]),
            time=datetime.fromtimestamp(_number(found["timestamp"]), UTC),
            base_fee=_number(found["baseFeePerGas"], WORD_DIGITS) if found.get("baseFeePerGas") else None,
            bloom=_number(found["logsBloom"], BLOOM_DIGITS) if found.get("logsBloom") else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a block header") from error


def logs_ask(reads: Reads, headers: Sequence[Header]) -> Ask:
    """Request the logs of one block by its hash, or of a run of blocks by their numbers."""
    wanted: dict[str, Any] = {"address": sorted(reads.addresses), "topics": [sorted(reads.topics)]}
    if len(headers) == 1:
        wanted["blockHash"] = headers[0].hash
    else:
        wanted |= {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
    return ("eth_getLogs", [wanted])


def receipts_ask(header: Header) -> Ask:
    """Request all receipts of a block by its hash: a second source of its logs, which a node stores separately."""
    return ("eth_getBlockReceipts", [header.hash])


def receipts_of(answer: Any, reads: Reads, header: Header) -> tuple[Log, ...]:
    """Read from the receipts the logs that `logs_ask` requests. Raises NodeFailure."""
    try:
        found = [log for receipt in answered(answer) for log in receipt["logs"]]
    except (KeyError, TypeError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of receipts") from error
    return tuple(
        log
        for log in logs_of(found, [header])[header.hash]
        if log.address in reads.addresses and log.topics[:1] and log.topics[0] in reads.topics
    )


def logs_of(answer: Any, headers: Sequence[Header]) -> dict[str, tuple[Log, ...]]:
    """Read the logs by block hash, in order. Raises NodeFailure if a log belongs to another fork."""
    found: dict[str, list[Log]] = {header.hash: [] for header in headers}
    try:
        for one in answered(answer):
            if one.get("removed"):
                raise NodeFailure(NodeFaultKind.BEHIND, "logs of a dropped block")
            log = log_in(one)
            if one["blockHash"].lower() not in found:
                raise NodeFailure(NodeFaultKind.BEHIND, "logs of another fork")
            found[one["blockHash"].lower()].append(log)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of logs") from error
    return {block: tuple(sorted(logs, key=lambda log: log.index)) for block, logs in found.items()}


def log_in(one: Any) -> Log:
    """Read one log. Raises AttributeError, KeyError, TypeError or ValueError if the item is no log."""
    return Log(
        address=Address(_hash(one["address"], ADDRESS_DIGITS)),
        topics=tuple(map(_hash, one["topics"])),
        body=bytes.fromhex(one["data"][2:]),
        transaction=_hash(one["transactionHash"]),
        index=_number(one["logIndex"]),
    )


def read_ask(read: AnyRead, at: Any) -> Ask:
    """Write the request for this read in the block `at`: its hash (EIP-1898), or "latest"."""
    match read:
        case SlotWord():
            return ("eth_getStorageAt", [read.address, f"0x{read.slot:064x}", at])
        case CodeHash() | AccountDelegate():
            return ("eth_getCode", [read.address, at])
        case CallWord() | CallBytes():
            return ("eth_call", [{"to": read.address, "data": read.body}, at])
        case CoinBalance():
            return ("eth_getBalance", [read.address, at])
        case RunsAs():
            call = {"to": read.address, "data": read.body, "gas": hex(REACH_GAS)}
            return ("eth_call", [call, at, {read.target: {"code": RUNS_AS}}])
        case RunsOneOf():
            return ("eth_call", [_probe(read), at, {target: {"code": sentinel(target)} for target in read.targets}])
        case TracedDelegates():
            return ("debug_traceCall", [_probe(read), at, {"tracer": "callTracer", "timeout": "1s"}])
        case TouchedState(traced=True):
            return ("debug_traceCall", [_probe(read), at, {"tracer": "prestateTracer", "timeout": "1s"}])
        case TouchedState():
            return ("eth_createAccessList", [_probe(read), at])
    raise AssertionError(read)


def read_of(read: Read[T], answer: Any) -> T | None:
    """Decode the answer to a read; None if it is unknown (pruned state, a revert, no code to call). Raises NodeFailure."""
    if isinstance(answer, Refusal):
        return _refused(read, answer)
    try:
        return read.decode(answer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(read, Probe):
            return None
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error


def _refused(read: Read[T], refusal: Refusal) -> T | None:
    if isinstance(read, Probe):
        return None
    failure = refusal.failure()
    if isinstance(read, PathCode) and failure.fault is not NodeFaultKind.THROTTLED:
        return None
    may_refuse = refusal.unreadable or isinstance(read, CallWord | CallBytes | RunsAs)
    if failure.fault is NodeFaultKind.THROTTLED or not may_refuse:
        raise failure
    return read.halted() if refusal.halted else None


def sentinel(target: Address) -> str:
    """Return code that answers the magic word, the account in whose storage it runs, and the address `target`."""
    return f"0x7f{SENTINEL_MAGIC:064x}6000523060205273{target[2:]}60405260606000f3"


def _probe(read: Probe) -> dict[str, str]:
    return {"from": NEUTRAL, "to": read.address, "data": read.body, "gas": hex(PROBE_GAS)}


def _hash(text: str, digits: int = WORD_DIGITS) -> str:
    """A hash, or an address, of exactly so many hexadecimal digits, in lower case. Raises ValueError or TypeError."""
    if len(text) != digits + 2 or _HEX.fullmatch(text) is None:
        raise ValueError(text[:80])
    return text.lower()


def _number(text: str, digits: int = 16) -> int:
    """A number of at most so many hexadecimal digits behind 0x: never below zero. Raises ValueError or TypeError."""
    if len(text) > digits + 2 or _HEX.fullmatch(text) is None:
        raise ValueError(text[:80])
    return int(text, 16)
