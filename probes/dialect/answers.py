"""Compiles the declarations about REST into the form's functions: checks, answers, refusals, budget headers. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from re import Pattern, escape
from re import compile as pattern
from typing import Any

import msgspec

from probes.dialect import decode
from probes.dialect.codes import Errors, meaning
from probes.dialect.columns import clock
from probes.dialect.declared import Rows, Said, Stamp
from probes.dialect.market import Head
from probes.dialect.rows import compiled, nested, reader
from probes.readings import Instrument, Market, Refusal
from probes.venue import (
    AnswerWord,
    Context,
    Malformed,
    Per,
    ReadAnswer,
    Refused,
    RestCall,
    RestCheck,
    Usage,
)

Refuse = Callable[[int, Mapping[str, str], bytes, datetime], Refused | None]


def answer(*rows: Rows, at: Stamp | None = None) -> ReadAnswer:
    """Reads an answer by each of `rows`. `at`: the dotted path of the answer's own stamp, for rows without one."""
    read = _answer(rows, at)
    compiled(read, *rows)
    return read


def _answer(rows: Sequence[Rows], at: Stamp | None) -> ReadAnswer:
    readers = [reader(one).read for one in rows]
    if at is None:
        head = Head()
        if len(readers) == 1:
            only = readers[0]
            return lambda body, context: only(body, context, head)
        return lambda body, context: [one for read in readers for one in read(body, context, head)]
    shape, take = nested(str(at.name), str | int | float | None)
    assert take is not None, "the name of a field"
    stamps, time = decode.Decoder(shape, strict=False), clock(at)

    def read_stamped(body: bytes, context: Context) -> Sequence[Any]:
        stamped = Head(at=time(take(stamps.decode(body))))
        return [one for read in readers for one in read(body, context, stamped)]

    return read_stamped


def rows(*says: Said, where: str = "", **more: Any) -> Rows:
    """Rows that say this: as `Rows`, whose fields are `more`."""
    return Rows(says=says, where=where, **more)


def values(rows: Rows, where: str = "result") -> ReadAnswer:
    """Reads rows that are the values of an object, by names of the venue's own: an odd one costs itself, as in a list."""
    read, shape = answer(rows), msgspec.defstruct("Named", [(where, dict[str, msgspec.Raw])])
    named: decode.Decoder[Any] = decode.Decoder(shape)

    def read_values(body: bytes, context: Context) -> Sequence[AnswerWord]:
        found_rows = getattr(named.decode(body), where).values()
        return read(b"[%b]" % b",".join(map(bytes, found_rows)), context)

    compiled(read_values, rows)
    return read_values


def newest(stamp: str) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The row with the latest stamp, where no page says in which order they come: for `Rows.unfold` with `whole`."""
    return lambda rows: sorted(rows, key=lambda row: int(row[stamp]))[-1:]


def check(
    name: str, path: str, read: Rows | ReadAnswer, every_s: float, market: Market | None = None, **query: str
) -> RestCheck:
    """A check. "{}" in the path or query is the wire's name of the instrument, "{base}" its asset: then each is asked for.

    Further fields (`host`, `signed`, `cost`, …) are changed with `dataclasses.replace` and `calls`.
    """
    return _check(name, read, every_s, market, RestCall(path=path, query=query))


def post(
    name: str, path: str, read: Rows | ReadAnswer, every_s: float, market: Market | None = None, **body: str
) -> RestCheck:
    """As `check`, but asked by a POST of `body` as JSON."""
    return _check(name, read, every_s, market, RestCall(path=path, body=body))


def _check(name: str, read: Rows | ReadAnswer, every_s: float, market: Market | None, pattern: RestCall) -> RestCheck:
    """The check whose calls are `pattern` with the instrument's names in it."""
    reads = answer(read) if isinstance(read, Rows) else read
    body = pattern.body or {}
    each = any("{" in text for text in (pattern.path, *pattern.query.values(), *body.values()))
    prefix = read.prefix if isinstance(read, Rows) else ""

    def call(one: Instrument | None) -> RestCall:
        if not each:
            return pattern
        assert one is not None, "asked per instrument"
        symbol, asset = one.symbol.removeprefix(prefix), one.base

        def filled(texts: Mapping[str, str]) -> Mapping[str, str]:
            return {key: text.format(symbol, base=asset) for key, text in texts.items()}

        return replace(
            pattern, path=pattern.path.format(symbol, base=asset), endpoint=pattern.path, query=filled(pattern.query),
            body=None if pattern.body is None else filled(body),
        )  # fmt: skip

    per = Per.INSTRUMENT if each else Per.VENUE
    return RestCheck(name=name, call=call, read=reads, every_s=every_s, per=per, market=market)


def calls(one: RestCheck, **changes: Any) -> RestCheck:
    """The check with other fields of its calls: host, weight (`cost`), budget or signature."""
    return replace(one, call=lambda instrument: replace(one.call(instrument), **changes))


