"""Compiles `Frames` and the rows of each channel into the form's `read` of a feed. Pure.

A frame with news costs two typed decodings: its head, and the rows of its channel. All other frames are rare and are read as
plain JSON by the table of controls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from probes.dialect.answers import found
from probes.dialect.codes import meaning
from probes.dialect.columns import Row, Scalar, Text, clock
from probes.dialect.declared import Control, Frames, Liquidations, Means, Rows
from probes.dialect.decode import UNREADABLE, Decoder, unreadable
from probes.dialect.market import Head
from probes.dialect.rows import RowsReader, compiled, compiled_from, reader
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
_EMPTY = msgspec.Raw(b"")
Route = tuple[RowsReader, bool]
_TEXTS: Mapping[Means, tuple[FeedMessage, ...]] = {Means.PONG: (Pong(),), Means.ACK: (Ack(),)}


class OtherForm(Malformed):
    """The head of a frame is not of the form that is declared."""


def frames(frame: Frames, channels: Mapping[str, Rows | tuple[Rows, ...]]) -> ReadFrame:
    """The reader of a feed's frames. `channels` maps a channel's name (or its key by `topic`) to the rows it carries."""
    routes = {name: _route(rows if isinstance(rows, tuple) else (rows,)) for name, rows in channels.items()}
    (head_of, parts_of), at_of, engine_of = _head(frame), clock(frame.at), clock(frame.engine_at)
    unpack, news, texts, proves = frame.unpack, frame.news, frame.texts, frame.proves
    topic = None if frame.topic is None else _once(frame.topic)
    several = None if frame.payload else _several(frame, routes)
    longest = max(map(len, texts), default=-1)  # the hash of a long frame costs more than its head

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        if len(raw) <= longest and raw in texts:
            return _TEXTS.get(texts[raw], ())
        if unpack is not None:
            raw = unpack(raw)
        if several is not None and raw[:1] == b"[":
            return several(raw, context)
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
        if route is None or payload is _EMPTY:
            return _control(frame, raw)
        if news and (kind or "") not in news:
            return _of_another_kind(frame, raw, kind)
        read_rows, stampless = route
        if payload is None:
            payload = raw
        if stampless:
            meant = read_rows(payload, context, Head(None, symbol, kind or ""))
            return (
                meant
                if meant or channel not in proves
                else [Heard(name=proves[channel].format(channel=named, symbol=symbol))]
            )
        return read_rows(payload, context, Head(at_of(at), symbol, kind or "", engine_of(engine_at), sequence))

    said = [one for rows in channels.values() for one in (rows if isinstance(rows, tuple) else (rows,))]
    compiled(read, *said, channels=tuple(channels))
    return read


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
    heads, parts_of = _head(frame, several=True)

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        try:
            found = heads(raw)
        except UNREADABLE as error:
            raise unreadable(error) from None
        route = next((routes[name] for head in found if (name := parts_of(head)[0]) in routes), None)
        return () if route is None else route[0](raw, context, Head())

    return read


def either(*reads: ReadFrame) -> ReadFrame:
    """Reads a frame by the first of `reads` that has something to say: for a socket with frames of several forms.

    A frame whose head is of one form and whose payload is odd is malformed, as is one that is of none of the forms.
    """

    def read(raw: bytes, context: Context) -> Sequence[FeedMessage]:
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


def _route(rows: tuple[Rows, ...]) -> Route:
    """The reader of a channel, and whether its rows always have their own stamps, so that the frame's need not be read."""
    readers = [reader(one) for one in rows]
    stampless = all(isinstance(said, Liquidations) for one in rows for said in one.says)
    if len(readers) == 1:
        return readers[0], stampless
    return (lambda raw, context, head: [one for read in readers for one in read(raw, context, head)]), stampless


def _head(frame: Frames, several: bool = False) -> tuple[Callable[[bytes], Any], Callable[[Any], tuple[Any, ...]]]:
    """Decodes a frame's head (`several`: a list of heads; raises also UNREADABLE) and takes its parts.

    They are channel, payload (not yet decoded), kind, symbol, sequence, and both stamps.
    """
    stamps = [None if one is None else str(one.name) for one in (frame.at, frame.engine_at)]
    paths = [frame.channel, frame.payload, frame.kind, frame.symbol, frame.sequence, *stamps]
    shapes = [Text, msgspec.Raw, Text, Text, Scalar, Scalar, Scalar]
    tree: dict[str, Any] = {}
    getters = []
    for path, shape in zip(paths, shapes, strict=True):
        getters.append(_place(tree, path, shape) if path else "absent")
    one: Any = _built(tree)
    decoder: Decoder[Any] = Decoder(list[one] if several else one, strict=False)
    return decoder.bare, attrgetter(*getters)


def _place(tree: dict[str, Any], path: str, shape: Any) -> str:
    """Put a path into the tree of shapes; gives the dotted attributes that read it."""
    steps, attributes = path.split("."), []
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
        attributes.append(f"f_{step}")
    tree[steps[-1]] = shape
    return ".".join([*attributes, f"f_{steps[-1]}"])


def _built(tree: Mapping[str, Any]) -> Any:
    """The struct of a tree of shapes; what a frame leaves out is None, or a head of which all is."""
    fields: list[Any] = []
    for step, shape in tree.items():
        if isinstance(shape, dict):
            inner = _built(shape)
            fields.append((f"f_{step}", inner, msgspec.field(default_factory=inner)))
        else:
            fields.append((f"f_{step}", shape, _EMPTY if shape is msgspec.Raw else None))
    return msgspec.defstruct("Head", fields, bases=(Row,), rename={f"f_{step}": step for step in tree})


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
