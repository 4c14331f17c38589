"""Changes each field of a venue's message as the wire may change unannounced, and finds what is then believed without ground.

Believed is what a reader says and the admission gate lets pass. A message with a field gone may say less than before, never else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from probes.readings import FeedChanged, InstrumentsListed, ServiceState, ServiceStatus
from probes.readings.admission import book_refused, refused
from probes.venue import (
    Ack,
    BookChecksum,
    BookDelta,
    BookSnapshot,
    Context,
    FundingIntervals,
    Heard,
    Malformed,
    OddRows,
    Pong,
    Refused,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)
from tests.probes.cases import Reader

SAME = 0.001
"""Two fields of one row that mean the same (the open interest of one side, and half of both) differ by less than this share."""
SAME_MOMENT = timedelta(seconds=1)
"""Two stamps of one row, one in milliseconds and one in seconds, differ by less."""
SEVERITY = {ServiceState.OPERATIONAL: 0, ServiceState.DEGRADED: 1, ServiceState.MAINTENANCE: 2}
WORDS_OF_THE_VENUE = frozenset({"title", "note"})
SIDES = frozenset({"bids", "asks"})
_CONTROL = (
    Ack,
    BookChecksum,
    FundingIntervals,
    Heard,
    Pong,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
    OddRows,
    FeedChanged,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a venue, its reader, and what the reader knows beside it."""

    title: str
    venue: str
    body: bytes
    reader: Reader
    context: Context
    empty_is_health: tuple[str, ...] = ()
    """The list of which the venue documents that empty means healthy."""
    null_is_health: tuple[str, ...] = ()
    """The field whose null is the venue's own word for healthy."""
    newest_only: bool = False
    """Of rows in no documented order only the newest counts: one without a time leaves unknown which that is."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One change of a message: how, and where."""

    how: str
    path: tuple[Any, ...]
    body: bytes

    def __str__(self) -> str:
        return f"{self.how} {'.'.join(map(str, self.path))}"


def believed(message: Message, body: bytes) -> list[Any]:
    """Every fact that is admitted from a body; an instrument of a listing counts alone."""
    try:
        words = message.reader(body, message.context)
    except (Malformed, msgspec.DecodeError, Refused):
        return []
    facts: list[Any] = []
    for word in words:
        if isinstance(word, BookSnapshot | BookDelta):
            if book_refused(word, message.context.received_at) is None:
                facts.append(word)
        elif isinstance(word, InstrumentsListed):
            facts += word.instruments
        elif not isinstance(word, _CONTROL) and refused(word) is None:
            facts.append(word)
    return facts


def at_its_time(message: Message) -> Message:
    """The message as received a second after its newest stamp, or the settlement it announces: recordings are of many years."""
    try:
        words = message.reader(message.body, message.context)
    except (Malformed, msgspec.DecodeError, Refused):
        return message
    named = [getattr(one, "event_time", None) or getattr(one, "next_at", None) for one in words]
    stamps = [at for at in named if isinstance(at, datetime)]
    if not stamps:
        return message
    context = replace(message.context, received_at=max(stamps) + timedelta(seconds=1))
    return replace(message, context=context)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from _places(value[key], (*path, key))


def drifts(body: bytes) -> Iterator[Drift]:
    """Each field renamed, dropped, nulled and emptied, one at a time; of a place in a list, only its value."""
    whole = json.loads(body)
    for path in _places(whole):
        inner = whole
        for key in path[:-1]:
            inner = inner[key]
        key, old = path[-1], inner[path[-1]]
        yield Drift("null", path, _with(whole, inner, key, None))
        yield Drift("empty", path, _with(whole, inner, key, type(old)() if isinstance(old, list | dict) else ""))
        inner[key] = old
        if isinstance(key, str):
            kept = list(inner.items())
            del inner[key]
            yield Drift("drop", path, json.dumps(whole).encode())
            inner[f"{key}_v2"] = old
            yield Drift("rename", path, json.dumps(whole).encode())
            inner.clear()
            inner.update(kept)


def _with(whole: Any, inner: Any, key: Any, value: Any) -> bytes:
    old = inner[key]
    inner[key] = value
    body = json.dumps(whole).encode()
    inner[key] = old
    return body


def _same(before: Any, now: Any) -> bool:
    if before == now:
        return True
    if isinstance(before, datetime) and isinstance(now, datetime):
        return abs(before - now) < SAME_MOMENT
    if isinstance(before, float | Decimal) and isinstance(now, float | Decimal) and before:
        return abs(float(now) / float(before) - 1) < SAME
    return False


def says_no_more(before: Any, now: Any, emptied: bool) -> bool:
    """Whether a fact is one of before, with fields that are unknown now at most."""
    if type(before) is not type(now) or not is_dataclass(now):
        return False
    for field in fields(now):
        was, value = getattr(before, field.name), getattr(now, field.name)
        if _same(was, value) or value is None:
            continue
        if field.name in WORDS_OF_THE_VENUE and str(was).startswith(value):
            continue  # fewer words, or none
        if field.name == "planned" and value is False:
            continue
        if isinstance(now, ServiceStatus) and field.name == "state" and SEVERITY[value] > SEVERITY[was]:
            continue
        if field.name in SIDES and emptied and not value:
            continue  # an empty side is a statement of the venue's: the book is one-sided, the change has none there
        return False
    return True


def believes_too_much(message: Message, before: list[Any], drift: Drift) -> list[Any]:
    """The facts that a drifted message gives and that it did not give before, less what is merely unknown."""
    if drift.how == "empty" and message.empty_is_health and drift.path == message.empty_is_health:
        return []
    if drift.how == "null" and message.null_is_health and drift.path == message.null_is_health:
        return []
    now = believed(message, drift.body)
    emptied = drift.how == "empty"
    return [one for one in now if not any(says_no_more(was, one, emptied) for was in before)]


def lost_beside(message: Message, before: list[Any], drift: Drift) -> list[Any]:
    """The facts of other rows of the same list that a drifted message does not give any more."""
    row = next((at for at, key in enumerate(drift.path) if isinstance(key, int)), None)
    if row is None or message.newest_only or len(drift.path) <= row + 1:
        return []
    whole = json.loads(message.body)
    inner = whole
    for key in drift.path[:row]:
        inner = inner[key]
    del inner[drift.path[row]]
    now = believed(message, drift.body)
    return [
        one
        for one in believed(message, json.dumps(whole).encode())
        if one in before
        and one not in now
        and not (isinstance(one, ServiceStatus) and one.state is ServiceState.OPERATIONAL)
    ]
