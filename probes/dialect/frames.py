"""Compiles `Frames` and the rows of each channel into the form's `read` of a feed. Pure.

A frame with news costs two typed decodings: its head, and the rows of its channel; or one, where its channel is foreseen
(`foreseen.py`). All other frames are rare and are read as plain JSON by the table of controls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from probes.dialect.answers import found
from probes.dialect.codes import meaning
from probes.dialect.columns import clock
from probes.dialect.declared import Control, Frames, Means, Rows
from probes.dialect.decode import UNREADABLE, Decoder, unreadable
from probes.dialect.foreseen import Foresight
from probes.dialect.heads import NO_PAYLOAD, head
from probes.dialect.market import Head
from probes.dialect.rows import ReadRows, RowsReader, compiled, compiled_from, reader, without_stamp
from probes.readings import MalformedReason, Refusal
from probes.venue import (
    Ack,
    Context,
    FeedMessage,
    Heard,
    Malformed,
    Pong,
    ReadFrame,
    Reply,
    ShutdownAnnounced,
    SubscriptionRefused,
)

MAX_TOPICS = 2048
"""Texts of channels that are split once and kept: more than one connection may have."""
_FORESIGHT = "foresight"
"""Where a reader notes what it foresees."""
Route = tuple[ReadRows, bool, RowsReader | None]
"""Reads a channel's payload; whether its rows need no stamp of the frame; the rows that can be read in one pass with the head."""
_TEXTS: Mapping[Means, tuple[FeedMessage, ...]] = {Means.PONG: (Pong(),), Means.ACK: (Ack(),)}


class OtherForm(Malformed):
    """The head of a frame is not of the form that is declared."""


def frames(frame: Frames, channels: Mapping[str, Rows | tuple[Rows, ...]]) -> ReadFrame:
    """The reader of a feed's frames. `channels` maps a channel's name (or its key by `topic`) to the rows it carries."""
    one_pass = bool(frame.payload) and frame.unpack is None
    routes = {
        name: _route(rows if isinstance(rows, tuple) else (rows,), one_pass and name not in frame.proves)
        for name, rows in channels.items()
    }
    foresight = Foresight(frame)
    read = _as_json(frame, routes, _by_head(frame, routes, foresight))
    if one_pass:
        read = _foreseeing(foresight, read)
    said = [one for rows in channels.values() for one in (rows if isinstance(rows, tuple) else (rows,))]
    compiled(read, *said, channels=tuple(channels))
    return read


def _foreseeing(foresight: Foresight, by_head: ReadFrame) -> ReadFrame:
    """The reader of frames that are as foreseen, in one decoding; all others are read by their head."""
    known = foresight.known

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        foreseen = known.get(raw[foresight.place])
        if foreseen is not None:
            words = foreseen(raw, context)
            if words is not None:
                return words
        return by_head(raw, context)

    vars(read)[_FORESIGHT] = foresight
    return read


def _as_json(frame: Frames, routes: Mapping[str, Route], by_head: ReadFrame) -> ReadFrame:
    """The reader of a frame as it comes: a text that is no JSON, something packed, a list of frames, or one."""
    texts, unpack, several = frame.texts, frame.unpack, None if frame.payload else _several(frame, routes)
    if not texts and unpack is None and several is None:
        return by_head
    longest = max(map(len, texts), default=-1)  # the hash of a long frame costs more than its head

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        if len(raw) <= longest and raw in texts:
            return _TEXTS.get(texts[raw], ())
        if unpack is not None:
            raw = unpack(raw)
        if several is not None and raw[:1] == b"[":
            return several(raw, context)
        return by_head(raw, context)

    return read


def _by_head(frame: Frames, routes: Mapping[str, Route], foresight: Foresight) -> ReadFrame:
    """The reader of a frame by its channel: the head is decoded first, and then the rows of its channel."""
    (head_of, parts_of), at_of, engine_of = head(frame), clock(frame.at), clock(frame.engine_at)
    news, proves, topic = frame.news, frame.proves, None if frame.topic is None else _once(frame.topic)

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        try:
            named, payload, kind, symbol, sequence, at, engine_at = parts_of(head_of(raw))
        except UNREADABLE as error:
            raise unreadable(error) from None
        except msgspec.ValidationError as error:
            raise OtherForm(str(error)) from None
        channel = named
        if topic is not None and channel is not None:
            channel, symbol = topic(channel)
        route = routes.get(channel)
        if route is None or payload is NO_PAYLOAD:
            return _control(frame, raw)
        if news and (kind or "") not in news:
            return _of_another_kind(frame, raw, kind)
        read_rows, stampless, whole = route
        if whole is not None:
            foresight.learn(raw, context, named, symbol if topic is not None else None, whole)
        if payload is None:
            payload = raw
        if stampless:
            meant = read_rows(payload, context, Head(None, symbol, kind or ""))
            return meant or _heard(proves.get(channel), named, symbol)
        return read_rows(payload, context, Head(at_of(at), symbol, kind or "", engine_of(engine_at), sequence))

    return read


