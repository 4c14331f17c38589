"""Declares the form of a venue: a venue is a dialect (constants and pure functions), never a client.

A venue file under `probes/venues/` declares one `VENUE`. Its readers turn bytes into readings and know no socket, clock or
retry; `probes/rest/` and `probes/feeds/` do that, once, for every venue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from probes.readings import Censoring, Instrument, MalformedReason, Market, Reading, Refusal, VenueId
from probes.readings.topics import Topic, TopicRequest, no_request, no_topics


class Refused(Exception):
    """A refusal of the venue, raised by a dialect's reader or returned by its `refuse` function.

    `until` is the earliest time for the next request, if the venue gave one; `retry_after_s` the same as a length.
    """

    def __init__(
        self,
        kind: Refusal,
        detail: str = "",
        *,
        until: datetime | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else str(kind))
        self.kind = kind
        self.detail = detail
        self.until = until
        self.retry_after_s = retry_after_s


class Malformed(ValueError):
    """A payload that does not match the venue's documents; `path` says where (msgspec's `$.data[0].x` notation)."""

    def __init__(self, path: str, reason: MalformedReason = MalformedReason.SHAPE) -> None:
        super().__init__(path)
        self.path = path
        self.reason = reason


class Per(StrEnum):
    """Whether a check is sent once per venue or once per instrument."""

    VENUE = "venue"
    INSTRUMENT = "instrument"


SHORTEST_BAN_S = 120.0
"""Binance and MEXC document bans of two minutes and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A request allowance: `limit` units in `window_s`. The last tenth is never spent.

    `hosts`: the keys of `Venue.hosts` whose answers and bans it is about. `each`: every endpoint has this allowance for itself.
    `within`: the name of a wider budget that each request is charged to as well. `ban_s`: the shortest ban that the venue
    documents, in seconds; a ban is not tried earlier.
    """

    name: str
    limit: float
    window_s: float
    hosts: tuple[str, ...] = ("rest",)
    each: bool = False
    within: str = ""
    ban_s: float = SHORTEST_BAN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a budget by a venue's headers: used and/or remaining units, and the limit if given.

    `resets_at`: the end of the venue's window, after which the figures are void.
    """

    budget: str
    used: float | None = None
    remaining: float | None = None
    limit: float | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCall:
    """One HTTP request to make. `host` is a key of `Venue.hosts`; `cost` is charged to `budget`.

    A call with a `body` is a POST of it as JSON, else a GET. It must only ask: a body is sent again if its connection had ended.
    `endpoint` is what the calls of one endpoint have in common, where their paths differ ("": the path).
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None
    host: str = "rest"
    budget: str = "ip"
    cost: float = 1.0
    signed: bool = False
    endpoint: str = ""

    @property
    def subject(self) -> str:
        """What tells the calls of one check's name apart: the path, and the body if there is one."""
        return self.path if self.body is None else f"{self.path} {json.dumps(self.body, sort_keys=True)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """An operator's read-only API key. `repr` never shows the secrets."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)
    name: str = ""
    """What the operator calls it: the environment variable that holds the key. Never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsQuestion:
    """How a venue tells what a key may do: a signed `call`, and `read`, from its body to the rights beyond reading.

    `read` raises what a reader of an answer raises; an answer that does not say it is Malformed.
    """

    call: RestCall
    read: Callable[[bytes], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A signed request: the full query string and the headers."""

    query: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The context of a payload. `instruments` maps the venue's symbols to the known instruments.

    `headers` are the answer's, lower-case names (empty for frames). `funding`: the last list of intervals (None: none came yet).
    """

    venue: VenueId
    check: str
    received_at: datetime
    instrument: Instrument | None = None
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    funding: FundingIntervals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingIntervals:
    """Lengths of funding intervals in seconds by symbol, and of symbols without one here, where a venue lists them apart."""

    by_symbol: Mapping[str, float]
    otherwise_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """A whole book (or its visible part). Levels are (price, size in base units); `last_id` is its sequence number."""

    instrument: str
    last_id: int | None
    event_time: datetime | None
    bids: Sequence[tuple[float, float]]
    asks: Sequence[tuple[float, float]]
    engine_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDelta:
    """A change of a book; size 0 deletes a level.

    `first_id`..`last_id` are the updates it holds. `prev_id` is the id that must precede it (Binance `pu`, OKX
    `prevSeqId`), or None where the rule is `first_id == previous last_id + 1`.
    """

    instrument: str
    first_id: int
    last_id: int
    prev_id: int | None
    event_time: datetime | None
    bids: Sequence[tuple[float, float]]
    asks: Sequence[tuple[float, float]]
    engine_time: datetime | None = None


LevelText = tuple[float, str, str]
"""A level as the venue wrote it: its price, and the texts of price and size, with all their digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChecksum:
    """The checksum of a book after the snapshot or change just before it, and the levels of that message as they were written."""

    instrument: str
    checksum: int
    bids: Sequence[LevelText]
    asks: Sequence[LevelText]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksumRule:
    """What a venue's checksum covers: the `best` levels of each side of a book that has `depth` levels a side.

    Levels beyond `depth` are dropped after each message: the venue deletes them without a word. `checksum(bids, asks)` gets the
    texts of price and size, best level first.
    """

    depth: int
    best: int
    checksum: Callable[[Sequence[tuple[str, str]], Sequence[tuple[str, str]]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """A subscription was confirmed: the topics it names, or the request it answers.

    `complete`: `names` are all subscriptions of the connection, or all that came of the `request` where one is given: what is
    not among them does not exist.
    """

    subject: str = ""
    names: tuple[str, ...] = ()
    request: str = ""
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The channel of topic `name` sent a frame in which nothing is for us (trades, none of them a liquidation): it lives."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """An answer to our application-level ping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text that must be sent back (some venues ping at application level)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownAnnounced:
    """The venue announces the end of this connection: reconnect, and do not count it as an outage."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRefused:
    """A subscription was refused; `kind` says why. `names` are the topics, `request` what it answers, where the venue says so."""

    kind: Refusal
    detail: str = ""
    names: tuple[str, ...] = ()
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddRows:
    """`count` rows beside the good ones could not be read, for this reason; `path` is where in the first, and why."""

    reason: MalformedReason
    path: str
    count: int = 1


Control = Ack | Heard | Pong | Reply | ShutdownAnnounced | SubscriptionRefused
FeedMessage = Reading | BookSnapshot | BookDelta | BookChecksum | OddRows | Control
"""All that a frame can mean."""

AnswerWord = Reading | BookSnapshot | FundingIntervals | OddRows
ReadAnswer = Callable[[bytes, Context], Sequence[AnswerWord]]
"""Pure: body -> readings. A book check returns a BookSnapshot, which the REST client measures; odd rows beside good ones are
counted. Raises Refused (an error code in a 200 body), Malformed or msgspec's errors; nothing else, whatever the bytes."""

ReadFrame = Callable[[bytes, Context], Sequence[FeedMessage]]
"""Pure: one frame -> messages. Raises Malformed or msgspec errors only. Unknown but well-formed messages give ()."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCheck:
    """One REST request repeated on a fixed schedule.

    `name` is the capability (`probes/dialect/capabilities.py` lists them). `call` gets the instrument for
    `Per.INSTRUMENT`, else None. `market` restricts the instruments it is requested for (None: any).
    """

    name: str
    call: Callable[[Instrument | None], RestCall]
    read: ReadAnswer
    every_s: float
    per: Per = Per.VENUE
    market: Market | None = None
    timeout_s: float = 5.0
    max_bytes: int = 8_000_000
    docs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Application-level ping. `text(now)` makes the message; protocol pings need none of this."""

    every_s: float
    text: Callable[[datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One kind of WebSocket stream.

    `name`: book_ws, liquidation, … `host` keys `Venue.hosts`; `path(instruments)` is appended to it (may carry the
    streams). `subscribe(instruments, now)` gives the messages to send once open, where no `topics` are declared; else `ask`
    does, and again after `renew_s` for topics that are refused, silent or not acknowledged, and after `prove_s` for rare ones
    without a word or an acknowledgement since: asking twice must do no harm.
    `silence_after_s` is how long a live socket may send nothing *of this feed or its sibling streams* on a busy symbol before
    it counts as silent.
    `book_base`: the REST check of the snapshot that changes build on (None: the feed sends its own).
    `checksum` is the rule of a feed whose books carry checksums.
    `censoring` is for liquidation feeds. `backlog_first`: the first liquidation message after subscribe is old news.
    """

    name: str
    host: str
    read: ReadFrame
    subscribe: Callable[[Sequence[Instrument], datetime], Sequence[str]]
    path: Callable[[Sequence[Instrument]], str] = lambda _instruments: ""
    topics: Callable[[Sequence[Instrument]], Sequence[Topic]] = no_topics
    ask: Callable[[Sequence[Topic], datetime], Sequence[TopicRequest]] = no_request
    renew_s: float = 300.0
    prove_s: float = 9.0
    """How often a rare topic must give proof. With 5 s for the answer a mute one is known within 15 s; more where the venue
    allows fewer subscriptions an hour."""
    renew_alone: bool = False
    """Ask again for one topic at a time: the venue refuses a whole request of which one topic is subscribed already."""
    asks_per_s: int = 10
    """The most texts a second after the opening, by the venue's limit of subscriptions."""
    pings_prove: bool = False
    """The venue pings every few seconds by a message of its own, which proves the socket where its channels are rare."""
    market: Market | None = None
    keep_alive: KeepAlive | None = None
    silence_after_s: float = 30.0
    book_base: str | None = None
    checksum: ChecksumRule | None = None
    censoring: Censoring | None = None
    backlog_first: bool = False
    max_instruments: int = 50
    lifetime_s: float | None = None
    max_bytes: int = 1_000_000
    """Of one frame, unpacked: it is read in one step, 70 ms for 13,000 liquidations. The largest snapshots have some 60 kB."""
    headers: Mapping[str, str] = field(default_factory=dict)
    docs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A venue's whole dialect.

    `hosts` are default base URLs by key ("rest", "ws", …); the operator may override each. `usage` reads budget
    headers. `refuse(status, headers, body, now)` names venue-specific refusals of an answer, or None to let the
    generic classification decide. `sign(call, keys, now)` makes a signed request, where the venue has such checks.
    `symbols(asset)` guesses the instruments of an asset before the listing is known (Market -> symbol).
    `none` and `not_yet`: a reason in few words -> the capabilities it does not offer, or that we do not read although offered.
    """

    id: VenueId
    title: str
    docs: str
    hosts: Mapping[str, str]
    budgets: tuple[Budget, ...]
    checks: tuple[RestCheck, ...]
    feeds: tuple[Feed, ...]
    usage: Callable[[Mapping[str, str], datetime], Sequence[Usage]] = lambda _headers, _now: ()
    refuse: Callable[[int, Mapping[str, str], bytes, datetime], Refused | None] = lambda *_: None
    sign: Callable[[RestCall, Keys, datetime], SignedRequest] | None = None
    key_rights: RightsQuestion | None = None
    """None: the venue does not tell, or has no signed checks."""
    symbols: Callable[[str], Mapping[Market, str]] = lambda _asset: {}
    none: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_yet: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
