"""Signals a second through the correlator with 500 assets and 5,000 streams, its memory over millions of signals, beside bytewax.

A stream is one instrument at one venue. The time of making the signals does not count. The peer counts and sums the same events
by asset in windows of one second of their own time: the least that any judgement of seconds needs.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path
from time import process_time

from monitor.correlator import Correlator
from monitor.signals import Scalar, Signal, SignalKind, Subject
from tests.bench.figures import Figure

ASSETS, VENUES = 500, 10
BUSY_PER_S = 12
"""Signals of a stream in each second: 60,000 in all."""
WARM_S = 6
"""Signals wait three seconds for late ones."""
MIN_PER_S = 60_000
MEMORY_SIGNALS = 1_000_000
MAX_GROWN_MB = 50.0
PEER = "bytewax: count and sum by asset in windows of a second"
PEER_PYTHON = Path(".peers/bytewax/bin/python")
SIMULATED = "the signals: liquidations, prices, books and open interest of 500 assets at ten venues"
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KINDS = (SignalKind.LIQUIDATION,) * 7 + (SignalKind.MARK_PRICE, SignalKind.BOOK, SignalKind.OPEN_INTEREST)
STREAM_OF = {
    SignalKind.LIQUIDATION: "liquidation",
    SignalKind.MARK_PRICE: "mark_price",
    SignalKind.BOOK: "book_ws",
    SignalKind.OPEN_INTEREST: "open_interest",
}


class Market:
    """Makes the signals of each second, seeded: seven of ten are liquidations, the others prices, books and open interest."""

    def __init__(self, per_s: int, seed: int = 7) -> None:
        self._per_s = per_s
        self._chance = random.Random(seed)
        self._seq = 0
        self._subjects = [
            Subject(asset=f"A{asset:03}", venue=f"venue{venue}", instrument=f"A{asset:03}-PERP")
            for venue in range(VENUES)
            for asset in range(ASSETS)
        ]

    def expectations(self) -> Iterator[Signal]:
        """What each source should send."""
        for subject in self._subjects:
            for stream, leg in (("liquidation", "liquidation"), ("book_ws", "venue"), ("server_time", "venue")):
                said: dict[str, Scalar] = {"leg": leg, "weight": 1.0, "class": "ws"}
                yield self._signal(SignalKind.EXPECT, f"{subject.venue}/{stream}", START, 5.0, subject, said)

    def second(self, second: int) -> list[Signal]:
        """The signals of one second in order of time."""
        chance, made = self._chance, []
        for _ in range(self._per_s * len(self._subjects)):
            subject, kind = chance.choice(self._subjects), chance.choice(KINDS)
            at = START + timedelta(seconds=second + 0.99 * chance.random())
            value, said = self._facts(kind)
            made.append(self._signal(kind, f"{subject.venue}/{STREAM_OF[kind]}", at, value, subject, said))
        for venue in range(VENUES):
            answer: dict[str, Scalar] = {"check": "server_time", "outcome": "ok", "ours": False, "service_s": 0.05}
            at = START + timedelta(seconds=second + 0.5)
            subject = Subject(venue=f"venue{venue}", vantage="home")
            made.append(self._signal(SignalKind.REQUEST, f"venue{venue}/server_time", at, 0.05, subject, answer))
        made.append(
            self._signal(SignalKind.TICK, "clock", START + timedelta(seconds=second + 0.995), 0.0, Subject(), {})
        )
        return sorted(made, key=lambda one: one.received_at)

    def _facts(self, kind: SignalKind) -> tuple[float, dict[str, Scalar]]:
        size = exp(self._chance.gauss(0, 1))
        if kind is SignalKind.LIQUIDATION:
            return 1e4 * size, {
                "side": "long", "price": 50_000.0, "quantity": 0.2, "censoring": "complete", "backlog": False,
            }  # fmt: skip
        if kind is SignalKind.BOOK:
            return 1.0, {
                "state": "ok", "mid": 50_000.0, "origin": "ws", "quote": "USDT", "bid_depth_50_usd": 1e6 * size,
                "ask_depth_50_usd": 1e6, "bid_depth_200_usd": 3e6 * size, "ask_depth_200_usd": 3e6,
            }  # fmt: skip
        if kind is SignalKind.MARK_PRICE:
            return 50_000.0 + size, {"index": 50_000.0, "quote": "USDT"}
        return 1e9 + size, {"base": 20_000.0 + size}

    def _signal(
        self, kind: SignalKind, source: str, at: datetime, value: float, subject: Subject, said: dict[str, Scalar]
    ) -> Signal:  # fmt: skip
        self._seq += 1
        return Signal(kind, subject, at, at, source, self._seq, value, said)


class _Run:
    """A correlator with all its streams declared, and the market that it hears."""

    def __init__(self, per_s: int) -> None:
        self.correlator, self._market, self._second = Correlator(), Market(per_s), 0
        for one in self._market.expectations():
            self.correlator.on_signal(one)

    def seconds(self, count: int, keep: list[Signal] | None = None) -> tuple[float, int]:
        """CPU seconds of the correlator in so many seconds of the market, and their signals; `keep` takes these, too."""
        spent, signals = 0.0, 0
        for _ in range(count):
            made = self._market.second(self._second)
            self._second += 1
            gc.collect()
            began = process_time()
            for one in made:
                self.correlator.on_signal(one)
            spent += process_time() - began
            signals += len(made)
            if keep is not None:
                keep += made
        return spent, signals


def bench() -> list[Figure]:
    """Five and twelve signals of each stream in a second, memory, and bytewax."""
    figures = [_rate(5, 12)]
    run, kept = _Run(BUSY_PER_S), list[Signal]()
    run.seconds(WARM_S)
    spent, count = run.seconds(6, kept)
    figures.append(_figure(BUSY_PER_S, count / spent, count, _peer_per_s(kept)))
    kept.clear()
    before_mb, more = _rss_mb(), 0
    while more < MEMORY_SIGNALS:
        more += run.seconds(1)[1]
    grown = _rss_mb() - before_mb
    note = f"{before_mb:.0f} MB before; what grows are pasts of fixed length that fill"
    figures.append(
        Figure(
            name=f"many streams: memory over {more:,} further signals", value=grown, unit="MB more", most=MAX_GROWN_MB,
            simulated=SIMULATED, note=note,
        )
    )  # fmt: skip
    return figures


def _rate(per_s: int, seconds: int) -> Figure:
    run = _Run(per_s)
    run.seconds(WARM_S)
    spent, count = run.seconds(seconds)
    return _figure(per_s, count / spent, count, None)


def _figure(per_s: int, value: float, count: int, peer: float | None) -> Figure:
    return Figure(
        name=f"many streams: {ASSETS} assets, {ASSETS * VENUES:,} streams, {per_s} signals/s each", value=value,
        unit="signals/s", least=MIN_PER_S, peer=PEER if peer is not None else "", peer_value=peer, simulated=SIMULATED,
        note=f"CPU time of {count:,} signals of a market that is in a surge everywhere",
    )  # fmt: skip


def _peer_per_s(signals: list[Signal]) -> float | None:
    if not PEER_PYTHON.exists():
        return None
    events = [(one.subject.asset or "", one.received_at.timestamp(), one.value) for one in signals]
    spent_s = subprocess.run(
        [PEER_PYTHON, "tests/bench/bytewax_peer.py"],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return len(events) / float(spent_s)


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6
