"""Encodes GMX's PositionDecrease by the Solidity ABI, with the fields of its source: groups of pairs of key and value."""

from __future__ import annotations

from collections.abc import Mapping

from eth_hash.auto import keccak

from chain.blocks.block import Log
from chain.events import Address
from tests.chain.builders import log, topic, words

TOPIC = "0x137a44067c8961cd7e1d876f4754a5a3a75989b4552f1843fc69c3b372def160"
DECREASE = f"0x{keccak(b'PositionDecrease').hex()}"
GROUPS = ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")


def _text(text: str) -> bytes:
    raw = text.encode()
    return words(len(raw)) + raw.ljust((len(raw) + 31) // 32 * 32, b"\0")


def _joined(parts: list[bytes]) -> bytes:
    """Dynamic parts behind the pointers to them."""
    at, heads = 32 * len(parts), []
    for part in parts:
        heads.append(at)
        at += len(part)
    return words(*heads) + b"".join(parts)


def _group(items: Mapping[str, int]) -> bytes:
    pairs = [words(64, value) + _text(key) for key, value in items.items()]
    return _joined([words(len(pairs)) + _joined(pairs), words(0)])


def decrease(
    market: Address,
    *,
    order: int = 7,
    long: bool = True,
    usd: int = 10**30,
    tokens: int = 1,
    left_out: str = "",
    more: int = 0,
) -> bytes:
    """The body: sender, name, fields. `left_out` is a field that is missing, `more` figures that are added."""
    figures = {
        "sizeInUsd": 0, "sizeInTokens": 0, "executionPrice": 5, "sizeDeltaUsd": usd, "sizeDeltaInTokens": tokens,
        "orderType": order,
    } | {f"more{at}": at for at in range(more)}  # fmt: skip
    fields: dict[str, dict[str, int]] = {
        "address": {"account": 3, "market": int(market, 16), "collateralToken": 4},
        "uint256": figures,
        "bool": {"isLong": int(long)},
    }
    groups = [_group({key: value for key, value in fields.get(kind, {}).items() if key != left_out}) for kind in GROUPS]
    name, said = _text("PositionDecrease"), _joined(groups)
    return words(1, 96, 96 + len(name)) + name + said


def gmx_log(emitter: Address, account: Address, body: bytes, name: str = DECREASE, index: int = 0) -> Log:
    return log(emitter, TOPIC, name, topic(int(account, 16)), body=body, index=index)
