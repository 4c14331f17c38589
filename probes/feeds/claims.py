"""Keeps what was asked of one feed, topic by topic: asked, acknowledged, refused, its own first and last word, its own silence.

A word of a sibling on the same socket proves the socket and nothing else. Pure: times come in, changes and texts to send go out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from re import escape, search

from probes.readings import ClaimChanged, ClaimState, Instrument, Refusal, VenueId
from probes.readings.topics import Topic
from probes.venue import Ack, Feed, SubscriptionRefused

ACK_WAIT_S = 5.0
"""How long a venue may take to acknowledge what was asked again."""
SILENCE_FLOOR_S = 10.0
SILENCE_GAPS = 5.0
"""A channel that speaks often is silent after five times its own longest usual gap, and never before the floor."""
GAP_HALF_LIFE_S = 6 * 3600.0
WARM_WORDS = 20
WARM_S = 60.0
WARM_FLOOR_S = 3600.0
"""Before its twentieth word, and before a minute of it was heard, nobody knows a topic's usual gaps."""
RARE_WARM_S = 3600.0
RARE_FLOOR_S = 60.0
"""The same of a rare topic: its words come in bursts, so that an hour must be heard, and a minute says nothing."""
LATE_S = 5.0
"""A second that comes this late after the one before: we did not listen, and that time counts against nobody."""
MAX_REASON = 160
_OF_THE_MOMENT = frozenset({Refusal.THROTTLED, Refusal.OVERLOADED, Refusal.MAINTENANCE, Refusal.VENUE_ERROR})
"""Refusals that say nothing about a topic: to ask for parts of the request at once would make more of what is refused."""


@dataclass(slots=True)
class Claim:
    """One topic that we asked for. Times are seconds of a steady clock, None: not on this connection."""

    topic: Topic
    state: ClaimState = ClaimState.ASKED
    reason: str = ""
    asked_s: float = 0.0
    acknowledged_s: float | None = None
    refused_s: float | None = None
    first_s: float | None = None
    last_s: float | None = None
    max_gap_s: float = 0.0
    words: int = 0
    heard_s: float = 0.0
    """The time between its words, over all connections."""

    @property
    def covers(self) -> bool:
        """Whether what it is for can be seen: it speaks. Of a rare one a fresh acknowledgement counts too, though for less."""
        return self.state is ClaimState.SPEAKING or (self.topic.rare and self.state is ClaimState.ACKNOWLEDGED)

    @property
    def proved_s(self) -> float:
        """The last time at which the topic itself gave proof."""
        return max((at_s for at_s in (self.acknowledged_s, self.last_s) if at_s is not None), default=float("-inf"))

    def spoke(self, tick_s: float) -> None:
        """Take a word of the topic itself."""
        if self.last_s is None:
            self.first_s = tick_s
        else:
            gap_s = tick_s - self.last_s
            if gap_s > 0.0:
                self.max_gap_s = max(gap_s, self.max_gap_s * 0.5 ** (gap_s / GAP_HALF_LIFE_S))
                self.heard_s += gap_s
        self.last_s = tick_s
        self.words += 1

    def silent_after_s(self) -> float:
        """How long this topic may say nothing, by its own usual gaps."""
        warm_s, min_s = (RARE_WARM_S, RARE_FLOOR_S) if self.topic.rare else (WARM_S, SILENCE_FLOOR_S)
        warm = self.words >= WARM_WORDS and self.heard_s >= warm_s
        return max(min_s if warm else WARM_FLOOR_S, SILENCE_GAPS * self.max_gap_s)

    def due(self, tick_s: float, feed: Feed) -> bool:
        """Whether to ask for it again now. A rare topic that was not refused must give proof every few seconds."""
        if self.topic.rare and self.state is not ClaimState.REFUSED:
            return tick_s - max(self.asked_s, self.proved_s) >= feed.prove_s
        without = self.state in (ClaimState.ASKED, ClaimState.REFUSED, ClaimState.SILENT)
        return without and tick_s - self.asked_s >= feed.renew_s


