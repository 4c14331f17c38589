"""Gives one made case to the product as the wire would: answers of REST, sequences of frames, bodies of targets.

A case that raises, or that gives a reading that cannot be true, raises `Fault`; what it says otherwise is its trace.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from monitor.intake.venues import draft_of
from probes.book import Book
from probes.clock_offset import ClockOffset
from probes.feeds.interpreter import FeedReader
from probes.readings import (
    BookMeasured,
    InstrumentsListed,
    Phase,
    RequestTimed,
    RowsMalformed,
    ServiceStatus,
    WalletStatus,
)
from probes.rest.interpreter import AnswerReader
from probes.rest.target import BodyCondition, Target, judge
from probes.rest.venue_state import VenueState
from probes.tape import HttpExchange
from probes.venue import BookSnapshot
from tests.fuzz.bounds import OLDEST_S, complaints
from tests.fuzz.seeds import Seeds

MOST_WAIT_S = 3 * 86_400.0
"""The longest wait that any header may demand of us: the longest documented ban."""
_FIGURES = re.compile(r"'[^']*'|[-+]?\d[\d.e+]*")


_OF_MESSAGES = (*OLDEST_S, ServiceStatus, WalletStatus, InstrumentsListed)


class Fault(Exception):
    """A promise that a case broke. `kind` is what tells faults apart: the complaint, or the error and its place."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}\n{detail}" if detail else kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a case: an answer (with status and headers), a frame, or a second that passes ("")."""

    body: bytes
    after_s: float = 0.1
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    from_rest: bool = False
    """In a case of frames: the answer of the check that its book builds on."""


@dataclass(frozen=True, slots=True)
class Case:
    """Messages for one surface of one venue: "answer", "frames" or "target".

    `subject` is the check, the feed or the number of a target's conditions; `seed` the message that it began with.
    """

    venue: str
    surface: str
    subject: str
    seed: str
    began_at: datetime
    parts: tuple[Part, ...]


@dataclass(slots=True)
class Trace:
    """What a case said, in few words of a closed form: the signal of guidance."""

    words: set[str] = field(default_factory=set)
    readings: int = 0
    admitted: int = 0
    """Readings of the market or the venue's own state, which only an admitted message gives."""

    def say(self, reading: Any) -> None:
        """Take a reading."""
        self.readings += 1
        self.admitted += isinstance(reading, _OF_MESSAGES)
        words = [type(reading).__name__]
        words += [str(getattr(reading, name, "")) for name in ("refusal", "state", "event", "reason", "side")]
        if isinstance(reading, RequestTimed | RowsMalformed):
            text = reading.detail if isinstance(reading, RequestTimed) else reading.path
            words.append(_FIGURES.sub("#", text[:120]))
        self.words.add(" ".join(words))


def run(case: Case, seeds: Seeds | None) -> Trace:
    """Give a case to the product. Raises Fault."""
    trace = Trace()
    try:
        if case.surface == "target":
            _target(case, trace)
        elif seeds is not None:
            (_answers if case.surface == "answer" else _frames)(case, seeds, trace)
    except Fault:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.name}"
        raise Fault(f"{type(error).__name__} in {place}", str(error)[:300]) from error
    return trace


def _judged(reading: Any, trace: Trace, moments: Sequence[datetime] = ()) -> None:
    """Hold a reading, and the signal that is made of it, against the bounds."""
    for complaint in complaints(reading, moments=moments):
        raise Fault(_FIGURES.sub("#", complaint), repr(reading)[:600])
    draft = draft_of(reading)
    if draft is not None and not isfinite(draft.value):
        raise Fault(f"a signal of {type(reading).__name__} without a finite value", repr(reading)[:600])
    trace.say(reading)


def _answers(case: Case, seeds: Seeds, trace: Trace) -> None:
    seed = next(one for one in seeds.answers if one.title == case.seed)
    assert seed.check is not None, "a seed of an answer has a check"
    state = VenueState(seeds.venue)
    state.instruments.update(seeds.instruments)
    reader, now = AnswerReader(state), case.began_at
    call = seed.check.call(seed.instrument)
    for part in case.parts:
        readings, snapshot = reader.read(seed.check, seed.instrument, now, _exchange(part, now))
        if not readings or not isinstance(readings[0], RequestTimed):
            raise Fault("an exchange without its RequestTimed")
        if sum(isinstance(one, RequestTimed) for one in readings) != 1:
            raise Fault("an exchange with more than one RequestTimed")
        if snapshot is not None:
            readings = [*readings, _measured(snapshot, seeds, now)]
        for one in readings:
            _judged(one, trace)
        wait_s = state.budgets.wait_left_s(now.timestamp(), call)
        if not 0 <= wait_s <= MOST_WAIT_S:
            raise Fault("a wait without bound", f"{wait_s} s")
        trace.words.add(f"wait {wait_s > 0} {wait_s > 900}")
        now += timedelta(seconds=part.after_s)


