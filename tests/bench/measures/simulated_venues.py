"""Counts the values of simulated venues that ccxt, in an environment of its own, reads as our readers do."""

from __future__ import annotations

import asyncio

from tests.bench.figures import Figure
from tests.ccxt_reads import PEER, compared

SIMULATED = "the venues (monitor/drill/world), with a market that stands still"


def bench() -> list[Figure]:
    """One figure: best prices, open interest and funding of every venue."""
    name = "simulated venues: values that ccxt reads as we do"
    if not PEER.exists():
        note = "ccxt is not installed: `make bench` puts it into .peers"
        return [Figure(name=name, value=None, unit="values", simulated=SIMULATED, note=note)]
    rows = asyncio.run(compared())
    same, venues = sum(good for *_, good in rows), len({venue for venue, *_ in rows})
    note = f"best bid and ask, open interest and funding of {venues} venues"
    return [Figure(name=name, value=same, unit="values", least=len(rows), simulated=SIMULATED, note=note)]
