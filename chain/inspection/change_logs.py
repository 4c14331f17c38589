"""The logs that tell of a proxy's changes, for who looks at one address: how they are asked for, read and judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chain.blocks.block import Log
from chain.events import Address, Role
from chain.proxies.diamonds import CUTS
from chain.proxies.kind import LogSpec, ProxyKind
from chain.proxies.kinds import every
from chain.rpc.messages import Ask, log_in

TARGETS = (Role.IMPLEMENTATION, Role.SECONDARY, Role.BEACON, Role.DICTIONARY)
TOPICS = sorted({told.topic for kind in every() for told in kind.told} | CUTS.keys())

LoggedChanges = tuple[Log, int, int | None]
"""A log with the number and the time (Unix seconds, if told) of its block."""


def logs_ask(addresses: Sequence[Address]) -> Ask:
    """All logs of these addresses that tell of a change, from the first block on."""
    wanted = {"address": list(addresses), "topics": [TOPICS], "fromBlock": "0x0", "toBlock": "latest"}
    return ("eth_getLogs", [wanted])


def log_of(one: dict[str, Any]) -> LoggedChanges:
    """Read one. Raises KeyError, TypeError, ValueError or AttributeError where it is none."""
    time = one.get("blockTimestamp")
    return log_in(one), int(one["blockNumber"], 16), None if time is None else int(time, 16)


def tells(telling: Mapping[str, LogSpec], log: Log, roles: Mapping[Role, Address]) -> bool:
    """Whether a log tells of a target; of logs that others' changes make too, those that name the present one do."""
    told = telling.get(log.topics[0])
    if told is None or told.position is None:
        return told is not None
    return not told.confirmed or log.address_at(told.position) == roles.get(told.role)


def targets(logs: Iterable[LoggedChanges], kinds: Iterable[ProxyKind]) -> list[Address]:
    """The targets that they name, oldest first."""
    tellings = [told for kind in kinds for told in kind.told if told.role is Role.IMPLEMENTATION and not told.confirmed]
    positions = {told.topic: told.position for told in tellings if told.position is not None}
    return [log.address_at(positions[log.topics[0]]) for log, *_ in logs if log.topics[0] in positions]
