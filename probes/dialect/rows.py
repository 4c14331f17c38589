"""Compiles `Rows` into a reader of a whole message: every row is decoded at once, and one by one if one of them is odd.

An odd row costs itself and is counted (`RowsRefused`). A message of which no row can be read is malformed as a whole. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from operator import attrgetter
from typing import Any

import msgspec

from probes.dialect import declared as words
from probes.dialect import market, service
from probes.dialect.books import books
from probes.dialect.columns import Columns, Text
from probes.dialect.declared import Rows, Said
from probes.dialect.decode import Decoder
from probes.dialect.market import Head, Reader
from probes.readings import Instrument, InstrumentsListed, ServiceState, ServiceStatus
from probes.venue import Context, Malformed, RowsRefused

RowsReader = Callable[[bytes | msgspec.Raw, Context, Head], list[Any]]
_READERS: Mapping[type[Said], Callable[[Any, Rows, Columns], Reader]] = {
    words.ServerTimes: service.server_times,
    words.Statuses: service.statuses,
    words.Wallets: service.wallets,
    words.Listing: service.listing,
    words.Liquidations: market.liquidations,
    words.OpenInterests: market.open_interests,
    words.FundingRates: market.funding_rates,
    words.MarkPrices: market.mark_prices,
    words.LongShortRatios: market.long_short_ratios,
    words.Volumes: market.volumes,
    words.Books: books,
}


def nested(where: str, leaf: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """The shape of a message with `leaf` at a dotted path, and what takes the leaf from it (None: it is the message)."""
    steps = where.split(".") if where else []
    shape = leaf
    for step in reversed(steps):
        shape = msgspec.defstruct("Outer", [("inside", shape)], rename={"inside": step})
    return shape, attrgetter(".".join(["inside"] * len(steps))) if steps else None


class _Table:
    """The compiled rows: how they are decoded, all at once or one by one, and who reads each."""

    def __init__(self, rows: Rows) -> None:
        columns = Columns()
        self.rows = rows
        self.readers = tuple(_READERS[type(said)](said, rows, columns) for said in rows.says)
        self._only = [(attrgetter(columns.use(name)), allowed) for name, allowed in rows.only.items()]
        shape: Any = columns.struct()
        self._inner: Decoder[Any] | None = None
        if rows.each:
            self._inner = Decoder(shape, strict=False)
            outer = Columns()
            self._subject = attrgetter(outer.use(rows.subject, Text) if rows.subject else "absent")
            self._odd_outer = Decoder(outer.struct(inner=(rows.each, list[msgspec.Raw])), strict=False)
            shape = outer.struct(inner=(rows.each, list[shape]))
        self._shape = dict[str, Any] if rows.unfold is not None else shape
        self._row_shape = shape
        whole, self._take = nested(rows.where, Any if rows.unfold is not None else list[shape] | shape)
        self._all: Decoder[Any] = Decoder(whole, strict=False)
        raw, self._take_raw = nested(rows.where, msgspec.Raw)
        self._raw: Decoder[Any] = Decoder(raw)
        self._partial = rows.first is not None or rows.last is not None
        self._list = Decoder(list[msgspec.Raw])
        self._one: Decoder[Any] = Decoder(shape, strict=False)

    def every(self, raw: bytes | msgspec.Raw) -> Sequence[Any]:
        """All rows, decoded at once. Raises msgspec's ValidationError if one of them is odd."""
        found = self._all.decode(raw)
        if self._take is not None:
            found = self._take(found)
        if type(found) is not list or self.rows.whole:
            return (found,)
        return self._part(found) if self._partial else found

    def each(self, raw: bytes | msgspec.Raw) -> list[Any]:
        """The rows one by one; an odd one is its Malformed. Raises as `every` if there are none to tell apart."""
        leaf = self._raw.decode(raw)
        if self._take_raw is not None:
            leaf = self._take_raw(leaf)
        return [self._alone(one) for one in self._part(self._list.decode(leaf))]

    def _part(self, found: list[Any]) -> list[Any]:
        if self.rows.first is not None:
            return found[: self.rows.first]
        return found if self.rows.last is None else found[-self.rows.last :]

    def _alone(self, raw: msgspec.Raw) -> Any:
        try:
            if self._inner is None:
                return self._one.decode(raw)
            outer: Any = self._odd_outer.decode(raw)
            outer.inner = [self._inner_alone(one) for one in outer.inner]
        except (msgspec.ValidationError, Malformed) as error:
            return error if isinstance(error, Malformed) else Malformed(str(error))
        return outer

    def _inner_alone(self, raw: msgspec.Raw) -> Any:
        assert self._inner is not None, "rows inside rows"
        try:
            return self._inner.decode(raw)
        except (msgspec.ValidationError, Malformed) as error:
            return error if isinstance(error, Malformed) else Malformed(str(error))

    def flat(self, found: Iterable[Any], head: Head) -> Iterable[tuple[Any, Head]]:
        """Each row that counts, with its head: the outer row's symbol, where rows are inside rows. Odd ones raise Malformed."""
        for one in self._unfolded(found) if self.rows.unfold is not None else found:
            if isinstance(one, Malformed):
                raise one
            if self._inner is None:
                inner, inner_head = [one], head
            else:
                inner, inner_head = (
                    one.inner,
                    Head(head.at, self._subject(one), head.kind, head.engine_at, head.sequence),
                )
            for row in inner:
                if isinstance(row, Malformed):
                    raise row
                if all(get(row) in allowed for get, allowed in self._only):
                    yield row, inner_head

    def carefully(self, found: Iterable[Any], context: Context, head: Head, odd: Exception | None) -> list[Any]:
        """Reads each row by itself: an odd one costs itself. Raises `odd`, or the first Malformed, if no row is good."""
        meant: list[Any] = []
        refused: list[str] = []
        good = False
        for one in found:
            if self._inner is not None and not isinstance(one, Malformed):
                parts: list[Any] = [self._with_inner(one, row) for row in one.inner]
            else:
                parts = [one]
            for part in parts:
                try:
                    meant += [
                        reading
                        for row, row_head in self.flat([part], head)
                        for reading in [read(row, context, row_head) for read in self.readers]
                        if reading is not None
                    ]
                    good = True
                except Malformed as error:
                    refused.append(error.path)
        if refused and not good:
            raise odd if odd is not None else Malformed(refused[0])
        return [*meant, RowsRefused(path=refused[0][:200], count=len(refused))] if refused else meant

    def _with_inner(self, outer: Any, row: Any) -> Any:
        alone = copy(outer)
        alone.inner = [row]
        return alone

    def _unfolded(self, found: Iterable[Any]) -> Iterable[Any]:
        """The rows that the venue's function makes of each; what it or the conversion cannot read is its Malformed."""
        assert self.rows.unfold is not None, "rows with a function"
        for one in found:
            try:
                yield from msgspec.convert(list(self.rows.unfold(one)), list[self._row_shape], strict=False)  # type: ignore[name-defined]
            except Malformed as error:
                yield error
            except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                yield Malformed(f"$: {type(error).__name__} {error}"[:200])


