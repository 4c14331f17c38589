"""Compares what ccxt and our readers say of the same simulated venues: `python -m tests.ccxt_reads` (needs `make .peers/.ready`).

ccxt's classes are written by others from the same pages: where both read one value, the simulated dialect speaks as the venue
does. Best bid and ask, open interest and funding of each venue; the exit code is 1 if any differs. Loopback only.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any

from monitor.drill.scenario import DIALECTS, Expect, Scenario, Stage
from monitor.drill.world import weather
from monitor.drill.world.world import World
from probes import venues
from probes.prober import ProberSettings, probe_once
from probes.readings import BookMeasured, Funding, InstrumentsListed, Market, OpenInterest, Reading

PEER = Path(".peers/ccxt/bin/python")
SCRIPT = Path(__file__).parent / "bench" / "ccxt_peer.py"
ASSET = "RIFT"
CLOSE = 1e-6
"""Relative; prices, interest and funding are the same numbers but for their last digits."""
WALKED_S = 60.0
"""How long the price walks between two venues, and how long each settles."""
PATIENCE_S = 300.0
Row = tuple[str, str, object, object, bool]
"""Venue, what, ours, ccxt's, and whether they are the same."""


def standing() -> World:
    """A world whose market stands still, so that all read one and the same book. Each venue has values of its own."""
    names = DIALECTS.names()
    stages = tuple(
        Stage(
            at_s=0, title=name, venues=(name,), funding_rate=0.0001 * place, open_interest_factor=1 + place / 10,
            spread_bps=2.0 * place,
        )
        for place, name in enumerate(names, 1)
    )  # fmt: skip
    scenario = Scenario(
        name="standing", title="a market that stands still", length_s=60, seed=5, asset=ASSET, price=2.5,
        expect=Expect(level="calm"), venues=names, stages=stages,
    )  # fmt: skip
    world = World(scenario, "")
    for name, venue in world.market.venues.items():
        world.market.walk(WALKED_S)
        world.market.step(venue, weather.at(scenario, name, 0.0), time(), WALKED_S)
    world.begin()
    return world


async def ours(venue: str, hosts: Mapping[str, str]) -> dict[str, Any]:
    """What our readers say of a venue over REST."""
    settings = ProberSettings(assets=[ASSET], hosts=hosts)
    return figures(await probe_once(venues.declared(venue), None, settings))


def figures(readings: Sequence[Reading]) -> dict[str, Any]:
    """The readings by the names that the peer uses. A book's best prices come from its middle and spread."""
    listed = [each for one in readings if isinstance(one, InstrumentsListed) for each in one.instruments]
    asset = {one.symbol: one for one in listed if one.base == ASSET}
    found: dict[str, Any] = {}
    for one in readings:
        if getattr(one, "instrument", None) not in asset:
            continue
        if isinstance(one, BookMeasured) and one.mid is not None and one.spread_bps is not None:
            name = "book_spot" if asset[one.instrument].market is Market.SPOT else "book"
            half = one.mid * one.spread_bps / 2e4
            found[name] = [one.mid - half, one.mid + half]
        elif isinstance(one, OpenInterest) and one.base is not None:
            found["interest"] = float(one.base)
        elif isinstance(one, Funding):
            found["funding"] = one.rate
    return found


async def theirs(hosts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """What ccxt says of each venue."""
    process = await asyncio.create_subprocess_exec(str(PEER), str(SCRIPT), stdin=PIPE, stdout=PIPE)
    asked = {venue: {"hosts": one, "asset": ASSET} for venue, one in hosts.items()}
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate(json.dumps(asked).encode())
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["venue"]: line["reads"] for line in lines}


def same(one: object, other: object) -> bool:
    """Whether two values are the same number, or the same numbers."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return False
    return abs(one - other) <= CLOSE * max(abs(one), abs(other))


async def compared() -> list[Row]:
    """One row for each value that ccxt was asked for."""
    world = standing()
    try:
        hosts = (await world.start())["hosts"]
        read = await theirs(hosts)
        rows: list[Row] = []
        for venue in hosts:
            own = await ours(venue, hosts[venue])
            given = {name: value for name, value in read.get(venue, {}).items() if name != "markets"}
            rows += [(venue, name, own.get(name), value, same(own.get(name), value)) for name, value in given.items()]
            rows += [(venue, "markets", None, read.get(venue, {}).get("markets"), False)] if not given else []
        return rows
    finally:
        await world.stop()


def text(value: object) -> str:
    """A value, short."""
    if isinstance(value, list):
        return " / ".join(map(text, value))
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)


def main() -> int:
    """Print the table. Returns 1 if anything differs, 2 without ccxt."""
    if not PEER.exists():
        print("ccxt is not here: make .peers/.ready", file=sys.stderr)
        return 2
    rows = asyncio.run(compared())
    for venue, name, own, other, good in rows:
        print(f"{venue:<16}{name:<11}{text(own):<24}{text(other):<24}{'same' if good else 'DIFFERS'}")
    whole = {venue for venue, *_ in rows} - {venue for venue, *_, good in rows if not good}
    print(f"{sum(good for *_, good in rows)} of {len(rows)} values are the same; {len(whole)} venues in everything")
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
