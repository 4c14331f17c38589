"""Builds logs of signals from stories: a quiet background with stages on top. Exact to the second and seeded.

A story has one asset, its venues, one network and the neutral controls. `signals()` returns the log in arrival order, as
the daemon would write it: expectations first, then every second's readings, then the tick.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.incidents import IncidentChange, Verdict
from monitor.signals import Scalar, Signal, SignalKind, Subject

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NETWORK = "ethereum"
PROXY = "0x00000000000000000000000000000000000000aa"
POOL = "0x00000000000000000000000000000000000000bb"
TIMEOUT_S = 5.0

DRILL = CorrelatorSettings(
    warm_s=15,
    background_half_life_s=60,
    level_long_s=120,
    leave_after_s=10,
    enter_ticks=2,
    lower_ticks=5,
    local_cooldown_s=10,
    liquidation_half_life_s=20,
    venue_half_life_s=20,
    book_half_life_s=20,
    liquidity_half_life_s=30,
    upgrade_half_life_s=30,
    networks={"home": "north", "away": "south"},
)
"""The drill's settings: the rules, thresholds and probabilities are the live ones; only the half-lives are short."""


@dataclass(frozen=True, slots=True)
class Stage:
    """From `since_s` to before `until_s`, seconds of the story."""

    since_s: float
    until_s: float

    def on(self, at_s: float) -> bool:
        return self.since_s <= at_s < self.until_s


