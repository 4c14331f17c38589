"""Requests, reads and judges the logs that report changes of one proxy, for an inspection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chain.blocks.block import Log
from chain.events import Address, Role
from chain.proxies.diamonds import CUTS
from chain.proxies.kind import LogSpec, ProxyKind
from chain.proxies.kinds import every
from chain.rpc.messages import Ask, log_in

TARGETS = frozenset({Role.IMPLEMENTATION, Role.SECONDARY, Role.BEACON, Role.DICTIONARY})
TOPICS = sorted({spec.topic for kind in every() for spec in kind.logs} | CUTS.keys())

LoggedChange = tuple[Log, int, int | None]
"""A log with the number and the time (Unix seconds, if known) of its block."""


def logs_ask(
    addresses: Sequence[Address], first: int = 0, last: int | None = None, topics: Sequence[str] = TOPICS
) -> Ask:
    """Request all logs of these addresses that may report a change, from the first block to the last (None: the head)."""
    to = "latest" if last is None else hex(last)
    wanted = {"address": list(addresses), "topics": [list(topics)], "fromBlock": hex(first), "toBlock": to}
    return ("eth_getLogs", [wanted])


def log_of(one: dict[str, Any]) -> LoggedChange:
    """Read one log. Raises KeyError, TypeError, ValueError or AttributeError if the item is no log."""
    time = one.get("blockTimestamp")
    return log_in(one), int(one["blockNumber"], 16), None if time is None else int(time, 16)


def reports(specs: Mapping[str, LogSpec], log: Log, roles: Mapping[Role, Address]) -> bool:
    """Whether a log reports a target; a log that other changes emit too does so only if it names the present target."""
    spec = specs.get(log.topics[0])
    if spec is None or spec.position is None:
        return spec is not None
    return not spec.confirmed or log.address_at(spec.position) == roles.get(spec.role)


def targets(logs: Iterable[LoggedChange], kinds: Iterable[ProxyKind]) -> list[Address]:
    """Return the targets that these logs name, oldest first."""
    specs = [spec for kind in kinds for spec in kind.logs if spec.role is Role.IMPLEMENTATION and not spec.confirmed]
    positions = {spec.topic: spec.position for spec in specs if spec.position is not None}
    return [log.address_at(positions[log.topics[0]]) for log, *_ in logs if log.topics[0] in positions]