def _heard(topic: str | None, channel: str, symbol: str | None) -> list[FeedMessage]:
    """A word of the topic that a frame proves by coming, where it proves one."""
    return [] if topic is None else [Heard(name=topic.format(channel=channel, symbol=symbol))]


def _once(topic: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
    """`topic` that splits each text once: a connection has a few of them, again and again."""
    known: dict[str, tuple[str, str]] = {}

    def split(channel: str) -> tuple[str, str]:
        found = known.get(channel)
        if found is None:
            found = topic(channel)
            if len(known) < MAX_TOPICS and len(channel) < 64:
                known[channel] = found
        return found

    return split


def _several(frame: Frames, routes: Mapping[str, Route]) -> ReadFrame:
    """The reader of a frame that is a list: the rows of the channel that its first row with a known one names."""
    heads, parts_of = head(frame, several=True)

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        try:
            found = heads(raw)
        except UNREADABLE as error:
            raise unreadable(error) from None
        route = next((routes[name] for each in found if (name := parts_of(each)[0]) in routes), None)
        return () if route is None else route[0](raw, context, Head())

    return read


def either(*reads: ReadFrame) -> ReadFrame:
    """Reads a frame by the first of `reads` that has something to say: for a socket with frames of several forms.

    A frame whose head is of one form and whose payload is odd is malformed, as is one that is of none of the forms.
    """
    foresight: Foresight = next(
        (vars(one)[_FORESIGHT] for one in reads if _FORESIGHT in vars(one)), Foresight(Frames())
    )
    known_of = foresight.known

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        foreseen = known_of.get(raw[foresight.place])
        if foreseen is not None:
            words = foreseen(raw, context)
            if words:
                return words
        others: list[OtherForm] = []
        for one in reads:
            try:
                words = one(raw, context)
            except OtherForm as error:
                others.append(error)
                continue
            if words:
                return words
        if len(others) == len(reads):
            raise others[0]
        return ()

    known = [compiled_from(one) for one in reads]
    channels = dict.fromkeys(name for _, names in known for name in names)
    compiled(read, *(one for rows, _ in known for one in rows), channels=tuple(channels))
    return read


def _route(rows: tuple[Rows, ...], one_pass: bool) -> Route:
    """The reader of a channel, and whether its rows always have their own stamps, so that the frame's need not be read."""
    readers = [reader(one) for one in rows]
    stampless = all(map(without_stamp, rows))
    if len(readers) == 1:
        return readers[0].read, stampless, readers[0] if one_pass else None
    every = [one.read for one in readers]
    return (lambda raw, context, head: [one for read in every for one in read(raw, context, head)]), stampless, None


_PLAIN: Decoder[Any] = Decoder(Any)


def _control(frame: Frames, raw: bytes) -> Sequence[FeedMessage]:
    """A frame without news: the first control that fits; a frame that none fits says nothing."""
    whole = _PLAIN.decode(raw)
    for control in frame.controls:
        value = found(whole, control.path)
        hashable = value if isinstance(value, str | int | float | bool) else None
        fits = value is not None and (control.values is None or hashable in control.values)
        if fits and (not control.like or (isinstance(value, str) and control.like in value)):
            return _meant(frame, control, whole)
    return ()


def _of_another_kind(frame: Frames, raw: bytes, kind: str | None) -> Sequence[FeedMessage]:
    """A frame of a known channel whose kind is none of its news: a control, or else malformed, and not a frame without news."""
    meant = _control(frame, raw)
    if not meant:
        raise Malformed(f"$.{frame.kind}: {str(kind)[:40]!r} is not allowed", MalformedReason.STATE)
    return meant


def _meant(frame: Frames, control: Control, whole: Any) -> Sequence[FeedMessage]:
    text = found(whole, control.text) if control.text else None
    words = "" if text is None else str(text)
    names = () if control.names is None else tuple(control.names(whole))
    number = found(whole, control.id) if control.id else None
    request = "" if number is None else str(number)
    match control.means:
        case Means.REPLY:
            return () if control.reply is None else (Reply(text=control.reply(whole)),)
        case Means.ACK:
            outcome = found(whole, control.outcome) if control.outcome else None
            if control.outcome and (not isinstance(outcome, str) or outcome not in control.outcome_is):
                raise Malformed(f"$.{control.outcome}: {str(outcome)[:40]!r} is no confirmation", MalformedReason.STATE)
            return (Ack(subject=words, names=names, request=request, complete=control.complete),)
        case Means.PONG:
            return (Pong(),)
        case Means.SHUTDOWN:
            return (ShutdownAnnounced(detail=words),)
        case Means.REFUSED:
            code = str(found(whole, control.code)) if control.code else ""
            kind = meaning(frame.refusals)(code) or Refusal.BAD_REQUEST
            return (SubscriptionRefused(kind=kind, detail=f"{code} {words}".strip(), names=names, request=request),)
    return ()
