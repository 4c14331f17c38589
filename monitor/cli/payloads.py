"""Reads one stored payload of a venue (an answer's body or a frame) as the daemon would read it, and says what comes of it.

Which check or feed it belongs to is given, or guessed from its path and from a source file beside it.
"""

from __future__ import annotations

import contextlib
import json
import re
import stat
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from monitor.errors import OperatorError, nearest
from probes import venues
from probes.dialect.capabilities import given_by_check, given_by_feed, sample_of
from probes.readings import Instrument, InstrumentsListed, MalformedReason, Market, Reading
from probes.readings.admission import book_refused, refused
from probes.rest.refusals import by_answer
from probes.venue import (
    AnswerWord,
    BookDelta,
    BookSnapshot,
    Context,
    Feed,
    FeedMessage,
    Malformed,
    OddRows,
    Refused,
    RestCheck,
    Venue,
)

Word = AnswerWord | FeedMessage
MAX_WRAPPED = 2
"""A body stored with its status and headers takes at most twice its own bytes."""
MAX_SOURCE_BYTES = 100_000
_ASKED, _NAMED, _GIVES = 8, 4, 2
"""How much it counts that a source file names a check's path, a folder the check or feed, a folder what it gives."""
_GZIP = b"\x1f\x8b"
_MOVING = {"ticker": frozenset({"volume", "volume_spot", "mark_price", "open_interest", "funding"})}
"""Folders of payloads that are not named after one capability."""
OUTCOMES = ("read", "not admitted", "refused", "nothing", "malformed")
"""What a payload may come to, the best first. Not admitted: it can be read, and the gate refuses all that it says."""
NOT_ASKED = "no check or feed of ours asks for it; --check or --feed reads it as one of them"
NOTHING = "it can be read, and says nothing of what is asked here"
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)
_STATED_FAILURES = frozenset({"error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operator said of the payload. `received_at` None: a second after its newest stamp.

    `listed` None: every symbol is an instrument, linear and of `contract_size` base units a contract.
    """

    check: str | None = None
    feed: str | None = None
    symbol: str | None = None
    contract_size: Decimal = Decimal(1)
    listed: tuple[Instrument, ...] | None = None
    received_at: datetime | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAdmitted:
    """A message that the admission gate refuses, and why."""

    what: str
    reason: str
    word: Word = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one reader makes of a payload. `outcome` is one of OUTCOMES; `detail` says why."""

    reader: str
    outcome: str
    detail: str = ""
    received_at: datetime
    words: tuple[Word, ...] = ()
    odd: tuple[OddRows, ...] = ()
    not_admitted: tuple[NotAdmitted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A stored payload: the bytes, and the status and headers of an answer where they are known."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class _Wrapped(msgspec.Struct):
    """An answer with its status and headers (`.http.json`)."""

    status: int
    body: msgspec.Raw
    headers: dict[str, str] = {}


class _AnyInstrument(dict[str, Instrument]):
    """Knows every symbol: a payload by itself does not say what its venue lists."""

    def __init__(self, market: Market | None, contract_size: Decimal) -> None:
        super().__init__()
        self._market = market or Market.PERP
        self._contract_size = contract_size

    def get(self, symbol: str, default: object = None) -> Instrument:
        """The instrument of this symbol."""
        return Instrument(
            symbol=symbol, base=symbol, quote="USDT", market=self._market, contract_size=self._contract_size
        )  # fmt: skip


def load(path: Path, max_bytes: int, status: int | None) -> Payload:
    """A payload from a regular file of at most `max_bytes` (its body, if it has a wrapping). Raises OperatorError."""
    limit = max_bytes * (MAX_WRAPPED if path.name.endswith(".http.json") else 1)
    raw = _bounded(path, limit)
    if not path.name.endswith(".http.json"):
        stated = 400 if _STATED_FAILURES & set(path.parts[-2:-1]) else 200
        return Payload(body=raw, status=status or stated)
    try:
        wrapped = msgspec.json.decode(raw, type=_Wrapped)
        body = bytes(wrapped.body)
        body = msgspec.json.decode(body, type=str).encode() if body.startswith(b'"') else body
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        allowed = "an object with status, headers and body"
        raise OperatorError("FILE", f"{path}: {error}", allowed, "give the body alone in a .json file") from None
    headers = {name.lower(): value for name, value in wrapped.headers.items()}
    return Payload(body=body, status=status or wrapped.status, headers=headers)


def _bounded(path: Path, limit: int) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OperatorError("FILE", str(path), "a regular file", "name the file of one payload")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise OperatorError(
            "FILE", str(path), "a file that can be read", str(getattr(error, "strerror", error))
        ) from None
    if len(raw) > limit:
        raise OperatorError("FILE", str(path), f"at most {limit} bytes, as of this venue's messages", "cut the payload")
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A check or feed that may be the payload's. `fits`: how well it fits what the path says.

    `asked`: nothing says that the payload is the answer to another question.
    """

    one: RestCheck | Feed
    fits: int
    asked: bool = True

    @property
    def title(self) -> str:
        """Its kind and name."""
        return f"{'feed' if isinstance(self.one, Feed) else 'check'} {self.one.name}"


def read(name: str, path: Path, wanted: Wanted) -> Tried:
    """What the payload reads as, by the reader that fits it best. Raises OperatorError."""
    venue = venues.declared(name)
    every = [one.max_bytes for one in venue.checks] + [one.max_bytes for one in venue.feeds]
    candidates = _named(venue, wanted) or _guessed(venue, path)
    payload = load(path, max(every, default=0), wanted.status)
    tried: list[Tried] = []
    for one in candidates:
        tried.append(_tried(venue, one, payload, wanted))
        if tried[-1].outcome == "read":
            break
    if any(one.asked for one in candidates) or any(one.outcome == "read" for one in tried):
        return min(tried, key=lambda one: OUTCOMES.index(one.outcome))
    now = wanted.received_at or datetime.now(UTC)
    return Tried(reader="none", outcome="nothing", detail=NOT_ASKED, received_at=now)


def listing(name: str, path: Path) -> tuple[Instrument, ...]:
    """The instruments of a stored answer of the venue's check `instruments`. Raises OperatorError if it lists none."""
    tried = read(name, path, Wanted(check="instruments"))
    found = [one for word in tried.words if isinstance(word, InstrumentsListed) for one in word.instruments]
    if not found:
        allowed = "an answer of the venue's check instruments"
        raise OperatorError("--listing", f"{path}: {tried.outcome} {tried.detail}".strip(), allowed, "leave it out")
    return tuple(found)


def check_wanted(name: str, wanted: Wanted) -> None:
    """Check that the venue has the check or feed that is wanted. Raises OperatorError."""
    if name in venues.NAMES and (wanted.check is not None or wanted.feed is not None):
        _named(venues.declared(name), wanted)


def _named(venue: Venue, wanted: Wanted) -> list[_Candidate]:
    """The checks or the feed that the operator named."""
    if wanted.check is not None and wanted.feed is not None:
        raise OperatorError("--feed", wanted.feed, "--check or --feed", "give one of them")
    for key, name, all_of in (("--check", wanted.check, venue.checks), ("--feed", wanted.feed, venue.feeds)):
        if name is None:
            continue
        known = list(dict.fromkeys(one.name for one in all_of))
        if name not in known:
            raise OperatorError(key, name, ", ".join(known) or "(it has none)", nearest(name, known))
        return [_Candidate(one=one, fits=0) for one in all_of if one.name == name]
    return []


def _guessed(venue: Venue, path: Path) -> list[_Candidate]:
    """Those that fit the payload's path, best first; all of the venue where nothing says what it is."""
    asked = _asked(path)
    folders = set(path.resolve().parts[-4:-1])
    found = []
    for check in venue.checks:
        fits, ours = _fit(check.name, given_by_check(check), folders), bool(asked.path) and _asks(venue, check, asked)
        if not asked.frame:
            found.append(_Candidate(one=check, fits=fits + _ASKED * ours, asked=ours or not asked.path))
    for feed in venue.feeds:
        fits = _fit(feed.name, given_by_feed(feed), folders) + asked.frame + _ASKED * (feed.name == asked.feed)
        if not asked.path:
            found.append(_Candidate(one=feed, fits=fits))
    fitting = sorted((one for one in found if one.fits), key=lambda one: -one.fits)
    if fitting and fitting[0].fits >= _ASKED + _NAMED:  # the very check: no other may read its damaged answers
        fitting = [one for one in fitting if one.fits >= _ASKED + _NAMED]
    return fitting or ([] if asked.path else found)


def _fit(name: str, gives: frozenset[str], folders: set[str]) -> int:
    meant = {one for folder in folders for one in _MOVING.get(folder, {folder})}
    return _NAMED * (name in folders) + _GIVES * bool(gives & meant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the source file beside a payload says: the path and body of a request, or that it is a frame.

    `feed`: whose frame it is. Our fixtures are in their feed's folder, and only the source of a check's has a path.
    """

    path: str = ""
    body: Mapping[str, object] = field(default_factory=dict)
    frame: bool = False
    feed: str = ""


def _asked(path: Path) -> _Asked:
    """What was asked, by the source file; nothing where none says it."""
    for source in (path.parent / f"{path.name.partition('.')[0]}.source.toml", path.parent / "source.toml"):
        try:
            stated = tomllib.loads(_bounded(source, MAX_SOURCE_BYTES).decode())
        except (OperatorError, ValueError, RecursionError):
            continue
        text = str(stated.get("endpoint_or_channel") or stated.get("path") or "")
        if "WS" in text:
            return _Asked(frame=True)
        if not text and "page" in stated:
            return _Asked(frame=True, feed=path.parent.parent.name)
        asked = re.sub(r"^.*?(?:GET|POST) ", "", text)
        body: object = {}
        if given := re.search(r"\{.*\}", asked):
            with contextlib.suppress(ValueError, RecursionError):
                body = json.loads(given[0])
        asked = asked.split("?")[0].split(" ")[0]
        asked = asked if asked.startswith("/") else f"/{asked}" if "/" in asked else ""
        return _Asked(path=asked, body=body if isinstance(body, dict) else {})
    return _Asked()


def _asks(venue: Venue, check: RestCheck, asked: _Asked) -> bool:
    """Whether a check asks for this; names of instruments may differ, in braces too."""
    sample = sample_of(venue, check.market)
    call = check.call(sample)
    if call.body is not None and any(
        call.body.get(key) not in (value, sample.symbol) for key, value in asked.body.items()
    ):
        return False
    named = {sample.symbol, sample.symbol.rpartition(":")[2], sample.base}
    wanted = "[^/]+".join(map(re.escape, re.split(r"\{[^}]*\}", asked.path)))
    for path in (call.path, urlsplit(venue.hosts[call.host]).path + call.path):
        ours = "/".join("[^/]+" if step in named else re.escape(step) for step in path.split("/"))
        if re.fullmatch(wanted, path) or re.fullmatch(ours, asked.path):
            return True
    return False


def _tried(venue: Venue, candidate: _Candidate, payload: Payload, wanted: Wanted) -> Tried:
    one, now = candidate.one, wanted.received_at or datetime.now(UTC)
    symbol = wanted.symbol or sample_of(venue, one.market).symbol
    known: dict[str, Instrument] = _AnyInstrument(one.market, wanted.contract_size)
    if wanted.listed is not None:
        known = {instrument.symbol: instrument for instrument in wanted.listed}
    context = Context(
        venue=venue.id, check=one.name, received_at=now, instruments=known, headers=payload.headers,
        instrument=None if isinstance(one, Feed) else known.get(symbol),
    )  # fmt: skip
    try:
        words = _words(venue, one, payload, context)
        newest = max((at for word in words if (at := _stamp(word)) is not None), default=None)
        if wanted.received_at is None and newest is not None:
            now = min(newest, _LATEST) + timedelta(seconds=1)
            words = _words(venue, one, payload, replace(context, received_at=now))
    except Refused as error:
        return Tried(reader=candidate.title, outcome="refused", detail=str(error), received_at=now)
    except Malformed as error:
        detail = f"{error.reason}: {error.path}"
        return Tried(reader=candidate.title, outcome="malformed", detail=detail, received_at=now)
    except (msgspec.DecodeError, UnicodeError) as error:
        return Tried(reader=candidate.title, outcome="malformed", detail=str(error), received_at=now)
    return _admitted(candidate.title, words, now)


def _stamp(word: Word) -> datetime | None:
    """When a message was made: its own stamp, else the settlement that it announces."""
    at = getattr(word, "event_time", None) or getattr(word, "next_at", None)
    return at if isinstance(at, datetime) else None


def _words(venue: Venue, one: RestCheck | Feed, payload: Payload, context: Context) -> tuple[Word, ...]:
    """The messages of a frame or an answer, as the daemon's readers give them. Raises Refused, Malformed, DecodeError."""
    body = payload.body
    if isinstance(one, Feed):
        return tuple(one.read(body, context))
    if body.startswith(_GZIP):
        body = _unpacked(body, one.max_bytes)
    refusal = venue.refuse(payload.status, payload.headers, body, context.received_at)
    if refusal is None and (kind := by_answer(payload.status, body)) is not None:
        refusal = Refused(kind, f"HTTP {payload.status}")
    if refusal is not None:
        raise refusal
    return tuple(one.read(body, context))


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(body, limit)
    except zlib.error as error:
        raise Malformed(f"gzip: {error}") from None
    if not unpacking.eof:
        raise Malformed(f"gzip: cut, or more than {limit} bytes unpacked")
    return plain


def _admitted(reader: str, words: tuple[Word, ...], now: datetime) -> Tried:
    """Pass the messages through the admission gate, as received at `now`."""
    kept: list[Word] = []
    odd: list[OddRows] = []
    out: list[NotAdmitted] = []
    for one in words:
        if isinstance(one, OddRows):
            odd.append(one)
        elif (reason := _reason(one, now)) is not None:
            what = f"{type(one).__name__} of {getattr(one, 'instrument', None) or 'the venue'}"
            out.append(NotAdmitted(what=what, reason=reason.value, word=one))
        else:
            kept.append(one)
    return Tried(
        reader=reader, outcome=_outcome(bool(kept), bool(out), bool(odd)), received_at=now,
        words=tuple(kept), odd=tuple(odd), not_admitted=tuple(out), detail="" if words else NOTHING,
    )  # fmt: skip


def _outcome(kept: bool, out: bool, odd: bool) -> str:
    if kept:
        return "read"
    return "not admitted" if out else "malformed" if odd else "nothing"


def _reason(word: Word, now: datetime) -> MalformedReason | None:
    """Why the gate refuses a message; control messages have no gate."""
    if isinstance(word, BookSnapshot | BookDelta):
        return book_refused(word, now)
    return refused(word) if isinstance(word, Reading) else None
