"""Compiles `Rows` into a reader of a whole message: every row is decoded at once, and one by one if one of them is odd.

An odd row costs itself and is counted with its reason (`OddRows`). A message without any good row is malformed as a whole. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from probes.dialect import declared as words
from probes.dialect import market, service
from probes.dialect.books import books
from probes.dialect.columns import Columns, Text
from probes.dialect.declared import Rows, Said
from probes.dialect.decode import UNREADABLE, Decoder, unreadable
from probes.dialect.market import Head, Reader
from probes.readings import Instrument, InstrumentsListed, MalformedReason, ServiceState, ServiceStatus
from probes.venue import Context, FundingIntervals, Malformed, OddRows

_RAWS = Decoder(list[msgspec.Raw])
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)
ReadRows = Callable[[bytes | msgspec.Raw, Context, Head], list[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class RowsReader:
    """Reads a message (`read`): its shape for msgspec, and what it means once it is decoded (`mean`)."""

    declared: Rows
    read: ReadRows
    shape: Any
    mean: Callable[[Any, Context, Head], list[Any]]


_READERS: Mapping[type[Said], Callable[[Any, Rows, Columns], Reader]] = {
    words.ServerTimes: service.server_times,
    words.Statuses: service.statuses,
    words.Wallets: service.wallets,
    words.Listing: service.listing,
    words.Liquidations: market.liquidations,
    words.OpenInterests: market.open_interests,
    words.FundingRates: market.funding_rates,
    words.Intervals: market.intervals,
    words.MarkPrices: market.mark_prices,
    words.LongShortRatios: market.long_short_ratios,
    words.InsuranceFunds: market.insurance_funds,
    words.Deleveragings: market.deleveragings,
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


def _some(shape: Any) -> Any:
    """A list of rows, or one row; rows that are lists come in a list only."""
    return list[shape] if shape.__struct_config__.array_like else list[shape] | shape


class _Table:
    """The compiled rows: how they are decoded, all at once or one by one, and who reads each."""

    def __init__(self, rows: Rows) -> None:
        columns = Columns()
        self.rows = rows
        self.readers = tuple(_READERS[type(said)](said, rows, columns) for said in rows.says)
        self.counts = _only(rows, columns)
        row: Any = columns.struct()
        outer = Columns()
        self._subject = attrgetter(outer.use(rows.subject, Text) if rows.subject else "absent")
        shape: Any = outer.struct(inner=(rows.each, list[row])) if rows.each else row
        apart: Any = outer.struct(inner=(rows.each, list[msgspec.Raw])) if rows.each else row
        self.shape, self._take = nested(rows.where, Any if rows.unfold is not None else _some(shape))
        leaf, self._take_leaf = nested(rows.where, msgspec.Raw)
        self._leaf: Decoder[Any] = Decoder(leaf)
        self._apart: Decoder[Any] = Decoder(apart, strict=False)
        self._row: Decoder[Any] = Decoder(row, strict=False)
        self.row: Any = row
        self.decode = Decoder(self.shape, strict=False).bare
        self._rows_shape: Any = list[row]
        self._part = slice(rows.first) if rows.last is None else slice(-rows.last, None)
        self._partial = rows.first is not None or rows.last is not None

    def every(self, found: Any) -> Sequence[Any]:
        """All rows of a decoded message."""
        if self._take is not None:
            found = self._take(found)
        if type(found) is not list or self.rows.whole:
            return (found,)
        return self.part(found)

    def part(self, found: list[Any]) -> list[Any]:
        """The rows that count of all."""
        return found[self._part] if self._partial else found

    def pairs(self, found: Sequence[Any], head: Head) -> Iterable[tuple[Any, Head]]:
        """Each row with its head: the outer row's symbol, where rows are inside rows. A row may be its Malformed."""
        for one in self._unfolded(found) if self.rows.unfold is not None else found:
            if not self.rows.each or isinstance(one, Malformed):
                yield one, head
                continue
            inner_head = Head(head.at, self._subject(one), head.kind, head.engine_at, head.sequence)
            for row in one.inner:
                yield _alone(self._row, row) if isinstance(row, msgspec.Raw) else row, inner_head

    def apart(self, raw: bytes | msgspec.Raw) -> list[Any]:
        """The rows decoded one by one; an odd one is its Malformed. Raises if the message is no list of rows."""
        leaf = self._leaf.decode(raw)
        rows = _RAWS.decode(leaf if self._take_leaf is None else self._take_leaf(leaf))
        return [_alone(self._apart, one) for one in rows[self._part]]

    def _unfolded(self, found: Iterable[Any]) -> Iterable[Any]:
        """The rows that the venue's function makes of each; what it or the conversion cannot read is its Malformed."""
        assert self.rows.unfold is not None, "rows with a function"
        for one in found:
            rows: list[Any] = []
            try:
                rows = [*self.rows.unfold(one)]
                yield from msgspec.convert(rows, self._rows_shape, strict=False)
            except Malformed as error:
                yield error
            except msgspec.ValidationError:
                yield from (_converted(row, self.row) for row in rows)
            except _UNREADABLE as error:
                yield Malformed(f"$: {type(error).__name__} {error}"[:200])

    def nested_rows(self, found: Sequence[Any], context: Context, head: Head) -> list[Any]:
        """What the rows inside rows mean, if all of them are good."""
        meant: list[Any] = []
        readers, subject = self.readers, self._subject
        for one in found:
            inner = Head(head.at, subject(one), head.kind, head.engine_at, head.sequence)
            for row in one.inner:
                if self.counts is not None and not self.counts(row):
                    continue
                for read in readers:
                    said = read(row, context, inner)
                    if said is not None:
                        meant.append(said)  # a comprehension for each row is slower
        return meant

    def each_alone(self, found: Sequence[Any], context: Context, head: Head, odd: Exception | None) -> list[Any]:
        """Reads each row by itself: an odd one costs itself. Raises `odd`, or the first Malformed, if no row is good."""
        meant: list[Any] = []
        refused: list[Malformed] = []
        good = False
        for row, row_head in self.pairs(found, head):
            try:
                if isinstance(row, Malformed):
                    raise row
                if self.counts is None or self.counts(row):
                    said = [read(row, context, row_head) for read in self.readers]
                    meant += [one for one in said if one is not None]
                good = True
            except Malformed as error:
                refused.append(error)
        if refused and not good:
            raise odd if odd is not None else refused[0]
        return [*meant, *_counted(refused)] if refused else meant


