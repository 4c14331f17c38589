"""Takes the whole bus away for a while: nothing is lost, blindness is reported, and what was missed is judged in order."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bus.desk import CAUGHT_UP_WITHIN_S, compared, desk, machine
from tests.bus.kills import finish, logs, of_changes, of_signals, summary, verdict
from tests.nats_servers import nats_cluster

BEFORE_S = 10.0
MAX_REPORTED_S = 15.0


async def away(seconds: float, rate: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="stormwatch-bus-away-") as folder, nats_cluster(Path(folder)) as servers:
        async with desk(Path(folder), servers, rate) as one:
            await one.caught_up()
            await asyncio.sleep(BEFORE_S)
            gone_s = time.time()
            for server in servers:
                server.kill()
            print(f"{datetime.now(UTC):%H:%M:%S} all servers are gone for {seconds:.0f} s", flush=True)
            await asyncio.sleep(seconds)
            for server in servers:
                server.start()
            print(f"{datetime.now(UTC):%H:%M:%S} all servers are back", flush=True)
            caught_s = await one.caught_up(3 * CAUGHT_UP_WITHIN_S)
            await finish(one)
        agents, judge = await logs(one)
        found = compared(agents, judge)
        reported = [at_s for at_s in found.silences if at_s > gone_s]
        reported_s = min(reported) - gone_s if reported else float("inf")
        print(
            f"\nbus away {seconds:.0f} s, {rate} signals/s, {summary(agents)}, {len(judge.changes)} changes; {machine()}"
        )
        return verdict([
            *of_signals(found),
            ("signals judged before an earlier one of their subject", found.disordered, not found.disordered),
            ("blindness reported after, s", round(reported_s, 1), reported_s <= MAX_REPORTED_S),
            ("caught up after, s", round(caught_s, 1), caught_s <= CAUGHT_UP_WITHIN_S),
            *of_changes(judge, one.receiver.keys),
        ])  # fmt: skip
