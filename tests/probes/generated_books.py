"""Generated books and update streams, of which a stated share is in order, and what is true of them by construction.

The truth is counted in fractions and from the stream itself; nothing here calls the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

Level = tuple[float, float]
Levels = list[Level]


@dataclass(frozen=True, slots=True)
class Sides:
    """A book's two sides, in no order."""

    bids: Levels
    asks: Levels

    @property
    def in_order(self) -> bool:
        """Both sides exist and do not cross."""
        bids, asks = [price for price, size in self.bids if size > 0], [price for price, size in self.asks if size > 0]
        return bool(bids) and bool(asks) and max(bids) < min(asks)


@st.composite
def ordered(draw: st.DrawFn) -> Sides:
    """A book whose bids lie below and whose asks lie above a middle, most of them near it."""
    middle = draw(st.floats(0.01, 1e5))
    distance_bps = st.floats(0.5, 60) | st.floats(0.5, 400)
    size = st.floats(1.0, 1e6).map(lambda usd: usd / middle)
    away = st.lists(st.tuples(distance_bps, size), min_size=1, max_size=12)
    bids = {middle * (1 - bps / 1e4): many for bps, many in draw(away)}
    asks = {middle * (1 + bps / 1e4): many for bps, many in draw(away)}
    return Sides(draw(st.permutations(list(bids.items()))), draw(st.permutations(list(asks.items()))))


_SIDE = st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0, 1e6)), max_size=12, unique_by=lambda level: level[0])
SIDES = ordered() | st.builds(Sides, _SIDE, _SIDE)
"""Books of any kind, about half of them in order."""


def true_depth(levels: Levels, middle: Fraction, bps: int) -> tuple[Fraction, Fraction]:
    """The least and the most a side may hold within a band: its edge is blurred by a millionth of a bps, for floats."""
    blur = Fraction(1, 10**6)
    least, most = Fraction(0), Fraction(0)
    for price, size in levels:
        away = abs(Fraction(price) / middle - 1) * 10_000
        value = Fraction(price) * Fraction(size)
        least += value if away <= bps - blur else 0
        most += value if away <= bps + blur else 0
    return least, most


def true_average(levels: Levels, usd: int, *, sell: bool) -> Fraction | None:
    """The average price of trading `usd` from the best price on, None where the side holds less."""
    inside = sorted(((Fraction(price), Fraction(size)) for price, size in levels), reverse=sell)
    if sum((price * size for price, size in inside), Fraction(0)) < usd:
        return None
    left, base = Fraction(usd), Fraction(0)
    for price, size in inside:
        taken = min(left, price * size)
        base += taken / price
        left -= taken
    return usd / base


@dataclass(frozen=True, slots=True)
class Update:
    """One change of a stream: the ids it holds and the levels it sets (size 0: it deletes them)."""

    first_id: int
    last_id: int
    bids: Levels


@dataclass(frozen=True, slots=True)
class Stream:
    """What a venue sent and what came of it. `came` are indices into `sent`; the snapshot is the book after `based_on`."""

    sent: list[Update]
    came: list[int]
    based_on: int

    def book_at(self, last_id: int) -> dict[float, float]:
        """The true bids once every change up to this id is in."""
        bids: dict[float, float] = {}
        for update in self.sent:
            if update.last_id <= last_id:
                for price, size in update.bids:
                    bids.pop(price, None)
                    if size:
                        bids[price] = size
        return bids

    @property
    def in_order(self) -> bool:
        """Every change came, once, in its turn."""
        return self.came == list(range(len(self.sent)))


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """A stream of changes with true levels; half of them come whole, the others with changes lost, doubled or swapped."""
    sent: list[Update] = []
    next_id = draw(st.integers(1, 1000))
    levels = st.lists(
        st.tuples(st.sampled_from([99.0, 100.0, 101.0]), st.sampled_from([0.0, 1.0, 2.0, 3.0])), max_size=3
    )
    for ids, changed in draw(st.lists(st.tuples(st.integers(1, 4), levels), min_size=2, max_size=12)):
        sent.append(Update(next_id, next_id + ids - 1, changed))
        next_id += ids
    came = list(range(len(sent)))
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(came) - 1))
            match draw(st.sampled_from(["lost", "doubled", "swapped"])):
                case "lost" if len(came) > 1:
                    del came[at]
                case "doubled":
                    came.insert(at, came[at])
                case _:
                    came[at - 1], came[at] = came[at], came[at - 1]
    return Stream(sent, came, draw(st.integers(0, len(sent) - 1)))
