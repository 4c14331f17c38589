"""Compiles the channels that a feed asks for into the form's topics and the texts that ask for them. Pure.

Live, replayed and asked again, the request for the same topics has the same text and the same id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from probes.dialect.declared import Channel
from probes.readings import Funding, Instrument, Liquidation, MarkPrice, OpenInterest, Volume
from probes.readings.topics import Topic, TopicRequest, request_id, subscribing
from probes.venue import BookDelta, BookSnapshot, KeepAlive

BOOK_WORDS: tuple[type, ...] = (BookDelta, BookSnapshot)
FIGURE_WORDS: tuple[type, ...] = (MarkPrice, Funding, OpenInterest, Volume)
FORCED_WORDS: tuple[type, ...] = (Liquidation,)
"""What channels of books, of a contract's figures and of liquidations speak (`Channel.speaks`)."""
Write = Callable[[Sequence[Topic], int], Any]
"""The message that asks for topics, with the id that comes back in its answer."""


def pings(every_s: float, message: str | Mapping[str, Any], seconds_in: str = "") -> KeepAlive:
    """A ping: a text, or a message as JSON. `seconds_in`: the field that has the unix seconds of its sending."""
    if isinstance(message, str):
        return KeepAlive(every_s=every_s, text=lambda _now: message)

    def text(now: datetime) -> str:
        return json.dumps({seconds_in: int(now.timestamp()), **message} if seconds_in else message)

    return KeepAlive(every_s=every_s, text=text)


def asking(
    channels: Sequence[Channel],
    *writes: Write,
    at_once: int | None = None,
    prefix: str = "",
    lower: bool = False,
    seconds_in: str = "",
    path: str = "",
) -> dict[str, Any]:
    """A feed's `topics`, `ask` and `subscribe`. Each of `writes` makes one message for every `at_once` topics (None: all).

    `prefix` is what our symbols have before the wire's; `lower`: the topics have them in lower case. `seconds_in`: the
    field of a message that has the unix seconds of its sending. `path`: the topics stand in the address, after it and joined
    by "/"; then it is a feed's `path` too, and nothing must be sent to subscribe.
    """

    def topics(instruments: Sequence[Instrument]) -> Sequence[Topic]:
        found = []
        for one in channels:
            whole = "{}" not in one.topic
            for instrument in (None,) if whole else instruments:
                symbol = None if instrument is None else instrument.symbol
                wire = "" if symbol is None else symbol.removeprefix(prefix)
                name = one.topic.format(wire.lower() if lower else wire)
                found.append(Topic(name, one.name or one.topic, symbol, one.speaks, one.main, one.rare))
        return found

    def ask(wanted: Sequence[Topic], now: datetime) -> Sequence[TopicRequest]:
        size = at_once or max(len(wanted), 1)
        requests = []
        for batch in [wanted[at : at + size] for at in range(0, len(wanted), size)]:
            names = tuple(one.name for one in batch)
            for at, write in enumerate(writes):
                number = request_id((*names, str(at)) if at else names)
                message = write(batch, number)
                if seconds_in:
                    message = {seconds_in: int(now.timestamp()), **message}
                requests.append(TopicRequest(json.dumps(message), str(number), names))
        return requests

    def address(instruments: Sequence[Instrument]) -> str:
        return path + "/".join(one.name for one in topics(instruments))

    if path:
        return {"topics": topics, "ask": ask, "subscribe": lambda _instruments, _now: (), "path": address}
    return {"topics": topics, "ask": ask, "subscribe": subscribing(topics, ask)}
