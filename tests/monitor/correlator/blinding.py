"""Random logs of stress, and the same logs with some sources gone blind: seeded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.signals import Signal, SignalKind, Subject
from tests.monitor.correlator.storm import Story, at

BLIND_KINDS = (None, SignalKind.FEED_SILENT, SignalKind.FEED_CLOSED, SignalKind.FEED_REJECTED)
"""How a source goes blind: without a word, or with the word of its socket."""


@dataclass(frozen=True, slots=True)
class Blinding:
    """Which sources see nothing from when on, and how that is told."""

    since_s: dict[str, tuple[float, SignalKind | None]]

    def of(self, log: Sequence[Signal]) -> list[Signal]:
        """The log as it would have been heard."""
        heard = []
        for one in log:
            blind = self.since_s.get(one.source)
            if blind is None or one.kind is SignalKind.EXPECT or one.received_at < at(blind[0]):
                heard.append(one)
        for number, (source, (second, kind)) in enumerate(self.since_s.items()):
            if kind is not None:
                subject, attributes = Subject(venue=source.partition("/")[0]), {"planned": False}
                value = 5.0 if kind is SignalKind.FEED_SILENT else 1.0
                heard.append(Signal(kind, subject, at(second), at(second), source, 900_000 + number, value, attributes))
        return sorted(heard, key=lambda one: one.received_at)


def stressed(chance: random.Random, lasts_s: int) -> Story:
    """A log with up to three legs of stress that begin anywhere, at one to five venues."""
    venues = ("alpha", "beta", "gamma", "delta", "epsilon")[: chance.randint(1, 5)]
    story = Story(lasts_s, seed=chance.randrange(10**6), venues=venues, calm_per_s=0.1)
    story.vantages = chance.choice((("home",), ("home", "away")))
    for _ in range(chance.randint(0, 2)):
        since = chance.uniform(16, lasts_s)
        story.trouble(since, since + chance.uniform(5, 40), *chance.sample(venues, chance.randint(1, len(venues))),
                      outcome=chance.choice(("timeout", "overloaded")))  # fmt: skip
    for _ in range(chance.randint(0, 2)):
        since = chance.uniform(16, lasts_s)
        story.surge(since, since + chance.uniform(3, 20), chance.choice((1.0, 3.0)))
    if chance.random() < 0.6:
        story.upgrade(chance.uniform(5, lasts_s), queued=chance.choice((True, False, None)))
    if chance.random() < 0.4:
        story.migrate(chance.uniform(5, lasts_s), chance.choice((0.3, 0.8)))
    return story


def blinding(chance: random.Random, story: Story) -> Blinding:
    """Some of its sources go blind, for good, each at a time of its own."""
    sources = [*story.sources, *(f"control/{one}" for one in story.controls)]
    picked = chance.sample(sources, chance.randint(1, len(sources)))
    return Blinding({one: (chance.uniform(1, story.lasts_s), chance.choice(BLIND_KINDS)) for one in picked})