def sends(
    make: Callable[[Sequence[str], int], Sequence[Any]], prefix: str = ""
) -> Callable[[Sequence[Instrument], datetime], Sequence[str]]:
    """A feed's `subscribe`: `make` gets the wire's names of the instruments and unix seconds, and gives the messages."""

    def messages(instruments: Sequence[Instrument], now: datetime) -> Sequence[str]:
        names = [one.symbol.removeprefix(prefix) for one in instruments]
        return [json.dumps(one) for one in make(names, int(now.timestamp()))]

    return messages


def found(whole: Any, path: str) -> Any:
    """The value at a dotted path of a decoded message; a number counts an element of a list. None if there is none."""
    for step in path.split("."):
        if isinstance(whole, list) and step.isdecimal() and int(step) < len(whole):
            whole = whole[int(step)]
        else:
            whole = whole.get(step) if isinstance(whole, dict) else None
    return whole


def names_at(path: str) -> Callable[[Any], Sequence[str]]:
    """A control's `names`: the texts of the list at this path of the frame; none where there is no list."""

    def names(whole: Any) -> Sequence[str]:
        listed = found(whole, path)
        return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []

    return names


def refusals(errors: Errors) -> Refuse:
    """The function `Venue.refuse` of a venue whose error codes are a table."""
    fields = {path.split(".")[0]: f"f{at}" for at, path in enumerate((*errors.code, *errors.text))}
    shape: list[Any] = [(attribute, Any, None) for attribute in fields.values()]
    envelope = msgspec.defstruct("Envelope", shape, rename={attribute: name for name, attribute in fields.items()})
    decoder: decode.Decoder[Any] = decode.Decoder(envelope)
    kind_of = meaning(errors.refusals)
    ends = pattern(f"{escape(errors.banned_until)}(\\d{{12,14}})") if errors.banned_until else None

    def refuse(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
        try:
            read = decoder.decode(body)
        except (msgspec.DecodeError, Malformed):
            return None
        whole = {name: getattr(read, attribute) for name, attribute in fields.items()}
        code = next((str(one) for path in errors.code if (one := found(whole, path)) is not None), None)
        if code is None or code in errors.good:
            return None
        kind = kind_of(code)
        if kind is None:
            if status >= 400:
                return None
            kind = Refusal.UNKNOWN_CODE
        texts = [str(one) for path in errors.text if (one := found(whole, path)) not in (None, "")]
        detail = f"{code} {' '.join(texts)}".strip()
        if ends is not None and status in (418, 429) and kind is not Refusal.THROTTLED:
            return None
        if ends is not None and (status == 418 or ends.search(detail)):
            return Refused(Refusal.BANNED, detail, until=_after(ends, detail))
        if kind is not Refusal.THROTTLED:
            return Refused(kind, detail)
        left_ms = decode.header_number(headers, errors.resets_in)
        wait_s = None if left_ms is None or left_ms < 0 else left_ms / 1000
        return Refused(kind, detail, until=_resets_at(headers, errors.resets_at), retry_after_s=wait_s)

    return refuse


def _after(ends: Pattern[str], text: str) -> datetime | None:
    """The time in a text of a ban, if it has one."""
    found_at = ends.search(text)
    return None if found_at is None else datetime.fromtimestamp(int(found_at[1]) / 1000, UTC)


def usages(*each: Callable[[Mapping[str, str], datetime], Sequence[Usage]]) -> Any:
    """The function `Venue.usage` of a venue whose hosts have headers of their own names."""
    return lambda headers, now: [one for usage in each for one in usage(headers, now)]


def _resets_at(headers: Mapping[str, str], name: str) -> datetime | None:
    """The end of the window in unix seconds, if the header has a time."""
    resets_s = decode.header_number(headers, name) if name else None
    return datetime.fromtimestamp(resets_s, UTC) if resets_s is not None and 0 < resets_s < 7e9 else None


def _resets_in(headers: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    """The end of the window, if the header has the milliseconds to it: an hour at most."""
    left_ms = decode.header_number(headers, name)
    return now + timedelta(milliseconds=left_ms) if left_ms is not None and 0 <= left_ms <= 3_600_000 else None


def budget_headers(
    budget: str, *, remaining: str = "", used: str = "", limit: str = "", resets_at: str = "", resets_in_ms: str = ""
) -> Callable[[Mapping[str, str], datetime], Sequence[Usage]]:
    """The function `Venue.usage` of a venue that states its budget in headers (lower-case names): all named figures, or none.

    `resets_at` has the end of the window in unix seconds, `resets_in_ms` the milliseconds to it.
    """

    def usage(headers: Mapping[str, str], now: datetime) -> Sequence[Usage]:
        values = {name: decode.header_number(headers, name) for name in (remaining, used, limit) if name}
        if not values or None in values.values():
            return ()
        return (
            Usage(
                budget=budget, used=values.get(used), remaining=values.get(remaining), limit=values.get(limit),
                resets_at=_resets_in(headers, resets_in_ms, now) if resets_in_ms else _resets_at(headers, resets_at),
            ),
        )  # fmt: skip

    return usage
