"""Makes the cases of one venue from its seeds: single answers with statuses and headers, and sequences of frames. Seeded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import msgspec

from probes.venue import BookDelta, BookSnapshot, Context, Feed, Malformed
from tests.fuzz.mutators import encoded, get, mutated_bytes, mutated_protobuf, mutated_tree, packed, paths, put
from tests.fuzz.seeds import Seed, Seeds
from tests.fuzz.surfaces import CONDITIONS, TARGET_BODIES, Case, Part
from tests.probes.cases import NOW

STATUSES = (200, 200, 201, 204, 301, 400, 401, 403, 404, 408, 418, 429, 451, 500, 502, 503, 504, 520, 530, 100, 999)
HEADER_VALUES = (
    "", " ", "0", "-1", "1", "5", "60", "1200", "1e3", "1e308", "-1e308", "nan", "inf", "1_000", "٣", "½", "9" * 30, "9" * 5000,
    "0" * 5000, "1, 2", "5, Sun, 01 Nov 2026 00:01:00 GMT", "Sun, 01 Nov 2026 00:01:00 GMT", "Sun, 01 Nov 1926 00:01:00 GMT",
    "1" + "0" * 17,
    "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Sunday, 01-Nov-26 00:01:00 GMT",
    "Sun Nov  1 00:01:00 2026", "1793491261", "1793491261000", "7e9", "1793491261.5", "1e-300", "5;w=60", "\x00", "x" * 5000,
    "-0", "0x10",
)  # fmt: skip
PAGES = (
    b"<html><title>Just a moment...</title></html>", b"<!doctype html><h1>System maintenance</h1>", b"error code: 1015",
    b"<html><body>error code: 1009</body></html>", b"<html>" + b"<p " * 5000, b"unknown error", b"upgrading, maintenance",
)  # fmt: skip
PAUSES_S = (0.0, 0.1, 0.1, 1.0, 1.0, 5.0, 61.0, 400.0, 90_000.0, -1.0)
"""Also a clock of ours that was set back."""
MOST_KEPT = 250
"""Messages of one subject that are kept because they reached something new."""


class Maker:
    """Makes cases, and keeps messages that reached something new as further seeds."""

    def __init__(self, seeds: Seeds, draw: Random) -> None:
        self.seeds = seeds
        self.draw = draw
        self._kept: dict[str, list[bytes]] = {}
        self._trees: dict[bytes, Any] = {}

    def cases(self) -> Iterator[Case]:
        """Cases without end: half of them answers, half sequences of frames, where the venue has both."""
        while True:
            if self.draw.random() < 0.01:
                yield self._target()
            elif self.seeds.answers and (not self.seeds.frames or self.draw.random() < 0.55):
                yield self._answer()
            else:
                yield self._sequence()

    def keep(self, case: Case) -> None:
        """Keep what a case sent, as it reached something new; of a full subject another one goes."""
        kept = self._kept.setdefault(f"{case.surface} {case.subject}", [])
        for part in case.parts:
            if part.from_rest or not part.body or len(part.body) > 20_000:
                continue
            if len(kept) < MOST_KEPT:
                kept.append(part.body)
            else:
                kept[self.draw.randrange(MOST_KEPT)] = part.body

    def _tree(self, body: bytes) -> Any:
        """The body as a value, None for one that is no JSON; known ones are read once."""
        if body not in self._trees:
            if len(self._trees) > 5000:
                self._trees.clear()
            try:
                tree = msgspec.json.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                tree = None
            self._trees[body] = tree if isinstance(tree, dict | list) else None
        return self._trees[body]

    def _mutated(self, body: bytes) -> bytes:
        """One message changed, by its form if it has one."""
        tree = self._tree(body)
        if tree is None:
            if b"protobuf" in body or body[:1] in (b"\n", b"\x1a"):
                return mutated_protobuf(body, self.draw)
            return mutated_protobuf(body, self.draw) if self.draw.random() < 0.5 else mutated_bytes(body, self.draw)
        if self.draw.random() < 0.1:
            return mutated_bytes(body, self.draw)
        text = encoded(mutated_tree(tree, self.draw, self.seeds.values), self.draw)
        return packed(text, self.draw) if self.draw.random() < 0.02 else text

    def _body_of(self, seed: Seed, surface: str) -> bytes:
        kept = self._kept.get(f"{surface} {seed.subject}")
        return self.draw.choice(kept) if kept and self.draw.random() < 0.4 else seed.body

    def _answer(self) -> Case:
        seed = self.draw.choice(self.seeds.answers)
        parts = []
        for _ in range(self.draw.choice((1, 1, 1, 2))):
            body, status, headers = self._body_of(seed, "answer"), seed.status, dict(seed.headers)
            if self.draw.random() < 0.95:
                body = self._mutated(body)
            if self.draw.random() < 0.15:
                status = self.draw.choice(STATUSES)
            if self.draw.random() < 0.2:
                for name in self.draw.choices(self.seeds.header_names, k=self.draw.randint(1, 4)):
                    headers[name] = self.draw.choice(HEADER_VALUES)
            if self.draw.random() < 0.01:
                body = self.draw.choice(PAGES)
            parts.append(Part(body, self.draw.choice(PAUSES_S), status, tuple(headers.items())))
        return Case(self.seeds.venue.id, "answer", seed.subject, seed.title, seed.received_at, tuple(parts))

    def _sequence(self) -> Case:
        """Frames of one feed, changed or not, in a made order; changes of books mostly follow one another."""
        feed = self.seeds.feed(self.draw.choice(list(self.seeds.frames)))
        chosen = self.seeds.frames[feed.name]
        first = self.draw.choice(chosen)
        near = [one for one in chosen if abs((one.received_at - first.received_at).total_seconds()) < 60]
        parts: list[Part] = []
        follower = Follower(self.seeds, feed, first, self._tree)
        for _ in range(self.draw.choice((1, 2, 2, 3, 4, 6, 9))):
            at = self.draw.random()
            after_s = self.draw.choice(PAUSES_S) if self.draw.random() < 0.15 else 0.1
            if at < 0.08:
                parts.append(Part(b"", after_s))
            elif at < 0.16 and parts:
                parts.append(replace(self.draw.choice(parts), after_s=after_s))
            elif at < 0.25 and feed.book_base:
                parts.append(self._rest_book(feed, follower, after_s))
            else:
                body = self._body_of(self.draw.choice(near), "frames")
                body = follower.next(body) if self.draw.random() < 0.7 else body
                parts.append(Part(self._mutated(body) if self.draw.random() < 0.6 else body, after_s))
        if self.draw.random() < 0.1:
            self.draw.shuffle(parts)
        return Case(self.seeds.venue.id, "frames", feed.name, first.title, first.received_at, tuple(parts))

    def _rest_book(self, feed: Feed, follower: Follower, after_s: float) -> Part:
        """The answer that a feed's book builds on: whole, near the stream's place, or changed."""
        books = [one for one in self.seeds.answers if one.subject == feed.book_base and one.status == 200]
        body = self.draw.choice(books).body if books else b"{}"
        body = follower.based(body)
        return Part(self._mutated(body) if self.draw.random() < 0.4 else body, after_s, from_rest=True)

    def _target(self) -> Case:
        body = self.draw.choice(TARGET_BODIES)
        part = Part(self._mutated(body) if self.draw.random() < 0.95 else body)
        return Case("target", "target", str(self.draw.randrange(len(CONDITIONS))), "", NOW, (part,))


class Follower:
    """Renumbers the books of one sequence so that each change follows the last: it finds the numbers by what a reader says."""

    def __init__(self, seeds: Seeds, feed: Feed, first: Seed, tree: Any) -> None:
        self._seeds = seeds
        self._read = feed.read
        self._base = next((one for one in seeds.answers if one.check and one.subject == feed.book_base), None)
        self._at = first.received_at
        self._tree = tree
        self._last: int | None = None

    def _context(self) -> Context:
        return Context(
            venue=self._seeds.venue.id,
            check="",
            received_at=self._at,
            instrument=None,
            instruments=self._seeds.instruments,
        )

    def next(self, body: bytes) -> bytes:
        """The frame with numbers that follow the last one's; a frame without a book, or that cannot be read, as it is."""
        book = self._book(body)
        if book is None:
            return body
        if isinstance(book, BookSnapshot):
            self._last = book.last_id
            return body
        if self._last is None:
            self._last = book.last_id
            return body
        new = self._last + 1
        body = self._renumbered(
            body,
            {book.last_id: new, book.first_id: new, **({} if book.prev_id is None else {book.prev_id: self._last})},
        )
        self._last = new
        return body

    def based(self, body: bytes) -> bytes:
        """The answer of REST with the number of the last frame."""
        if self._base is None or self._base.check is None or self._last is None:
            return body
        context = replace(self._context(), instrument=self._base.instrument)
        try:
            said = self._base.check.read(body, context)
        except (Malformed, msgspec.DecodeError, UnicodeDecodeError):
            return body
        book = next((one for one in said if isinstance(one, BookSnapshot)), None)
        return body if book is None or book.last_id is None else self._renumbered(body, {book.last_id: self._last})

    def _book(self, body: bytes) -> BookSnapshot | BookDelta | None:
        try:
            said = self._read(body, self._context())
        except (Malformed, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return next((one for one in said if isinstance(one, BookSnapshot | BookDelta)), None)

    def _renumbered(self, body: bytes, new: Mapping[int, int]) -> bytes:
        tree = self._tree(body)
        if tree is None:
            return body
        for path in paths(tree):
            old = get(tree, path)
            if type(old) is int and old in new:
                tree = put(tree, path, new[old])
            elif isinstance(old, str) and old.isdecimal() and len(old) < 20 and int(old) in new and int(old) > 99:
                tree = put(tree, path, str(new[int(old)]))
        return encoded(tree)