@dataclass(slots=True)
class Story:
    """Build with the stage methods, then `signals()`."""

    lasts_s: int
    seed: int = 7
    asset: str = "BTC"
    venues: tuple[str, ...] = ("alpha", "beta", "gamma", "delta")
    controls: tuple[str, ...] = ("anycast_1", "anycast_2", "anycast_3")
    vantages: tuple[str, ...] = ("home",)
    calm_per_s: float = 0.05
    check_every_s: int = 1
    censoring: str = "complete"
    surges: list[tuple[Stage, float]] = field(default_factory=list)
    troubles: list[tuple[Stage, str, str]] = field(default_factory=list)
    mutes: list[tuple[Stage, str]] = field(default_factory=list)
    dark: list[Stage] = field(default_factory=list)
    placed: list[tuple[float, SignalKind, float, dict[str, Scalar]]] = field(default_factory=list)
    extra: list[Signal] = field(default_factory=list)

    def surge(self, since_s: float, until_s: float, per_s: float = 8.0) -> Story:
        """Forced orders at `per_s` on every venue."""
        self.surges.append((Stage(since_s, until_s), per_s))
        return self

    def trouble(self, since_s: float, until_s: float, *venues: str, outcome: str = "timeout") -> Story:
        """Requests to these venues (all, if none is named) fail with `outcome`."""
        self.troubles += [(Stage(since_s, until_s), venue, outcome) for venue in venues or self.venues]
        return self

    def upgrade(self, at_s: float, event_id: str = "upgrade-1", *, queued: bool | None = False) -> Story:
        """A contract of the asset gets new code; `queued` False: around its timelock."""
        attributes: dict[str, Scalar] = {
            "event_id": event_id, "block": 1, "transaction": "0x01", "proxy_kind": "eip1967", "role": "implementation",
            "old": "0x0a", "new": "0x0b", "seen_by": "log", "operation": None, "queued": queued,
        }  # fmt: skip
        self.placed.append((at_s, SignalKind.UPGRADE, 1.0, attributes))
        return self

    def migrate(self, at_s: float, share: float = 0.8) -> Story:
        """Liquidity leaves the pool for another one."""
        attributes: dict[str, Scalar] = {
            "event_id": f"migration-{at_s}", "block": 2, "transaction": "0x02", "from_pool": POOL, "to_pool": "0xcc",
            "token": "0xdd", "score": 0.9,
        }  # fmt: skip
        self.placed.append((at_s, SignalKind.MIGRATION, share, attributes))
        return self

    def retract(self, at_s: float, event_id: str = "upgrade-1") -> Story:
        """A reorg undoes an event."""
        self.placed.append((at_s, SignalKind.RETRACTION, 1.0, {"retracts": event_id}))
        return self

    def mute(self, since_s: float, until_s: float, *sources: str) -> Story:
        """These sources send nothing at all."""
        self.mutes += [(Stage(since_s, until_s), source) for source in sources]
        return self

    def network_down(self, since_s: float, until_s: float) -> Story:
        """Our own network: every request times out, every feed is silent."""
        self.dark.append(Stage(since_s, until_s))
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that was declared."""
        streams = ("liquidation", "book_ws", "server_time")
        return (*(f"{venue}/{stream}" for venue in self.venues for stream in streams), f"{NETWORK}/chain")

    def signals(self) -> list[Signal]:
        """The log, in arrival order."""
        builder = _LogBuilder(self)
        builder.expectations()
        for second in range(self.lasts_s):
            builder.second(second)
        return sorted([*builder.log, *self.extra], key=lambda one: one.received_at)


def at(second: float) -> datetime:
    """The time of a second of the story."""
    return START + timedelta(seconds=second)


class _LogBuilder:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._chance = random.Random(story.seed)
        self._seq: Counter[str] = Counter()
        self.log: list[Signal] = []

    def _emit(
        self, kind: SignalKind, source: str, at_s: float, value: float, subject: Subject, attributes: dict[str, Scalar]
    ) -> None:
        story = self._story
        muted = any(stage.on(at_s) and name == source for stage, name in story.mutes)
        request = kind in (SignalKind.REQUEST, SignalKind.CONTROL, SignalKind.TICK)
        if muted or (not request and any(stage.on(at_s) for stage in story.dark)):
            return
        self._seq[source] += 1
        self.log.append(Signal(kind, subject, at(at_s), at(at_s), source, self._seq[source], value, attributes))

    def expectations(self) -> None:
        story = self._story
        for venue in story.venues:
            subject = Subject(asset=story.asset, venue=venue)
            for stream, leg, gap_s in (
                ("liquidation", "liquidation", 5.0),
                ("book_ws", "venue", 3.0),
                ("server_time", "venue", 3.0 * story.check_every_s),
            ):
                attributes: dict[str, Scalar] = {"leg": leg, "weight": 1.0, "class": "ws"}
                if leg == "liquidation":
                    attributes["censoring"] = story.censoring
                self._emit(SignalKind.EXPECT, f"{venue}/{stream}", 0.0, gap_s, subject, attributes)
        chain: dict[str, Scalar] = {"leg": "migration", "weight": 1.0, "class": "chain"}
        subject = Subject(asset=story.asset, network=NETWORK)
        self._emit(SignalKind.EXPECT, f"{NETWORK}/chain", 0.0, 6.0, subject, chain)

    def second(self, second: int) -> None:
        story = self._story
        for index, venue in enumerate(story.venues):
            self._venue(venue, second, index / 100)
        if second % story.check_every_s == 0:
            for target in story.controls:
                self._control(target, second)
        if second % 2 == 0:
            head: dict[str, Scalar] = {"lag_s": 1.0, "node": "n1"}
            self._emit(SignalKind.HEAD, f"{NETWORK}/chain", second + 0.3, second, Subject(network=NETWORK), head)
        for at_s, kind, value, attributes in story.placed:
            if int(at_s) == second:
                pool = POOL if kind is SignalKind.MIGRATION else None
                contract = None if pool else PROXY
                subject = Subject(asset=story.asset, network=NETWORK, contract=contract, pool=pool)
                self._emit(kind, f"{NETWORK}/chain", at_s + 0.4, value, subject, attributes)
        self._emit(SignalKind.TICK, "clock", second + 0.95, 0.0, Subject(), {})

    def _venue(self, venue: str, second: int, shift: float) -> None:
        story, chance = self._story, self._chance
        subject = Subject(asset=story.asset, venue=venue, instrument=f"{story.asset}-PERP")
        depth = 1e6 * exp(chance.gauss(0, 0.1))
        book: dict[str, Scalar] = {
            "state": "ok", "mid": 50_000.0, "origin": "ws", "bid_depth_50_usd": depth, "ask_depth_50_usd": depth,
            "bid_depth_200_usd": 3 * depth,
        }  # fmt: skip
        self._emit(SignalKind.BOOK, f"{venue}/book_ws", second + 0.1 + shift, 1.0, subject, book)
        if second % 2 == 0:
            pulse = Subject(venue=venue)
            self._emit(SignalKind.FEED_PULSE, f"{venue}/liquidation", second + 0.2 + shift, 1.0, pulse, {})
        per_s = sum((rate for stage, rate in story.surges if stage.on(second)), story.calm_per_s)
        for _ in range(_poisson(chance, per_s)):
            attributes: dict[str, Scalar] = {"side": "long", "censoring": story.censoring, "backlog": False}
            when = second + 0.3 + 0.6 * chance.random()
            usd = 1e4 * exp(chance.gauss(0, 1))
            self._emit(SignalKind.LIQUIDATION, f"{venue}/liquidation", when, usd, subject, attributes)
        if second % story.check_every_s == 0:
            for vantage in story.vantages:
                self._request(venue, vantage, second + 0.5 + shift)

    def _request(self, venue: str, vantage: str, at_s: float) -> None:
        story = self._story
        latency_s = 0.05 * exp(self._chance.gauss(0, 0.2))
        outcome = next((how for stage, name, how in story.troubles if name == venue and stage.on(at_s)), "ok")
        if any(stage.on(at_s) for stage in story.dark):
            outcome = "timeout"
        if outcome == "timeout":
            latency_s = TIMEOUT_S
        attributes: dict[str, Scalar] = {
            "check": "server_time", "outcome": outcome, "ours": False, "censored": outcome == "timeout", "cold": False,
            "service_s": latency_s,
        }  # fmt: skip
        subject = Subject(venue=venue, vantage=vantage)
        self._emit(SignalKind.REQUEST, f"{venue}/server_time", at_s, latency_s, subject, attributes)

    def _control(self, target: str, second: int) -> None:
        dark = any(stage.on(second) for stage in self._story.dark)
        for vantage in self._story.vantages:
            attributes: dict[str, Scalar] = {"target": target, "outcome": "timeout" if dark else "ok"}
            value = TIMEOUT_S if dark else 0.02
            self._emit(
                SignalKind.CONTROL, f"control/{target}", second + 0.6, value, Subject(vantage=vantage), attributes
            )


def _poisson(chance: random.Random, mean: float) -> int:
    count, product, least = 0, chance.random(), exp(-mean)
    while product > least:
        count += 1
        product *= chance.random()
    return count


@dataclass(slots=True)
class Outcome:
    """The result of a log. `verdicts` holds one asset's verdicts by second of the story."""

    correlator: Correlator
    changes: list[IncidentChange]
    verdicts: dict[int, Verdict]

    def of(self, scope: str = "asset:BTC") -> list[IncidentChange]:
        """One scope's incident changes."""
        return [one for one in self.changes if one.scope == scope]

    def when(self, change: IncidentChange) -> float:
        """A change's second of the story."""
        return (change.at - START).total_seconds()


def run_log(log: Iterable[Signal], settings: CorrelatorSettings | None = None, asset: str = "BTC") -> Outcome:
    """Run a log through a fresh correlator."""
    correlator = Correlator(settings)
    outcome = Outcome(correlator, [], {})
    for signal in log:
        outcome.changes += correlator.on_signal(signal)
        verdict = correlator.verdicts().get(asset)
        if verdict is not None:
            outcome.verdicts[int((verdict.at - START).total_seconds())] = verdict
    outcome.changes += correlator.finish()
    verdict = correlator.verdicts().get(asset)
    if verdict is not None:
        outcome.verdicts[int((verdict.at - START).total_seconds())] = verdict
    return outcome