def _only(rows: Rows, columns: Columns) -> Callable[[Any], bool] | None:
    """Whether a row has the values that it must have to count; None: every row counts."""
    checks = [(attrgetter(columns.use(name)), allowed.__contains__) for name, allowed in rows.only.items()]
    if not checks:
        return None

    def counts(row: Any) -> bool:
        for get, allows in checks:  # noqa: SIM110  # a generator would cost more than the checks
            if not allows(get(row)):
                return False
        return True

    return counts


def _counted(refused: Sequence[Malformed]) -> list[OddRows]:
    """What was refused, by reason, each with the place of its first."""
    first: dict[MalformedReason, tuple[str, int]] = {}
    for one in refused:
        path, count = first.get(one.reason, (one.path[:200], 0))
        first[one.reason] = (path, count + 1)
    return [OddRows(reason=reason, path=path, count=count) for reason, (path, count) in first.items()]


def _alone(decoder: Decoder[Any], raw: msgspec.Raw) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.ValidationError, Malformed) as error:
        return error if isinstance(error, Malformed) else Malformed(str(error))


def _converted(row: Any, shape: Any) -> Any:
    try:
        return msgspec.convert(row, shape, strict=False)
    except msgspec.ValidationError as error:
        return Malformed(str(error))


def reader(rows: Rows) -> RowsReader:
    """The reader of a message that holds such rows. It raises Malformed, or msgspec's errors, if no row can be read."""
    table = _Table(rows)
    finish, only = _finish(rows), table.readers[0] if len(table.readers) == 1 else None
    lone = only is not None and rows.unfold is None and not rows.each and finish is None and not rows.where
    mean = _lone(table, only) if lone and only is not None and not rows.whole else _many(table, finish)
    decode = table.decode

    def read(raw: bytes | msgspec.Raw, context: Context, head: Head) -> list[Any]:
        try:
            found = decode(raw)
        except msgspec.ValidationError as error:
            meant = table.each_alone(_apart(table, raw, error), context, head, error)
            return meant if finish is None else finish(meant, context)
        except UNREADABLE as error:
            raise unreadable(error) from None
        return mean(found, context, head)

    return RowsReader(rows, read, table.shape, mean)


def without_stamp(rows: Rows) -> bool:
    """Whether all that rows say has a stamp of its own, so that the frame's need not be read."""
    return all(isinstance(said, words.Liquidations) for said in rows.says)


