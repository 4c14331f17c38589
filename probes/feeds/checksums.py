"""Keeps the levels of a book as the venue wrote them, and makes the checksum of its best ones. Pure.

A checksum covers digits and not numbers: 0.50 and 0.5 differ, and a size of 18 digits has no exact float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest

from probes.book import Book
from probes.venue import BookChecksum, ChecksumRule, LevelText

Texts = dict[float, tuple[str, str]]
UNKNOWN = ("", "")
"""A level of which the venue never sent the text: no checksum can be right with it."""


@dataclass(slots=True)
class WrittenBook:
    """The texts of one book's levels, by price."""

    bids: Texts = field(default_factory=dict)
    asks: Texts = field(default_factory=dict)

    def follow(self, book: Book, sent: BookChecksum, rule: ChecksumRule) -> int:
        """Take the levels of a message that `book` has applied, cut the book to the venue's depth, and give its checksum."""
        book.cut(rule.depth)
        _take(self.bids, sent.bids, book.bids)
        _take(self.asks, sent.asks, book.asks)
        bids, asks = nlargest(rule.best, book.bids), nsmallest(rule.best, book.asks)
        return rule.checksum(
            [self.bids.get(price, UNKNOWN) for price in bids], [self.asks.get(price, UNKNOWN) for price in asks]
        )


def _take(texts: Texts, sent: Sequence[LevelText], side: dict[float, float]) -> None:
    """Keep the texts of exactly those levels that the side of the book has."""
    for price, price_text, size_text in sent:
        texts[price] = (price_text, size_text)
    for price in texts.keys() - side.keys():
        del texts[price]