class Claims:
    """Every claim of one feed's connection. A feed without declared topics has none, and no claim is made of it."""

    def __init__(self, venue: VenueId, feed: Feed, instruments: Sequence[Instrument]) -> None:
        self._venue = venue
        self._feed = feed
        self.all = [Claim(topic) for topic in feed.topics(instruments)]
        self._speakers = _speakers(self.all)
        self._requests: dict[str, tuple[str, ...]] = {}
        self._max_requests = 4 * len(self.all) + 1
        self._texts: deque[str] = deque(maxlen=self._max_requests)
        self._second_s: float | None = None

    def opened(self, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Begin a connection: everything is asked for anew, and nothing is known of it."""
        self._texts.clear()
        self._requests.clear()
        self._second_s = None
        changes: list[ClaimChanged] = []
        for one in self._living():
            one.asked_s = tick_s
            one.acknowledged_s = one.refused_s = one.first_s = one.last_s = None
            one.state = ClaimState.ENDED  # so that the change is said although the state was the same before
            changes += self._become(one, ClaimState.ASKED, "", now)
        self._ask([one.topic for one in self._living()], now)
        return changes

    def texts(self, most: int | None = None) -> list[str]:
        """The texts to send now, at most so many (None: as many as the feed may send a second); the others follow."""
        count = min(self._feed.asks_per_s if most is None else most, len(self._texts))
        return [self._texts.popleft() for _ in range(count)]

    def acknowledged(self, ack: Ack, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Take a confirmation, by the topics it names or by the request it answers."""
        names = ack.names or (() if ack.complete else self._requests.get(ack.request, ()))
        named = self._named(names)
        changes: list[ClaimChanged] = []
        for one in named:
            one.acknowledged_s = tick_s
            if one.state in (ClaimState.ASKED, ClaimState.REFUSED, ClaimState.SILENT):
                changes += self._become(one, ClaimState.ACKNOWLEDGED, "", now)
        if ack.complete:
            asked = self._named(self._requests.get(ack.request, ())) if ack.request else self._living() if named else ()
            for one in asked:
                if one not in named and one.state is not ClaimState.SPEAKING:
                    changes += self._refuse(one, "not among the subscriptions that the venue lists", now, tick_s)
        return changes

    def heard(self, name: str, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Take a frame of this topic's own channel in which nothing was for us: the channel lives."""
        changes: list[ClaimChanged] = []
        for one in self._named((name,)):
            one.spoke(tick_s)
            changes += self._become(one, ClaimState.SPEAKING, "", now)
        return changes

    def refused(self, word: SubscriptionRefused, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Take a refusal: name its topics, and ask again for the others of the same request.

        Where nobody says which topic it was, each half of the request is asked for alone, unless the venue is overloaded
        now; of an unknown request, whatever has neither been acknowledged nor spoken is refused.
        """
        reason = f"{word.kind}: {word.detail}"
        asked = [one for one in self._named(self._requests.get(word.request, ())) if one.acknowledged_s is None]
        bad = list(self._named(word.names)) or [
            one for one in asked or self._living() if _is_named(one.topic, word.detail)
        ]
        if not bad and len(asked) > 1 and word.kind not in _OF_THE_MOMENT:
            topics, middle = [one.topic for one in asked], len(asked) // 2
            self._ask(topics[:middle], now)
            self._ask(topics[middle:], now)
            return []
        if not bad:
            bad = asked or [
                one for one in self._living() if one.state is ClaimState.ASKED and one.acknowledged_s is None
            ]
        self._ask([one.topic for one in asked if one not in bad], now)
        return [change for one in bad for change in self._refuse(one, reason, now, tick_s)]

    def spoke(self, message: object, now: datetime, tick_s: float) -> list[ClaimChanged]:
        """Take an admitted message as a word of the topics that send such messages of its instrument."""
        changes: list[ClaimChanged] = []
        for one in self._of(type(message), getattr(message, "instrument", None)):
            if one.state is ClaimState.SPEAKING:
                one.spoke(tick_s)
            elif one.state is not ClaimState.ENDED:
                one.spoke(tick_s)
                changes += self._become(one, ClaimState.SPEAKING, "", now)
        return changes

    def malformed(self, message: object, reason: str, now: datetime) -> list[ClaimChanged]:
        """Take a message that was not admitted: a rare topic that says what cannot be believed has gone silent."""
        instrument = getattr(message, "instrument", None)
        return [
            change
            for one in self._of(type(message), instrument)
            if one.topic.rare and one.covers
            for change in self._become(one, ClaimState.SILENT, f"what it says is malformed: {reason}", now)
        ]

    def second(self, now: datetime, tick_s: float, listed: Mapping[str, Instrument]) -> list[ClaimChanged]:
        """The changes of the last second: silence, old acknowledgements, contracts that ended. Asks again for what is due."""
        late_s = 0.0 if self._second_s is None else tick_s - self._second_s
        self._second_s = tick_s
        changes: list[ClaimChanged] = []
        due: list[Topic] = []
        for one in self._living():
            known = listed.get(one.topic.instrument or "")
            if known is not None and not known.trading:
                changes += self._become(one, ClaimState.ENDED, "the venue does not list it as trading", now)
                continue
            if late_s > LATE_S:
                one.asked_s += late_s
                one.last_s = None if one.last_s is None else one.last_s + late_s
            changes += self._silence(one, now, tick_s)
            if one.due(tick_s, self._feed) and not (
                one.topic.rare and len(self._texts) + len(due) >= self._feed.asks_per_s
            ):
                one.asked_s = tick_s
                due.append(one.topic)
        for batch in [[one] for one in due] if self._feed.renew_alone else [due]:
            self._ask(batch, now)
        return changes

    def _silence(self, one: Claim, now: datetime, tick_s: float) -> list[ClaimChanged]:
        if one.topic.rare and one.covers and one.proved_s < one.asked_s and tick_s - one.asked_s >= ACK_WAIT_S:
            reason = f"mute, and not acknowledged when it was asked for again {tick_s - one.asked_s:.0f} s ago"
            return self._become(one, ClaimState.SILENT, reason, now)
        if one.state is not ClaimState.SPEAKING or one.last_s is None:
            return []
        quiet_s = tick_s - one.last_s
        if quiet_s < one.silent_after_s():
            return []
        reason = f"nothing for {quiet_s:.0f} s, its longest usual gap is {one.max_gap_s:.1f} s"
        confirmed = one.topic.rare and one.acknowledged_s is not None
        return self._become(one, ClaimState.ACKNOWLEDGED if confirmed else ClaimState.SILENT, reason, now)

    def _living(self) -> Iterable[Claim]:
        return [one for one in self.all if one.state is not ClaimState.ENDED]

    def _named(self, names: Iterable[str]) -> list[Claim]:
        """The claims of topics, by name or by channel (all of that channel)."""
        wanted = frozenset(names)
        return (
            [one for one in self._living() if one.topic.name in wanted or one.topic.channel in wanted] if wanted else []
        )

    def _of(self, kind: type, instrument: str | None) -> Sequence[Claim]:
        """The claims whose topics send such messages of an instrument: one look for a frame of a channel of our own."""
        speakers = self._speakers.get((kind, instrument))
        return self._speakers.get((kind, None), ()) if speakers is None else speakers

    def _ask(self, topics: Sequence[Topic], now: datetime) -> None:
        for request in self._feed.ask(topics, now) if topics else ():
            self._requests.pop(request.id, None)
            self._requests[request.id] = request.topics
            self._texts.append(request.text)
        while len(self._requests) > self._max_requests:
            del self._requests[next(iter(self._requests))]

    def _refuse(self, one: Claim, reason: str, now: datetime, tick_s: float) -> list[ClaimChanged]:
        one.refused_s, one.acknowledged_s = tick_s, None
        return self._become(one, ClaimState.REFUSED, reason, now)

    def _become(self, one: Claim, state: ClaimState, reason: str, now: datetime) -> list[ClaimChanged]:
        if one.state is state:
            return []
        one.state, one.reason = state, reason[:MAX_REASON]
        return [
            ClaimChanged(
                venue=self._venue, feed=self._feed.name, channel=one.topic.channel, instrument=one.topic.instrument,
                received_at=now, state=state, reason=one.reason, main=one.topic.main, covers=one.covers,
            )
        ]  # fmt: skip


def _speakers(claims: Iterable[Claim]) -> Mapping[tuple[type, str | None], Sequence[Claim]]:
    """The claims by what their topics send: those of an instrument with those of all at once, which are its own too."""
    found: dict[tuple[type, str | None], list[Claim]] = {}
    for one in claims:
        for kind in one.topic.speaks:
            found.setdefault((kind, one.topic.instrument), []).append(one)
    return {
        (kind, instrument): own if instrument is None else [*own, *found.get((kind, None), ())]
        for (kind, instrument), own in found.items()
    }


def _is_named(topic: Topic, detail: str) -> bool:
    """Whether a refusal's words name this topic, or the symbol that it is of."""
    symbol = (topic.instrument or "").removeprefix("spot:")
    return any(one and search(rf"(?<![\w-]){escape(one)}(?![\w-])", detail) for one in (topic.name, symbol))