def reader(rows: Rows) -> RowsReader:
    """The reader of a message that holds such rows. It raises Malformed, or msgspec's errors, if no row can be read."""
    table = _Table(rows)
    readers = table.readers
    finish = _finish(rows)
    plain = rows.unfold is None and not rows.each and not rows.only

    def read(raw: bytes | msgspec.Raw, context: Context, head: Head) -> list[Any]:
        try:
            found = table.every(raw)
        except msgspec.ValidationError as error:
            careful = table.carefully(_each(table, raw, error), context, head, error)
            return careful if finish is None else finish(careful, context)
        meant: list[Any] = []
        try:
            if plain:
                for row in found:
                    for read_row in readers:
                        one = read_row(row, context, head)
                        if one is not None:
                            meant.append(one)
            else:
                for row, row_head in table.flat(found, head):
                    meant += [one for read_row in readers if (one := read_row(row, context, row_head)) is not None]
        except Malformed:  # begin anew, each row by itself
            meant = table.carefully(found, context, head, None)
        return meant if finish is None else finish(meant, context)

    return read


def _each(table: _Table, raw: Any, error: msgspec.ValidationError) -> list[Any]:
    """The rows one by one; the first failure stands if the message is no list of rows."""
    try:
        return table.each(raw)
    except (msgspec.DecodeError, Malformed):
        raise error from None


def _finish(rows: Rows) -> Callable[[list[Any], Context], list[Any]] | None:
    """What all rows mean together: one listing of all instruments, and the state of a venue that declares nothing now."""
    if any(isinstance(said, words.Listing) for said in rows.says):
        return _listed
    healthy = next((said.healthy for said in rows.says if isinstance(said, words.Statuses)), None)
    if healthy is None:
        return None
    state = healthy

    def with_health(meant: list[Any], context: Context) -> list[Any]:
        if any(isinstance(one, ServiceStatus) and not _to_come(one) for one in meant):
            return meant
        return [*meant, ServiceStatus(venue=context.venue, received_at=context.received_at, state=state)]

    return with_health


def _to_come(one: ServiceStatus) -> bool:
    return one.planned and one.state is ServiceState.OPERATIONAL


def _listed(meant: list[Any], context: Context) -> list[Any]:
    """One listing first, then the other readings of the same rows."""
    instruments = tuple(one for one in meant if isinstance(one, Instrument))
    others = [one for one in meant if not isinstance(one, Instrument)]
    whole = InstrumentsListed(venue=context.venue, received_at=context.received_at, instruments=instruments)
    return [whole, *others]
