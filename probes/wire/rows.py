"""Reads an answer or frame without its odd rows, where it cannot be read whole: an odd row costs that row alone. Pure.

What is read without a row never claims that all is well: a declared "operational" is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TypeVar

import msgspec

from probes.dialect.decode import Decoder
from probes.readings import MalformedReason, ServiceState, ServiceStatus
from probes.venue import Context, Malformed, OddRows

MAX_PATH = 160
Word = TypeVar("Word")
Read = Callable[[bytes, Context], Sequence[Word]]

_OBJECT = Decoder(dict[str, msgspec.Raw])
_LIST = Decoder(list[msgspec.Raw])
_UNREADABLE = (Malformed, msgspec.DecodeError)


def by_rows(*keys: str, inner: str = "") -> Callable[[Read[Word]], Read[Word | OddRows]]:
    """Wrap a reader. `keys` lead from the body to its list of rows (none: the body is the list); `inner` is the list in a row.

    Where no row is good, the reader's own failure stands.
    """

    def wrap(read: Read[Word]) -> Read[Word | OddRows]:
        @wraps(read)
        def reader(body: bytes, context: Context) -> Sequence[Word | OddRows]:
            try:
                return read(body, context)
            except _UNREADABLE as error:
                kept = _Kept(read, context)
                mended = kept.without_odd_rows(body, keys, inner)
                if mended is None:
                    raise error from None
            return [*(one for one in read(mended, context) if not _all_is_well(one)), *kept.odd.values()]

        return reader

    return wrap


def newest_row(*keys: str, at: int = 0) -> Callable[[Read[Word]], Read[Word]]:
    """Wrap a reader of which only one row counts (0 the first, -1 the last), so that an odd older row costs nothing."""

    def wrap(read: Read[Word]) -> Read[Word]:
        @wraps(read)
        def reader(body: bytes, context: Context) -> Sequence[Word]:
            try:
                return read(body, context)
            except _UNREADABLE as error:
                found = _rows(body, keys)
                if found is None or len(found[0]) < 2:
                    raise error from None
            rows, joined = found
            return read(joined([rows[at]]), context)

        return reader

    return wrap


def _all_is_well(word: object) -> bool:
    return isinstance(word, ServiceStatus) and word.state is ServiceState.OPERATIONAL


Join = Callable[[Sequence[msgspec.Raw]], bytes]


def _rows(body: bytes, keys: Sequence[str]) -> tuple[list[msgspec.Raw], Join] | None:
    """The rows of a body, and what puts others in their place; None if there is no such list."""
    whole, envelopes = body, []
    try:
        for key in keys:
            envelope = _OBJECT.decode(whole)
            envelopes.append(envelope)
            whole = bytes(envelope[key])
        rows = _LIST.decode(whole)
    except (*_UNREADABLE, KeyError):
        return None

    def joined(kept: Sequence[msgspec.Raw]) -> bytes:
        text = msgspec.json.encode(kept)
        for key, envelope in zip(reversed(keys), reversed(envelopes), strict=True):
            text = msgspec.json.encode({**envelope, key: msgspec.Raw(text)})
        return text

    return rows, joined


class _Kept:
    """The rows that can be read, and by reason what was wrong with the others."""

    def __init__(self, read: Callable[[bytes, Context], object], context: Context) -> None:
        self._read = read
        self._context = context
        self.odd: dict[MalformedReason, OddRows] = {}

    def without_odd_rows(self, body: bytes, keys: Sequence[str], inner: str) -> bytes | None:
        """The body without its odd rows, None if no row is good or there is no such list."""
        found = _rows(body, keys)
        if found is None:
            return None
        rows, joined = found
        good = self._good(rows, joined, inner)
        return joined(good) if good else None

    def _good(self, rows: Sequence[msgspec.Raw], joined: Join, inner: str) -> list[msgspec.Raw]:
        """The good rows among these: halves are read until an odd row stands alone."""
        try:
            if rows:
                self._read(joined(rows), self._context)
            return list(rows)
        except _UNREADABLE as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                return [*self._good(rows[:middle], joined, inner), *self._good(rows[middle:], joined, inner)]
            mended = self._mended(rows[0], joined, inner) if inner else None
            if mended is not None:
                return [mended]
            self._count(error)
            return []

    def _mended(self, row: msgspec.Raw, joined: Join, inner: str) -> msgspec.Raw | None:
        """A row without the odd rows of the list in it, None if that does not help."""
        inside = _Kept(lambda body, context: self._read(joined([msgspec.Raw(body)]), context), self._context)
        mended = inside.without_odd_rows(bytes(row), (inner,), "")
        if mended is None:
            return None
        for reason, odd in inside.odd.items():
            before = self.odd.get(reason)
            self.odd[reason] = OddRows(
                reason=reason, path=(before or odd).path, count=odd.count + (before.count if before else 0)
            )
        return msgspec.Raw(mended)

    def _count(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, Malformed) else MalformedReason.SHAPE
        before = self.odd.get(reason)
        path = before.path if before is not None else str(error)[:MAX_PATH]
        self.odd[reason] = OddRows(reason=reason, path=path, count=1 + (before.count if before else 0))
