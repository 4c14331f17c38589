"""Times how long a side of a book takes to come back after a sweep: half of what it lost within 25 bps. Pure.

A sweep is a fall of that depth by half or more between two samples that are a second apart. The time is as exact as the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

from probes.readings import BookMeasured, BookRefilled, BookState

BAND_BPS = 25
FALLEN = 0.5
MIN_DEPTH_USD = 10_000.0
"""A side with less than this within the band, in units of its quote, is swept by any small order."""
SWEPT_WITHIN_S = 1.5
"""A second between samples, and the lateness of one."""
MAX_REFILL_S = 300.0
"""After so long the book is reported as not come back; it may have another usual depth now."""
SIDES = ("bid", "ask")


@dataclass(slots=True)
class _Side:
    """One side of a book: its last depth, and the sweep under way (`swept_s` None: there is none). Depths in quote units."""

    last: float | None = None
    swept_s: float | None = None
    before: float = 0.0
    least: float = 0.0


class Refills:
    """Follows both sides of one book over its samples. Times are unix seconds."""

    def __init__(self) -> None:
        self._sides = (_Side(), _Side())
        self._last_s = float("-inf")

    def sampled(self, book: BookMeasured, now_s: float) -> list[BookRefilled]:
        """Take a sample; tell the sides that have come back, or that nobody can follow any longer."""
        depths = book.depth_usd.get(BAND_BPS) if book.state is not BookState.UNSYNCED else None
        sudden = now_s - self._last_s <= SWEPT_WITHIN_S
        self._last_s = now_s
        ended = []
        for at, side in enumerate(self._sides):
            depth = None if depths is None else depths[at]
            after_s = self._after_s(side, depth, book.state, now_s)
            if after_s is not None:
                refilled_s, censored = after_s
                ended.append(
                    BookRefilled(
                        venue=book.venue, instrument=book.instrument, received_at=book.received_at, side=SIDES[at],
                        refill_s=refilled_s, fallen=1 - side.least / side.before, censored=censored,
                    )
                )  # fmt: skip
                side.swept_s = None
            elif side.swept_s is None and sudden and _is_sweep(side.last, depth):
                side.swept_s, side.before, side.least = now_s, side.last or 0.0, depth or 0.0
            side.last = depth
        return ended

    def _after_s(self, side: _Side, depth: float | None, state: BookState, now_s: float) -> tuple[float, bool] | None:
        """How long a sweep that is over took, and whether that is only the least it took. None: there is none, or it goes on."""
        if side.swept_s is None:
            return None
        took_s = max(now_s - side.swept_s, 0.0)
        if depth is not None:
            side.least = min(side.least, depth)
            if depth >= (side.before + side.least) / 2 and took_s <= MAX_REFILL_S:
                return took_s, False
        if took_s >= MAX_REFILL_S or state is BookState.UNSYNCED:
            return min(took_s, MAX_REFILL_S), True
        return None


def _is_sweep(before: float | None, depth: float | None) -> bool:
    """Whether a fall between two known depths is one; a side that is thin has none."""
    return before is not None and depth is not None and before >= MIN_DEPTH_USD and depth <= before * (1 - FALLEN)
