"""A storm that pages under honest silence pages too where liquidation channels are refused, mute, dead or refused by halves.

The claims come from the real reader of each venue's real feed, talking to a made socket that answers as the venue documents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest

from monitor.correlator import CorrelatorSettings
from monitor.incidents import Leg, Level
from monitor.intake import Intake
from monitor.signals import Scalar, Signal, SignalKind, Subject
from probes import venues
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import Instrument, Liquidation, Market, Reading
from tests.monitor.correlator.storm import Outcome, Story, at, run_log
from tests.monitor.correlator.test_scenarios import ONSET_S, highest
from tests.probes.feeds.sockets import Behaviour, Frame, has_socket, socket_of

FEED = "liquidation"
VENUES = tuple(
    name
    for name in venues.NAMES
    if has_socket(name) and any(one.name == FEED for one in venues.declared(name).feeds)
)  # fmt: skip
ASSETS = ("BTC", "ETH")
LASTS_S = ONSET_S + 90
SPEAKS_UNTIL_S = ONSET_S - 60
SPEAKS_EVERY_S = 20
TOLD_WITHIN_S = 26


def everything(_name: str) -> bool:
    return True


@dataclass(slots=True)
class MadeFeed:
    """One venue's feed over a made socket, second by second, as the signals that the monitor gets of it."""

    venue: str
    behaviour: Behaviour
    log: list[Signal] = field(default_factory=list)
    dead: bool = False
    intake: Intake = field(init=False)
    reader: FeedReader = field(init=False)
    listed: dict[str, Instrument] = field(init=False)

    def __post_init__(self) -> None:
        declared = venues.declared(self.venue)
        feed = next(one for one in declared.feeds if one.name == FEED)
        every = [
            Instrument(symbol=symbol, base=asset, quote="USDT", market=Market.PERP, contract_size=Decimal("0.01"))
            for asset, symbol in zip(ASSETS, socket_of(self.venue).symbols, strict=True)
        ]
        self.listed = {one.symbol: one for one in every}
        self.intake = Intake(vantage="home", assets=ASSETS)
        self.intake.know(self.venue, every)
        self.reader = FeedReader(declared.id, feed, ClockOffset(), every)
        subject = Subject(asset=ASSETS[0], venue=self.venue)
        attributes: dict[str, Scalar] = {"leg": "liquidation", "weight": 1.0, "class": "ws", "censoring": "complete"}
        self.log.append(
            Signal(SignalKind.EXPECT, subject, at(0.1), at(0.1), f"{self.venue}/{FEED}", 1, 15.0, attributes)
        )
        self._put([self.reader.opened(at(1), 1.0), *self.reader.ask(at(1), 1.0)])

    def topics(self) -> list[str]:
        """The names of the topics of liquidations."""
        return [one.topic.name for one in self.reader.claims.all if one.topic.speaks == (Liquidation,)]

    def second(self, second: int, *, speaks: bool) -> None:
        """Pass a second in which its siblings speak, and the channel itself if it `speaks`."""
        now, made = at(second + 0.4), socket_of(self.venue)
        for text in self.reader.claims.texts():
            for answer in () if self.dead else made.answers(json.loads(text), self.behaviour):
                self._hear(answer, second + 0.3, now)
        ms = int(now.timestamp() * 1000)
        if not self.dead:
            for symbol in made.symbols:
                self._hear(made.sibling(symbol, ms), second + 0.4, now)
            if speaks:
                self._hear(made.liquidation(made.symbols[0], ms), second + 0.5, now)
        self._put(self.reader.second(now, second + 0.6, self.listed))

    def _hear(self, frame: Frame, tick_s: float, now: datetime) -> None:
        raw, pack = json.dumps(frame).encode(), socket_of(self.venue).pack
        self._put(self.reader.frame(raw if pack is None else pack(raw), now, tick_s, self.listed).readings)

    def _put(self, readings: list[Reading]) -> None:
        for one in readings:
            self.log += [
                signal for signal in self.intake.reading(one) if signal.kind in _OF_THE_CHANNEL
            ]  # fmt: skip


_OF_THE_CHANNEL = frozenset(
    {
        SignalKind.CLAIM, SignalKind.LIQUIDATION, SignalKind.FEED_OPENED, SignalKind.FEED_PULSE, SignalKind.FEED_SILENT,
        SignalKind.FEED_REJECTED,
    }
)  # fmt: skip


def storm(how: str) -> Outcome:
    """Two legs TRUE from `ONSET_S` on, while the liquidation channels of all venues are as `how` says."""
    story = Story(LASTS_S, venues=VENUES).trouble(ONSET_S, 9999).upgrade(ONSET_S + 20)
    story.mute(0.5, 9999, *(f"{one}/{FEED}" for one in VENUES))
    feeds = [MadeFeed(one, Behaviour()) for one in VENUES]
    for number, one in enumerate(feeds):
        names = set(one.topics())
        half = {name for name in names if len(names) > 1 or number % 2 == 0} - set(one.topics()[1:])
        if how == "refused":
            one.behaviour.refuses = names.__contains__
        elif how == "half refused":
            one.behaviour.refuses = half.__contains__
    for second in range(1, LASTS_S):
        over = second >= SPEAKS_UNTIL_S
        for one in feeds:
            if over and how == "not answered":
                one.behaviour.ignores = everything
            one.dead = over and how == "dead"
            heard = how in ("calm", "dead", "not answered") and (how == "calm" or not over)
            one.second(second, speaks=heard and second % SPEAKS_EVERY_S == 0)
    story.extra = [signal for one in feeds for signal in one.log]
    return run_log(story.signals())


def seen(outcome: Outcome, second: int) -> float:
    return next(one.coverage for one in outcome.verdicts[second].legs if one.leg is Leg.LIQUIDATION)


@pytest.mark.parametrize("how", ["refused", "acknowledged and mute", "not answered", "dead", "half refused"])
@pytest.mark.slow
def test_the_storm_pages_whatever_the_kind_of_blindness_of_the_liquidation_channels(how: str) -> None:
    outcome = storm(how)
    told_s = TOLD_WITHIN_S if how in ("not answered", "dead") else 0
    enough = CorrelatorSettings().false_coverage
    assert all(seen(outcome, second) < enough for second in range(SPEAKS_UNTIL_S + told_s, LASTS_S - 5))
    suspected = next(one for one in outcome.of() if one.level is Level.STORM_SUSPECTED)
    assert suspected.pages
    assert highest(outcome) is Level.STORM_SUSPECTED
    assert "cannot see: liquidation" in suspected.headline
    assert {one.source for one in suspected.blind} == {f"{venue}/{FEED}" for venue in VENUES}


def test_channels_that_speak_now_and_then_see_the_calm_and_the_same_two_legs_are_a_squall() -> None:
    outcome = storm("calm")
    assert seen(outcome, SPEAKS_UNTIL_S) > 0.9, "all but what a throttled feed hides"
    assert highest(outcome) is Level.SQUALL
