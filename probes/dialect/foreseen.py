"""Reads a frame in one typed decoding where its channel is foreseen: frames that are alike there were of one channel so far.

What does not fit (another channel, an odd row, no news) is left to the reader that looks at the channel first. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from probes.dialect.columns import clock
from probes.dialect.declared import Frames
from probes.dialect.decode import UNREADABLE
from probes.dialect.forced import usual
from probes.dialect.heads import head
from probes.dialect.market import Head
from probes.dialect.rows import RowsReader, without_stamp
from probes.venue import Context, FeedMessage

START = 40
"""Bytes of a frame that foretell its channel: most venues begin a frame with the channel and the symbol."""
MAX_BEFORE = 200
"""Bytes before the channel where others stand first, such as a stamp: the bytes that foretell it are then those from it on."""
MAX_STARTS = 1024
"""Beginnings that are kept: more than a connection has channels. Where each frame begins in its own way, no more are learned."""
MAX_CHANNEL = 63
"""Characters of a channel that is kept."""
Meant = Sequence[FeedMessage]
Foreseen = Callable[[bytes, Context], Meant | None]
"""Reads a frame of one channel; None if it is not as foreseen."""
_UNFIT = (msgspec.DecodeError, *UNREADABLE)


class Foresight:
    """The beginnings of frames that were heard, each with the reader of its channel; None where two channels share one."""

    def __init__(self, frame: Frames) -> None:
        self.known: dict[bytes, Foreseen | None] = {}
        self.place = slice(0, START)
        """Where in a frame these bytes are, by the first frame that had a channel."""
        self._frame = frame
        self._channels: dict[bytes, str] = {}
        self._compiled: dict[RowsReader, Callable[[str, str | None], Foreseen]] = {}
        self._usual: dict[RowsReader, Callable[[str], Foreseen] | None] = {}

    def learn(self, raw: bytes, context: Context, channel: str, symbol: str | None, rows: RowsReader) -> None:
        """Remember what a channel's frame begins with. `symbol`: that of its topic, where it has one."""
        if not self.known:
            at = raw[: MAX_BEFORE + START].find(channel.encode())
            self.place = slice(at, at + START) if 0 <= START - len(channel) < at <= MAX_BEFORE else slice(0, START)
        start = raw[self.place]
        if start in self.known:
            if self._channels[start] != channel:
                self.known[start] = None
        elif len(self.known) < MAX_STARTS and len(channel) <= MAX_CHANNEL:
            self._channels[start] = channel
            self.known[start] = self._reader(raw, context, channel, symbol, rows)

    def _reader(self, raw: bytes, context: Context, channel: str, symbol: str | None, rows: RowsReader) -> Foreseen:
        """The reader of a channel's frames: the quicker one of usual forced orders, if this frame is one."""
        if rows not in self._compiled:
            self._compiled[rows] = _compiled(self._frame, rows)
            self._usual[rows] = usual(self._frame, rows.declared)
        made = self._usual[rows]
        quick = None if made is None else made(channel)
        return quick if quick is not None and quick(raw, context) else self._compiled[rows](channel, symbol)


def _compiled(frame: Frames, rows: RowsReader) -> Callable[[str, str | None], Foreseen]:
    """Makes the readers of the channels that carry such rows."""
    stampless = without_stamp(rows.declared)
    if stampless and not frame.kind and not frame.symbol:
        return _without_head(frame, rows)
    decode, parts_of = head(frame, rows.shape)
    mean, news, split = rows.mean, frame.news, frame.topic is not None
    at_of, engine_of = (clock(None), clock(None)) if stampless else (clock(frame.at), clock(frame.engine_at))

    def of(channel: str, symbol: str | None) -> Foreseen:
        def read(raw: bytes, context: Context) -> Meant | None:
            try:
                named, payload, kind, own, sequence, at, engine_at = parts_of(decode(raw))
            except _UNFIT:
                return None
            kind = kind or ""
            if named != channel or payload is None or (news and kind not in news):
                return None
            said = Head(at_of(at), symbol if split else own, kind, engine_of(engine_at), sequence)
            return mean(payload, context, said)

        return read

    return of


def _without_head(frame: Frames, rows: RowsReader) -> Callable[[str, str | None], Foreseen]:
    """As `_compiled`, for frames of which the channel says all that their rows do not."""
    decode, parts_of = head(frame, rows.shape, short=True)
    mean = rows.mean

    def of(channel: str, symbol: str | None) -> Foreseen:
        said = Head(None, symbol)

        def read(raw: bytes, context: Context) -> Meant | None:
            try:
                named, payload = parts_of(decode(raw))
            except _UNFIT:
                return None
            return None if named != channel or payload is None else mean(payload, context, said)

        return read

    return of
