"""Kills the leading server, an agent and the correlator, one after the other, and counts what was lost or judged twice."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tests.bus.desk import AGENTS, CORRELATOR, Compared, Desk, Held, compared, desk, held, machine
from tests.kills import ENDS, ENDS_S, broken_incidents, delivered
from tests.nats_servers import nats_cluster

DOWN_S = (0.2, 2.0)
BETWEEN_S = (0.5, 3.0)
GROUPS_S = 0.5
"""What was under way at a kill is still judged."""


async def kills(rounds: int, rate: int, seed: int) -> bool:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="stormwatch-bus-kills-") as folder, nats_cluster(Path(folder)) as servers:
        async with desk(Path(folder), servers, rate) as one:
            await one.caught_up()
            killed: list[tuple[float, str]] = []
            for number in range(rounds):
                await one_round(one, chance, killed)
                print(f"round {number + 1} of {rounds}", flush=True)
            await finish(one)
        return await report(one, killed)


async def one_round(one: Desk, chance: random.Random, killed: list[tuple[float, str]]) -> None:
    """Kill each once; `killed` gets when, in unix seconds, and what."""
    leader = await one.leader()
    killed.append((time.time(), "leader"))
    leader.kill()
    await asyncio.sleep(chance.uniform(*DOWN_S))
    leader.start()
    for role in (chance.choice(AGENTS), CORRELATOR):
        await asyncio.sleep(chance.uniform(*BETWEEN_S))
        killed.append((time.time(), CORRELATOR if role == CORRELATOR else "agent"))
        await one.kill(role)
        await asyncio.sleep(chance.uniform(*DOWN_S))
        await one.start(role)
    await asyncio.sleep(chance.uniform(*BETWEEN_S))


async def finish(one: Desk) -> None:
    """Let all incidents end, the agent publish what it holds, and the correlator judge it; stop both cleanly."""
    await one.caught_up()
    for vantage in AGENTS:
        await one.stop(vantage)
        await one.start(vantage, calm=True)
    await asyncio.sleep(ENDS_S)
    await one.caught_up()
    for vantage in AGENTS:
        await one.stop(vantage)
    for vantage in AGENTS:
        await one.judged_whole(vantage)
    await one.stop(CORRELATOR)


async def report(one: Desk, killed: Sequence[tuple[float, str]]) -> bool:
    agents, judge = await logs(one)
    found = compared(agents, judge)
    judged = one.judged()
    late_s = max(at_s - arrived_s for of in judged.values() for arrived_s, at_s in of)
    print(f"\n{len(killed)} kills, {one.rate} signals/s, {summary(agents)}, "
          f"{len(judge.changes)} changes, {len(one.receiver.keys)} notes "
          f"({len(one.receiver.keys) - len(set(one.receiver.keys))} of them again); {machine()}")  # fmt: skip
    print(
        f"  longest blindness of a vantage (nothing of it judged) that began behind a kill of: {blindness(judged, killed)}"
    )
    print(
        f"  longest from arrival to judging: {late_s:.1f} s; judged before an earlier one of their subject: {found.disordered}"
    )
    return verdict([*of_signals(found), *of_changes(judge, one.receiver.keys)])


async def logs(one: Desk) -> tuple[list[Held], Held]:
    """What the logs of the agents hold, and that of the correlator."""
    return [await held(one.folder(vantage)) for vantage in AGENTS], await held(one.folder(CORRELATOR), "database")


def summary(agents: Sequence[Held]) -> str:
    signals, acknowledged = sum(len(one.signals) for one in agents), sum(one.acknowledged for one in agents)
    return f"{signals} signals in the logs of {len(agents)} agents, {acknowledged} acknowledged"


def blindness(judged: Mapping[str, Sequence[tuple[float, float]]], killed: Sequence[tuple[float, str]]) -> str:
    """The longest time without judging a vantage, by what had been killed last."""
    longest: dict[str, float] = {}
    for (_, earlier_s), (_, later_s) in (pair for of in judged.values() for pair in pairwise(of)):
        before = [what for at_s, what in killed if at_s <= earlier_s + GROUPS_S]
        if before:
            longest[before[-1]] = max(longest.get(before[-1], 0.0), later_s - earlier_s)
    return ", ".join(f"{what} {seconds:.1f} s" for what, seconds in longest.items())


def of_signals(found: Compared) -> list[tuple[str, object, bool]]:
    return [
        ("signals lost after acknowledgement", f"{found.lost} {_when(found.lost_s)}", not found.lost),
        ("signals of the agents' logs that were never judged", found.unsent, not found.unsent),
        ("signals judged twice", found.twice, not found.twice),
    ]


def _when(times_s: Sequence[float]) -> str:
    """The periods of these times, with less than 2 s between those of one."""
    if not times_s:
        return ""
    begins = [times_s[0], *(later for earlier, later in pairwise(times_s) if later - earlier > 2)]
    return "arrived from " + ", ".join(f"{datetime.fromtimestamp(one, UTC):%H:%M:%S.%f}" for one in begins)


def of_changes(judge: Held, keys: list[str]) -> list[tuple[str, object, bool]]:
    in_order, undelivered = delivered(judge.changes, keys)
    broken = broken_incidents(judge.changes)
    last = {one.incident_id: one.kind for one in judge.changes}
    open_still = sorted(name for name, kind in last.items() if kind not in ENDS)
    return [
        ("changes that did not reach the sink", undelivered, not undelivered and bool(judge.changes)),
        ("changes reached the sink in order", in_order, in_order),
        ("incidents that did not go on with id and revision", broken, not broken),
        ("incidents not ended at the end", open_still, not open_still),
    ]


def verdict(checks: list[tuple[str, object, bool]]) -> bool:
    for name, value, holds in checks:
        print(f"  {name}: {value} {'met' if holds else 'MISSED'}")
    return all(holds for _, _, holds in checks)