def _exchange(part: Part, now: datetime) -> HttpExchange:
    phases = tuple(Phase(name=name, started_at=now, duration_s=0.01) for name in ("send", "wait", "receive"))
    return HttpExchange(
        sent_at=now - timedelta(seconds=0.03), received_at=now, phases=phases, cold=False, status=part.status,
        headers=dict(part.headers), body=part.body, refusal=None, detail="",
    )  # fmt: skip


def _measured(snapshot: BookSnapshot, seeds: Seeds, now: datetime) -> BookMeasured:
    book = Book(seeds.venue.id, snapshot.instrument)
    book.snapshot(snapshot, now.timestamp(), from_rest=True)
    return book.measure(now, now.timestamp(), "rest")


def _frames(case: Case, seeds: Seeds, trace: Trace) -> None:
    feed = seeds.feed(case.subject)
    watched = seeds.watched(feed)
    reader = FeedReader(seeds.venue.id, feed, ClockOffset(), watched)
    base = next((one for one in seeds.venue.checks if one.name == feed.book_base), None)
    answers = AnswerReader(VenueState(seeds.venue, dict(seeds.instruments)))
    now, tick_s, moments = case.began_at, 1000.0, [case.began_at]
    readings: list[Any] = []
    reader.opened(now, tick_s)
    reader.ask(now, tick_s)
    for part in case.parts:
        now, tick_s = now + timedelta(seconds=part.after_s), tick_s + part.after_s
        if part.from_rest and base is not None and watched:
            said, snapshot = answers.read(base, watched[0], now, _exchange(part, now))
            readings += said
            readings += reader.rest_snapshot(snapshot, watched[0].symbol, now)
        elif part.body:
            result = reader.frame(part.body, now, tick_s, seeds.instruments)
            readings += result.readings
            for text in (*result.replies, result.shutdown or ""):
                if len(text) > len(part.body) + 1000:
                    raise Fault("an answer longer than its question")
            trace.words |= {f"reply {bool(result.replies)}", f"shutdown {result.shutdown is not None}"}
        moments.append(now)
        readings += reader.second(now, tick_s, seeds.instruments)
        reader.claims.texts()
        for one in readings:
            _judged(one, trace, moments)
        readings = []
    _judged(reader.closed(1.0, now), trace)


CONDITIONS: tuple[tuple[BodyCondition, ...], ...] = (
    (BodyCondition(path="$.result.height", least=1.0),),
    (BodyCondition(path="$.result.height", least=0.0, most=1e9), BodyCondition(path="$.error", exists=False)),
    (BodyCondition(path="$..height", most=1e12),),
    (BodyCondition(path="$.items[*].state", equals="ok"), BodyCondition(path="$.items[0]")),
    (BodyCondition(path="$.items[?@.size > 1].name", matches=r"[a-z]+\d*"),),
    (BodyCondition(path="$['result']['synced']", equals=True), BodyCondition(path="$.items[-1:]", exists=True)),
    (BodyCondition(path="$[?length(@) > 1]"), BodyCondition(path="$.items[?count(@.*) == 2]", exists=False)),
    (BodyCondition(path="$.result['height','head']", least=0.0),),
    (BodyCondition(path="$..[?@.size == 2 || @.state != 'ok']", exists=True),),
)
TARGET_BODIES: tuple[bytes, ...] = (
    b'{"jsonrpc":"2.0","id":1,"result":{"height":12345,"head":"0x1f","synced":true},"items":[]}',
    b'{"result":{"height":"0xffff","synced":false},"items":[{"state":"ok","size":2,"name":"abc1"},{"state":"down","size":0,"name":"x"}]}',
    b'[{"height":1,"size":2,"state":"ok"},{"height":2},[1,2,[3,{"height":4}]]]',
    b'{"error":{"code":-32000,"message":"header not found"},"items":[{"name":"long text","size":1e300}]}',
)
_PLAIN = re.compile(r"\$(?:\.[a-z]+)+")


def _target(case: Case, trace: Trace) -> None:
    conditions = CONDITIONS[int(case.subject)]
    for part in case.parts:
        target = Target(name="made", url="https://target.example", conditions=conditions, statuses=(200, 201))
        refusal, detail = judge(target, _exchange(part, case.began_at))
        if len(detail) > 200:
            raise Fault("a target's detail without bound")
        if refusal is None and (why := next(_unmet(conditions, part.body), "")):
            raise Fault(f"a target that is good against its condition: {why}")
        trace.words.add(f"{refusal} {_FIGURES.sub('#', detail)}")


def _unmet(conditions: Sequence[BodyCondition], body: bytes) -> Iterator[str]:
    """The conditions with plain paths that a body does not meet, by a reader of JSON of the standard library."""
    import json

    tree = json.loads(body)
    for one in conditions:
        if not _PLAIN.fullmatch(one.path):
            continue
        value: Any = tree
        for name in one.path.split(".")[1:]:
            value = value.get(name, ...) if isinstance(value, dict) else ...
        if (value is not ...) is not one.exists:
            yield f"{one.path} is {'there' if value is not ... else 'not there'}"
        elif one.exists and one.least is not None:
            number = int(value, 16) if isinstance(value, str) and value.startswith("0x") else value
            if isinstance(number, bool | str) or not one.least <= number:
                yield f"{one.path} below"