def _many(
    table: _Table, finish: Callable[[list[Any], Context], list[Any]] | None
) -> Callable[[Any, Context, Head], list[Any]]:
    """What the rows of a decoded message mean: one thing or several each, and all of them together (`finish`)."""
    plain, flat, counts = table.rows.unfold is None, not table.rows.each, table.counts
    readers, only = table.readers, table.readers[0] if len(table.readers) == 1 else None

    def every(found: Sequence[Any], context: Context, head: Head) -> list[Any]:
        if not flat:
            return table.nested_rows(found, context, head)
        if counts is not None and not (len(found) == 1 and counts(found[0])):
            found = [row for row in found if counts(row)]
        if only is not None:
            return [one for row in found if (one := only(row, context, head)) is not None]
        return [one for row in found for each in readers if (one := each(row, context, head)) is not None]

    def mean(message: Any, context: Context, head: Head) -> list[Any]:
        found = table.every(message)
        try:
            meant = every(found, context, head) if plain else table.each_alone(found, context, head, None)
        except Malformed:
            if not plain:
                raise
            meant = table.each_alone(found, context, head, None)  # begin anew, each row by itself
        return meant if finish is None else finish(meant, context)

    return mean


def _lone(table: _Table, reader: Reader) -> Callable[[Any, Context, Head], list[Any]]:
    """What rows mean that say one thing, fast where a message is one row, as most frames are."""
    row, counts = table.row, table.counts

    def mean(found: Any, context: Context, head: Head) -> list[Any]:
        if type(found) is row:
            if counts is not None and not counts(found):
                return []
            one = reader(found, context, head)
            return [] if one is None else [one]
        found = table.part(found)
        if counts is not None:
            found = [row for row in found if counts(row)]
        try:
            return [one for row in found if (one := reader(row, context, head)) is not None]
        except Malformed:  # begin anew, each row by itself
            return table.each_alone(found, context, head, None)

    return mean


def _apart(table: _Table, raw: Any, error: msgspec.ValidationError) -> list[Any]:
    """The rows one by one; the first failure stands if the message is no list of rows."""
    try:
        return table.apart(raw)
    except (msgspec.DecodeError, Malformed):
        raise error from None


def _finish(rows: Rows) -> Callable[[list[Any], Context], list[Any]] | None:
    """What all rows mean together: one listing of all instruments, and the state of a venue that declares nothing now."""
    if any(isinstance(said, words.Listing) for said in rows.says):
        return _listed
    if any(isinstance(said, words.ServerTimes) for said in rows.says):
        return _timed
    lengths = next((said for said in rows.says if isinstance(said, words.Intervals)), None)
    if lengths is not None:
        return lambda meant, _context: _intervals(meant, lengths.otherwise_s)
    healthy = next((said.healthy for said in rows.says if isinstance(said, words.Statuses)), None)
    if healthy is None:
        return None
    state = healthy

    def with_health(meant: list[Any], context: Context) -> list[Any]:
        if any(isinstance(one, OddRows) for one in meant):  # what could not be read may say that all is not well
            return [
                one for one in meant if not (isinstance(one, ServiceStatus) and one.state is ServiceState.OPERATIONAL)
            ]
        if any(isinstance(one, ServiceStatus) and not _to_come(one) for one in meant):
            return meant
        return [*meant, ServiceStatus(venue=context.venue, received_at=context.received_at, state=state)]

    return with_health


def _timed(meant: list[Any], context: Context) -> list[Any]:
    """An answer about the clock has a time."""
    if not meant:
        raise Malformed("$: a clock without a row", MalformedReason.STAMP)
    return meant


def _intervals(meant: list[Any], otherwise_s: float | None) -> list[Any]:
    """One list of all intervals, and the odd rows. Beside an odd row, and empty, it does not say which symbols are left out."""
    odd = [one for one in meant if isinstance(one, OddRows)]
    known = {key: value for one in meant if isinstance(one, FundingIntervals) for key, value in one.by_symbol.items()}
    return [FundingIntervals(by_symbol=known, otherwise_s=otherwise_s if known and not odd else None), *odd]


def _to_come(one: ServiceStatus) -> bool:
    return one.planned and one.state is ServiceState.OPERATIONAL


def _listed(meant: list[Any], context: Context) -> list[Any]:
    """One listing first, then the other readings of the same rows."""
    instruments = tuple(one for one in meant if isinstance(one, Instrument))
    others = [one for one in meant if not isinstance(one, Instrument)]
    whole = InstrumentsListed(venue=context.venue, received_at=context.received_at, instruments=instruments)
    return [whole, *others]


_COMPILED = "compiled_from"


def compiled(read: Callable[..., Any], *rows: Rows, channels: tuple[str, ...] = ()) -> None:
    """Note on a reader which rows it was compiled from, and for frames which channels."""
    vars(read)[_COMPILED] = (rows, channels)


def compiled_from(read: Callable[..., Any]) -> tuple[tuple[Rows, ...], tuple[str, ...]]:
    """The rows that a reader was compiled from, and the channels of one of frames; nothing of one that is written by hand."""
    noted: tuple[tuple[Rows, ...], tuple[str, ...]] = getattr(read, _COMPILED, ((), ()))
    return noted
