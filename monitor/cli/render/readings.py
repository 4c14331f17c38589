"""Renders readings and the other messages of a venue as words for one cell of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.venue import AnswerWord, FeedMessage

_SKIPPED = {"venue", "received_at", "depth_usd", "slippage_bps"}
_MAX_CHARS = 400


def plain(reading: AnswerWord | FeedMessage) -> dict[str, object]:
    """The fields of a message as plain values."""
    import msgspec

    fields = msgspec.to_builtins(reading, str_keys=True)
    assert isinstance(fields, dict)
    return fields


def words_of(reading: AnswerWord | FeedMessage) -> str:
    """What a message says, in one cell."""
    from probes.readings import BookMeasured, InstrumentsListed
    from probes.venue import BookDelta, BookSnapshot

    if isinstance(reading, InstrumentsListed):
        return f"{len(reading.instruments)} instruments"
    shown = {key: value for key, value in plain(reading).items() if key not in _SKIPPED and value not in (None, "")}
    if isinstance(reading, BookSnapshot | BookDelta):
        shown |= {"bids": _side(reading.bids), "asks": _side(reading.asks)}
    if isinstance(reading, BookMeasured):
        for bps, (bids, asks) in reading.depth_usd.items():
            shown[f"within {bps} bps"] = f"{bids:,.0f} / {asks:,.0f} USD"
    return ", ".join(f"{key} {_short(value)}" for key, value in shown.items())[:_MAX_CHARS]


def _side(levels: object) -> str:
    assert isinstance(levels, list | tuple)
    return f"{len(levels)} levels" + (f" from {levels[0][0]:.10g} × {levels[0][1]:.6g}" if levels else "")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
