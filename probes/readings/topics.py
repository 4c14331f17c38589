"""Knows what a feed subscribes to, topic by topic, and the texts that ask for topics. Pure.

A feed's dialect makes them, its claims follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from probes.readings.terms import Instrument


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to subscribe to. `name` is the venue's for it, `instrument` our symbol (None: of the whole venue).

    `speaks` are the messages that only this channel of the feed sends. `main`: the feed is there for it. `rare`: it may say
    nothing for hours, so that silence proves nothing and a fresh acknowledgement counts.
    """

    name: str
    channel: str
    instrument: str | None
    speaks: tuple[type, ...]
    main: bool = True
    rare: bool = False


@dataclass(frozen=True, slots=True)
class TopicRequest:
    """A text that asks for topics (by name). `id` comes back with the answer, where the venue sends it back."""

    text: str
    id: str
    topics: tuple[str, ...]


def no_topics(_instruments: Sequence[Instrument]) -> Sequence[Topic]:
    """A feed that declares no topics: no claim is made of it."""
    return ()


def no_request(_topics: Sequence[Topic], _now: datetime) -> Sequence[TopicRequest]:
    """A feed of which nothing can be asked for again."""
    return ()


def subscribing(
    topics: Callable[[Sequence[Instrument]], Sequence[Topic]],
    ask: Callable[[Sequence[Topic], datetime], Sequence[TopicRequest]],
) -> Callable[[Sequence[Instrument], datetime], Sequence[str]]:
    """The messages that ask for every topic of the instruments."""
    return lambda instruments, now: [one.text for one in ask(topics(instruments), now)]


def request_id(names: Sequence[str]) -> int:
    """The id of a request for these topics: the same whenever they are asked for, live and replayed."""
    return crc32("|".join(names).encode())
