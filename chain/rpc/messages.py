"""Ethereum JSON-RPC as questions and answers: what to ask for a block, and how to read what came. No I/O.

Everything of a block is asked by its hash (EIP-234 for logs, EIP-1898 for state), so that an answer can never be of
another fork. Source: the execution-apis specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chain.blocks.block import Header, Log
from chain.blocks.reads import (
    MAX_ANSWER,
    NO_CODE,
    UNKNOWN_FUNCTION,
    AccountDelegate,
    CallBytes,
    CallWord,
    CodeHash,
    CoinBalance,
    Probe,
    Read,
    Reads,
    RunsAs,
    SlotWord,
)
from chain.events import Address
from chain.events.network import NodeFaultKind
from chain.rpc.delegation import probe_ask, probe_of
from chain.rpc.errors import NodeFailure, Refusal, answered

DELEGATION = bytes.fromhex("ef0100")
"""What the code of a delegating account begins with (EIP-7702)."""

TELLER = "0x30193d5260203df3"
"""Code that stands in for a target's (eth_call's state overrides) and tells in whose name it runs: the complement of that
address, so that a proxy that asks its target for an address (a beacon, a kernel) gets none it could run.
"""
REACH_GAS = 500_000

Ask = tuple[str, list[Any]]
"""Method and parameters."""


def header_ask(number: int | None) -> Ask:
    """The header of this number, or of the head."""
    return ("eth_getBlockByNumber", ["latest" if number is None else hex(number), False])


def header_of(answer: Any) -> Header:
    """Read a header. Raises NodeFailure where it is none (null: the node has no such block yet)."""
    found = answered(answer)
    if found is None:
        raise NodeFailure(NodeFaultKind.BEHIND, "no such block there")
    try:
        return Header(
            number=int(found["number"], 16),
            hash=_hash(found["hash"]),
            parent_hash=_hash(found["parentHash"]),
            time=datetime.fromtimestamp(int(found["timestamp"], 16), UTC),
            base_fee=int(found["baseFeePerGas"], 16) if found.get("baseFeePerGas") else None,
            bloom=int(found["logsBloom"], 16) if found.get("logsBloom") else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a block header") from error


def logs_ask(reads: Reads, headers: Sequence[Header]) -> Ask:
    """The logs of one block by its hash, or of a run of blocks by their numbers."""
    wanted: dict[str, Any] = {"address": sorted(reads.addresses), "topics": [sorted(reads.topics)]}
    if len(headers) == 1:
        wanted["blockHash"] = headers[0].hash
    else:
        wanted |= {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
    return ("eth_getLogs", [wanted])


def receipts_ask(header: Header) -> Ask:
    """All receipts of a block by its hash: its logs from another drawer of the node."""
    return ("eth_getBlockReceipts", [header.hash])


def receipts_of(answer: Any, reads: Reads, header: Header) -> tuple[Log, ...]:
    """Those logs among the receipts that `logs_ask` asks for. Raises NodeFailure."""
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
    """Logs by block hash, in order. Raises NodeFailure where one is of another fork."""
    found: dict[str, list[Log]] = {header.hash: [] for header in headers}
    try:
        for one in answered(answer):
            if one.get("removed"):
                raise NodeFailure(NodeFaultKind.BEHIND, "logs of a dropped block")
            log = Log(
                address=Address(one["address"].lower()),
                topics=tuple(topic.lower() for topic in one["topics"]),
                body=bytes.fromhex(one["data"][2:]),
                transaction=_hash(one["transactionHash"]),
                index=int(one["logIndex"], 16),
            )
            if one["blockHash"].lower() not in found:
                raise NodeFailure(NodeFaultKind.BEHIND, "logs of another fork")
            found[one["blockHash"].lower()].append(log)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not a list of logs") from error
    return {block: tuple(sorted(logs, key=lambda log: log.index)) for block, logs in found.items()}


def read_ask(need: Read, header: Header) -> Ask:
    """What answers a need in this very block."""
    at = {"blockHash": header.hash}
    match need:
        case SlotWord():
            return ("eth_getStorageAt", [need.address, f"0x{need.slot:064x}", at])
        case CodeHash() | AccountDelegate():
            return ("eth_getCode", [need.address, at])
        case CallWord() | CallBytes():
            return ("eth_call", [{"to": need.address, "data": need.body}, at])
        case CoinBalance():
            return ("eth_getBalance", [need.address, at])
        case RunsAs():
            call = {"to": need.address, "data": UNKNOWN_FUNCTION, "gas": hex(REACH_GAS)}
            return ("eth_call", [call, at, {need.target: {"code": TELLER}}])
        case _:
            return probe_ask(need, at)


def read_of(need: Read, answer: Any) -> int | None:
    """The word that answers a need; None where it cannot be read there (pruned, reverted, no code to call)."""
    if isinstance(need, Probe):
        return None if isinstance(answer, Refusal) else probe_of(need, answer)
    if isinstance(need, RunsAs):
        return _reached(answer)
    if isinstance(answer, Refusal):
        failure = answer.failure()
        if failure.fault is not NodeFaultKind.THROTTLED and (
            answer.unreadable or isinstance(need, CallWord | CallBytes)
        ):
            return None
        raise failure
    try:
        if isinstance(need, CoinBalance):
            return int(answer, 16)
        found = bytes.fromhex(answer[2:])
    except (TypeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
    match need:
        case SlotWord():
            return int.from_bytes(found, "big")
        case CodeHash():
            return _keccak(found)
        case CallWord():
            return int.from_bytes(found[:32], "big") if len(found) >= 32 else None
        case CallBytes():
            return int.from_bytes(b"\x01" + found, "big") if 0 < len(found) <= MAX_ANSWER else None
        case AccountDelegate():
            return int.from_bytes(found[3:], "big") if len(found) == 23 and found.startswith(DELEGATION) else 0


def _reached(answer: Any) -> int | None:
    """In whose name the code in place of the target's ran; 0 where it did not, None where the node cannot tell."""
    if isinstance(answer, Refusal):
        failure = answer.failure()
        if failure.fault is NodeFaultKind.THROTTLED:
            raise failure
        return 0 if answer.halted else None
    try:
        found = bytes.fromhex(answer[2:])
    except (TypeError, ValueError) as error:
        raise NodeFailure(NodeFaultKind.MALFORMED, "not hexadecimal") from error
    word = ~int.from_bytes(found, "big") & (1 << 256) - 1
    return word if len(found) == 32 and word < 1 << 160 else 0


def _keccak(code: bytes) -> int:
    if not code:
        return NO_CODE
    from eth_hash.auto import keccak

    return int.from_bytes(keccak(code), "big")


def _hash(text: str) -> str:
    if len(text) != 66 or int(text, 16) < 0:
        raise ValueError(text)
    return text.lower()
