"""Adds to a frame's books the checksums of that frame, over prices and sizes as they are written. Pure.

A book holds floats, which lose zeros at the end and digits beyond the 17th; a checksum covers the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from probes.dialect import decode
from probes.venue import BookChecksum, BookDelta, BookSnapshot, Context, FeedMessage, LevelText, Malformed, ReadFrame


def checksummed(
    read: ReadFrame,
    *,
    level: tuple[str, str],
    payload: str = "data",
    symbol: str = "symbol",
    checksum: str = "checksum",
    sides: tuple[str, str] = ("bids", "asks"),
) -> ReadFrame:
    """A reader of frames that says, after its books, what the rows of `payload` state as their checksums.

    `level` names price and size of a level; the other names are fields of a row.
    """

    def texts(levels: Sequence[Mapping[str, str]]) -> list[LevelText]:
        written = [[f"{decode.money(one[name], f'$.{name}'):f}" for name in level] for one in levels]
        return [(float(price), price, size) for price, size in written]

    def stated(row: Mapping[str, str]) -> BookChecksum:
        number = decode.integer(int(row[checksum]), f"$.{checksum}")
        bids, asks = (texts(row.get(side, ())) for side in sides)  # type: ignore[arg-type]
        return BookChecksum(instrument=row[symbol], checksum=number, bids=bids, asks=asks)

    def read_both(raw: bytes, context: Context) -> Sequence[FeedMessage]:
        words = read(raw, context)
        books = {one.instrument for one in words if isinstance(one, BookSnapshot | BookDelta)}
        if not books:
            return words
        try:
            rows = json.loads(raw, parse_float=str, parse_int=str)[payload]
            return [*words, *(stated(row) for row in rows if row.get(symbol) in books)]
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise Malformed(f"$.{payload}: {type(error).__name__} {error}"[:200]) from None
        except ValueError as error:
            raise error if isinstance(error, Malformed) else Malformed(f"$.{checksum}: no whole number") from None

    return read_both
