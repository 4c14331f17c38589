"""Signals that nobody should send: any value, any attribute of any type, any time, any order. Seeded."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.signals import Signal, SignalKind, Subject
from monitor.signals.kinds import KINDS
from tests.monitor.correlator.storm import START

FIGURES: tuple[Any, ...] = (
    0, 1, -1, 0.5, 2.5, -0.5, 1e-300, 1e9, -1e9, 1e30, 1e89, 2**255, 1e308, -1e308, 10**400, float("nan"), float("inf"),
    float("-inf"), True, False, None, "", "nan", "7", "x" * 40_000, b"raw", [1], {"a": 1}, (2,), 3 + 4j,
)  # fmt: skip
WORDS = (
    "ok", "timeout", "crossed", "hollow", "venue", "liquidation", "fragility", "paused", "unpaused", "initialized", "delay",
    "log", "state", "long", "short", "latest_per_second", "USDT", "e1", "e2", "0x" + "11" * 20, "matching halted", "ended",
)  # fmt: skip
TIMES = (
    datetime(1, 1, 1, tzinfo=UTC), datetime(1971, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    START.replace(tzinfo=None),
)  # fmt: skip
NAMES = (None, "BTC", "ETH", "", "a:b", "☃", "A" * 500)
VENUES = (None, "alpha", "beta", "gamma", "target:rpc", "")
SOURCES = ("alpha/book_ws", "beta/liquidation", "ethereum/chain", "clock", "gamma/server_time", "alpha/status", "")


def figure(chance: random.Random) -> Any:
    """A value that is fitting, fitting nearly, or absurd."""
    pick = chance.random()
    if pick < 0.4:
        return chance.choice((1.0, 0.5, 0.0, 10.0, 3.0)) * chance.random()
    return chance.choice(FIGURES)


def hostile(chance: random.Random, second: float, seq: int) -> Signal:
    """One signal; half of them have a value that fits, so that its attributes are looked at."""
    kind = chance.choice(list(SignalKind))
    attributes: dict[Any, Any] = {
        name: chance.choice(WORDS) if chance.random() < 0.5 else figure(chance)
        for name in KINDS[kind].attributes
        if chance.random() < 0.8
    }
    for name in ("retracts", "event_id", "junk", "ordered_at", 7)[: chance.randrange(6)]:
        if chance.random() < 0.1:
            attributes[name] = figure(chance)
    subject = Subject(
        chance.choice(NAMES), chance.choice(VENUES), chance.choice((None, "BTC-PERP", "X")), chance.choice((None, "ethereum")),
        chance.choice((None, "0x" + "11" * 20)), chance.choice((None, "0x" + "44" * 20)), chance.choice((None, "home", "away")),
    )  # fmt: skip
    value: Any = chance.random() if chance.random() < 0.6 else figure(chance)
    event = START + timedelta(seconds=second - chance.choice((0, 0, 0, 1, 500, 1e6, -1e6)))
    received = START + timedelta(seconds=second - chance.choice((0, 0, 0, 0, 1, 5, 4000)))
    if chance.random() < 0.02:
        received = chance.choice(TIMES)
    if chance.random() < 0.02:
        event = chance.choice(TIMES)
    source: Any = chance.choice(SOURCES)
    return Signal(kind, subject, event, received, source, seq, value, attributes)
