"""Follows, scans and inspects 50 contracts and 10 pools through rented nodes, each with one documented limit, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

import pytest

from chain.events.network import HeadSeen, NodeFault, NodeMeasured
from chain.events.upgrades import ContractUpgraded
from chain.inspection.inspect import inspect
from chain.sync.settings import open_nodes
from chain.sync.watcher import Watcher, WatcherSettings, scan
from tests.chain.following import LOCAL
from tests.chain.metered import CONTRACTS, WATCH, Meter, Town, rented
from tests.chain.nodes import meters
from tests.chain.virtual_time import in_virtual_time, virtual_clock

UPGRADES = 25
LIMITS: dict[str, Callable[[], Meter]] = {
    "25 calls a second": meters.CallsPerSecond,
    "batches of 3": lambda: meters.BatchItems(3),
    "batches of 10": lambda: meters.BatchItems(10),
    "dropped above 10": lambda: meters.BatchItems(10, drops=True),
    "answers of 100 kB": lambda: meters.AnswerSize(100_000),
    "log ranges of 10": meters.LogRanges,
    "compute units": meters.ComputeUnits,
    "5 % of items refused": meters.SomeItems,
    "each fourth HTTP 429": meters.EachFourth,
    "one connection": meters.Connections,
    "each third answer broken": meters.Gateway,
}
SLOW = {"compute units", "each fourth HTTP 429"}
"""Here the pauses leave three or four requests a second, and each upgrade costs two: for its code, before and after."""


@dataclass(slots=True)
class Followed:
    """What was told: upgrades by block with the blocks they came late, and faults."""

    late: dict[int, int] = field(default_factory=dict)
    faults: list[NodeFault] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)


def settings(url: str) -> WatcherSettings:
    return WatcherSettings(network=LOCAL, nodes=(url,), watch=WATCH)


async def followed(town: Town, meter: Meter, *, every: int = 2, takes_s: float = 0.05, for_s: float = 300) -> Followed:
    """Follows until 25 upgrades were told, one in `every` blocks from when the watcher has reached the head."""
    found, ready = Followed(), asyncio.Event()

    async def mine() -> None:
        while True:
            await asyncio.sleep(1)
            number = len(town.blocks)
            due = ready.is_set() and number % every == 0 and len(town.upgrades) < UPGRADES
            town.grow(CONTRACTS[number % len(CONTRACTS)] if due else None)

    async with rented(town.answer, meter, takes_s) as url:
        mining = asyncio.create_task(mine())
        with suppress(TimeoutError):
            async with asyncio.timeout(for_s), aclosing(Watcher(settings(url), None, virtual_clock).events()) as events:  # type: ignore[type-var]
                async for event in events:
                    head = len(town.blocks) - 1
                    if isinstance(event, ContractUpgraded):
                        found.late[event.place.block_number] = head - event.place.block_number
                    elif isinstance(event, NodeFault):
                        found.faults.append(event)
                    elif isinstance(event, HeadSeen):
                        found.behind.append(head - event.block_number)
                        if event.block_number >= head - 1:
                            ready.set()
                    if len(found.late) == UPGRADES:
                        break
        mining.cancel()
    return found


@pytest.mark.parametrize("limit", LIMITS)
def test_every_upgrade_is_told_live_within_five_blocks(limit: str) -> None:
    town, meter = Town(), LIMITS[limit]()
    found = in_virtual_time(lambda: followed(town, meter, every=5 if limit in SLOW else 2))
    assert sorted(found.late) == [number for number, _ in town.upgrades]
    assert len(found.late) == UPGRADES
    assert max(found.late.values()) <= 5
    assert meter.busiest(30) <= 10, "requests a second, sustained"
    assert meter.refused or "log" in limit, "the limit was met"


@pytest.mark.parametrize("limit", LIMITS)
def test_a_scan_and_an_inspection_are_complete(limit: str) -> None:
    town = Town()
    for number in range(120):
        town.grow(CONTRACTS[number % len(CONTRACTS)] if number % 6 == 0 else None)

    async def story() -> tuple[list[int], int, str]:
        async with rented(town.answer, LIMITS[limit]()) as url:
            reported = [event async for event in scan(settings(url), 2, len(town.blocks) - 1, virtual_clock)]
            nodes = open_nodes(settings(url), virtual_clock)
            seen = await inspect(nodes, LOCAL.id, CONTRACTS[0])
            await nodes.close()
            upgrades = [event.place.block_number for event in reported if isinstance(event, ContractUpgraded)]
            return upgrades, seen.code_size, seen.kind or ""

    upgrades, code_size, kind = in_virtual_time(story)
    assert upgrades == [number for number, _ in town.upgrades]
    assert (code_size, bool(kind)) == (2, True)


def test_an_allowance_of_the_operator_is_kept_without_a_single_refusal() -> None:
    town, meter = Town(), meters.CallsPerSecond(50)

    async def story() -> list[HeadSeen]:
        async with rented(town.answer, meter) as url:
            events = Watcher(replace(settings(url), calls_per_s=25), None, virtual_clock).events()
            async with asyncio.timeout(60), aclosing(events) as open_events:  # type: ignore[type-var]
                async for event in open_events:
                    if isinstance(event, HeadSeen):
                        return [event]
        return []

    assert in_virtual_time(story)
    assert meter.refused == 0


@pytest.mark.slow
def test_a_slow_node_is_followed_at_a_coarser_stride_and_named_and_never_falls_behind_for_ever() -> None:
    town = Town()
    found = in_virtual_time(lambda: followed(town, Meter(), takes_s=5, for_s=600))
    assert [fault.fault.value for fault in found.faults if fault.fault.value == "coarse"] == ["coarse"]
    assert max(found.behind[-3:]) <= 40, "blocks behind, after ten minutes"


def test_what_a_node_refuses_is_measured_without_its_key() -> None:
    town, measured = Town(), list[NodeMeasured]()

    async def story() -> None:
        async with rented(town.answer, meters.EachFourth()) as url:
            events = Watcher(settings(url), None, virtual_clock).events()
            with suppress(TimeoutError):
                async with asyncio.timeout(60), aclosing(events) as open_events:  # type: ignore[type-var]
                    async for event in open_events:
                        if isinstance(event, NodeMeasured):
                            measured.append(event)

    in_virtual_time(story)
    assert 3 <= len(measured) <= 5, "every 15 s"
    assert sum(count for one in measured for fault, count in one.refusals if fault.value == "throttled") > 0
    assert sum(one.paused_s for one in measured) >= 1, "Retry-After: 1"
    assert measured[-1].lag_blocks == 0
    assert measured[-1].latency_s is not None
    assert "free-key" not in str(measured)
