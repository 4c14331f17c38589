"""Kills the leading server, the agent and the correlator, one after the other, and counts what was lost or judged twice."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.bus.desk import Compared, Desk, Held, compared, desk, held, machine
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
    for role in ("agent", "correlator"):
        await asyncio.sleep(chance.uniform(*BETWEEN_S))
        killed.append((time.time(), role))
        await one.kill(role)
        await asyncio.sleep(chance.uniform(*DOWN_S))
        await one.start(role)
    await asyncio.sleep(chance.uniform(*BETWEEN_S))


async def finish(one: Desk) -> None:
    """Let all incidents end, the agent publish what it holds, and the correlator judge it; stop both cleanly."""
    await one.caught_up()
    await one.stop("agent")
    await one.start("agent", calm=True)
    await asyncio.sleep(ENDS_S)
    await one.caught_up()
    await one.stop("agent")
    await asyncio.sleep(2.0)  # the drained messages reach the correlator well before it falls silent
    await one.stop("correlator")


async def report(one: Desk, killed: Sequence[tuple[float, str]]) -> bool:
    agent, judge = await held(one.folder("agent")), await held(one.folder("correlator"), "database")
    found = compared(agent, judge)
    late_s = max(at_s - arrived_s for arrived_s, at_s in one.judged())
    print(f"\n{len(killed)} kills, {one.rate} signals/s, {len(agent.signals)} signals in the agent's log, "
          f"{agent.acknowledged} acknowledged, {len(judge.changes)} changes, {len(one.receiver.keys)} notes "
          f"({len(one.receiver.keys) - len(set(one.receiver.keys))} of them again); {machine()}")  # fmt: skip
    print(f"  longest blindness (nothing judged) that began behind a kill of: {blindness(one.judged(), killed)}")
    print(
        f"  longest from arrival to judging: {late_s:.1f} s; judged before an earlier one of their subject: {found.disordered}"
    )
    return verdict([*of_signals(found), *of_changes(judge, one.receiver.keys)])


def blindness(judged: Sequence[tuple[float, float]], killed: Sequence[tuple[float, str]]) -> str:
    """The longest time without judging, by what had been killed last."""
    longest: dict[str, float] = {}
    for (_, earlier_s), (_, later_s) in pairwise(judged):
        before = [what for at_s, what in killed if at_s <= earlier_s + GROUPS_S]
        if before:
            longest[before[-1]] = max(longest.get(before[-1], 0.0), later_s - earlier_s)
    return ", ".join(f"{what} {seconds:.1f} s" for what, seconds in longest.items())


def of_signals(found: Compared) -> list[tuple[str, object, bool]]:
    return [
        ("signals lost after acknowledgement", found.lost, not found.lost),
        ("signals of the agent's log that were never judged", found.unsent, not found.unsent),
        ("signals judged twice", found.twice, not found.twice),
    ]


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
