"""Builds blocks and logs by hand for pure tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from chain.blocks.block import Block, Header, Log
from chain.blocks.reads import AnyRead, StateRead
from chain.events import Address, NetworkId

START = datetime(2026, 1, 1, tzinfo=UTC)
NETWORK = NetworkId("local")


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def topic(number: int) -> str:
    return f"0x{number:064x}"


def log(at: Address, *topics: str, body: bytes = b"", transaction: int = 1, index: int = 0) -> Log:
    return Log(address=at, topics=topics, body=body, transaction=topic(transaction), index=index)


def header(number: int, fork: int = 0, parent_fork: int = 0, after_s: float | None = None) -> Header:
    return Header(
        number=number,
        hash=topic(number * 1000 + fork),
        parent_hash=topic((number - 1) * 1000 + parent_fork),
        time=START + timedelta(seconds=number if after_s is None else after_s),
    )


def block(
    number: int, *logs: Log, state: Mapping[AnyRead, object] | None = None, after_s: float | None = None
) -> Block:
    head = header(number, after_s=after_s)
    return Block(network=NETWORK, header=head, seen_at=START, logs=logs, state=StateRead(state or {}))
