"""Changes messages as no venue should send them: fields of JSON by their form, bytes, gzip and protobuf by theirs.

Every change is drawn from a given `random.Random`, so that a seed gives the same messages again.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

Path = tuple[Any, ...]
GONE = object()
RAW = tuple(
    msgspec.Raw(one)
    for one in (
        b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"-0", b"-0.0", b"00", b"0x1f", b"1e308", b"-1e308", b"5e-324",
        b"9" * 25, b"-" + b"9" * 25, b"9" * 400, b"1" + b"0" * 5000, b"1.", b"[" * 2000, b"[" * 40 + b"]" * 40,
        b'{"a":' * 30 + b"1" + b"}" * 30, b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\\u202eBTC"', b'"' + b"x" * 70_000 + b'"',
        b"1e17", b"1e30", b"-1", b"2", b"0.1",
    )
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 0.0, 0.5, 1e-9, 1e15, 1e17, 1e22, 1e40, 1e300,
    -1e300, 5e-324, "", " ", "0", "1", "-1", "nan", "NaN", "inf", "-Infinity", "1e999999999999", "1e-400", "1e30", "1E+39",
    "1_000", "٣", "½", "0x10", "+5", " 5 ", "5 ", "9" * 19, "9" * 39, "9" * 200, "x" * 101, "x" * 5000, "\x00", "BTC\x00",
    "\u202eTDSU", "\u2028", "🚀", "é" * 60, "null", "true", [], {}, [[]], [{}], [None], ["1"], ["1", "2"], ["1", "2", "3", "4"],
    [1, 2], {"a": 1}, {"": None}, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00", "2026-11-01", "long", "short", "buy", "SELL", "operational", "BTCUSDT", "spot:BTCUSDT",
)  # fmt: skip
FACTORS = (1000, 1e-3, 1e6, 1e-6, 1e9, 1e-9, -1, 0.999, 1.001, 1e20, 1e40, 0.5, 2, 100, 1e-20)
ENDINGS = (b"", b"\x00", b" ", b"}", b"]", b",", b"{}", b"\n", b"null")
MOST_PATHS = 400
BOMB = gzip.compress(b"[" + b"0," * 3_000_000 + b"0]")
"""Six megabytes in six kilobytes."""


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of everything inside a JSON value, outer before inner."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from paths(value[key], (*path, key))


def get(value: Any, path: Path) -> Any:
    """What is at a path. Raises LookupError or TypeError where there is nothing."""
    for key in path:
        value = value[key]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy with `new` at the path (GONE: without it); containers that are not on the path are shared."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    copied = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copied[key] = put(value[key], rest, new)
    elif new is GONE:
        del copied[key]
    else:
        copied[key] = new
    return copied


def shortened(value: Any, most: int = 4) -> Any:
    """The value with at most so many elements of each list: the form of a large answer, and not its size."""
    if isinstance(value, dict):
        return {key: shortened(one, most) for key, one in value.items()}
    return [shortened(one, most) for one in value[:most]] if isinstance(value, list) else value


def _another_type(old: Any, draw: Random) -> Any:
    """A figure as text, a text as a figure, one thing as a list of it."""
    if isinstance(old, bool):
        return draw.choice((str(old).lower(), int(old), str(int(old)), [old]))
    if isinstance(old, int | float):
        return draw.choice((str(old), [old], {"value": old}, float(old) if abs(old) < 2**60 else 0.0, f"{old}.0", True))
    if isinstance(old, str):
        try:
            figure = float(old)
        except ValueError:
            return draw.choice((old.upper(), old.lower(), old + old, [old], old[:-1], f" {old}", f"{old}\x00"))
        return msgspec.Raw(old.encode()) if old.isascii() and draw.random() < 0.5 else figure
    if isinstance(old, dict):
        return draw.choice(([old], list(old.values()), list(old), None))
    if isinstance(old, list):
        return draw.choice(
            (dict(enumerate(map(str, range(len(old))))), old[0] if old else None, [old], old * 3, old[::-1])
        )
    return [old]


def _scaled(old: Any, draw: Random) -> Any:
    """Another unit, another sign: seconds for milliseconds, a thousandfold price."""
    factor = draw.choice(FACTORS)
    if isinstance(old, bool) or not isinstance(old, int | float | str):
        return draw.choice(VALUES)
    try:
        figure = float(old) * factor
    except (ValueError, OverflowError):
        return draw.choice(VALUES)
    if isinstance(old, str):
        return f"{figure:.10g}"
    whole = isinstance(old, int) and abs(figure) < 2**63
    return int(figure) if whole else figure


def _beside(old: Any, draw: Random) -> Any:
    """A sequence number, a stamp or a size a little aside."""
    step = draw.choice((-2, -1, 1, 2, 7, 60, 3600, 1000, 60_001, 90_000_000))
    if isinstance(old, int) and not isinstance(old, bool):
        return old + step
    if isinstance(old, str) and old.isdecimal():
        return str(int(old[:18]) + step)
    return _scaled(old, draw)


def _changed(tree: Any, path: Path, draw: Random, others: Sequence[Any]) -> Any:
    """The tree with one change at a path."""
    old = get(tree, path)
    at = draw.random()
    if at < 0.08:
        return put(tree, path, GONE)
    if at < 0.28:
        return put(tree, path, draw.choice(VALUES))
    if at < 0.34:
        return put(tree, path, draw.choice(RAW))
    if at < 0.46:
        return put(tree, path, _another_type(old, draw))
    if at < 0.60:
        return put(tree, path, _scaled(old, draw))
    if at < 0.72:
        return put(tree, path, _beside(old, draw))
    if at < 0.78:
        return put(tree, path, None)
    if at < 0.86:
        return put(tree, path, draw.choice(others) if others else [])
    return _moved(tree, path, draw)


def _moved(tree: Any, path: Path, draw: Random) -> Any:
    """A field under another name, a row twice, two rows or fields in each other's place."""
    parent = get(tree, path[:-1])
    key, at = path[-1], draw.random()
    if isinstance(parent, dict):
        twin = draw.choice(list(parent))
        if at < 0.4:
            renamed = {(f"{one}_" if one == key else one): value for one, value in parent.items()}
        elif at < 0.7:
            renamed = {**parent, key: parent[twin], twin: parent[key]}
        else:
            renamed = {**parent, key: parent[twin]}
        return put(tree, path[:-1], renamed)
    rows = list(parent)
    if at < 0.4:
        rows.insert(draw.randrange(len(rows) + 1), rows[key])
    elif at < 0.7:
        twin = draw.randrange(len(rows))
        rows[key], rows[twin] = rows[twin], rows[key]
    else:
        rows = rows * draw.choice((2, 3, 40))
    return put(tree, path[:-1], rows[:2000])


def mutated_tree(tree: Any, draw: Random, others: Sequence[Any] = ()) -> Any:
    """A JSON value with one to four changes. `others` are values of other messages, to be put where they do not belong."""
    known = list(paths(tree))[:MOST_PATHS]
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        if not known:
            return draw.choice(VALUES)
        try:
            tree = _changed(tree, draw.choice(known), draw, others)
        except (LookupError, TypeError):
            continue  # an earlier change took this place away
    return tree


def encoded(tree: Any, draw: Random | None = None) -> bytes:
    """The tree as JSON; now and then with a key that comes twice."""
    try:
        text = msgspec.json.encode(tree)
    except (TypeError, ValueError, OverflowError):
        return b"{}"
    if draw is not None and draw.random() < 0.02 and text.startswith(b"{") and len(text) > 2:
        return text[:-1] + b"," + text[1:]
    return text


def mutated_bytes(raw: bytes, draw: Random, other: bytes = b"") -> bytes:
    """Bytes cut, flipped, doubled, joined or packed."""
    at = draw.random()
    if not raw:
        return draw.choice(ENDINGS)
    place = draw.randrange(len(raw))
    if at < 0.2:
        return raw[:place]
    if at < 0.5:
        changed = bytearray(raw)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(changed))] = draw.choice((draw.randrange(256), 0x2D, 0x30, 0x22, 0x7D, 0xFF))
        return bytes(changed)
    if at < 0.6:
        return raw[:place] + raw[draw.randrange(len(raw)) :]
    if at < 0.7:
        return raw + draw.choice(ENDINGS)
    if at < 0.78:
        return raw + (other or raw)
    if at < 0.84:
        return raw[place:]
    return (
        packed(raw, draw)
        if at < 0.95
        else draw.choice((b"", b"\xef\xbb\xbf" + raw, raw.decode(errors="replace").encode("utf-16")))
    )


def packed(raw: bytes, draw: Random) -> bytes:
    """The bytes as gzip: whole, cut short, damaged, with more behind, or a bomb."""
    at = draw.random()
    if at < 0.02:
        return BOMB
    text = gzip.compress(raw, 1, mtime=0)
    if at < 0.5:
        return text
    if at < 0.7:
        return text[: draw.randrange(len(text))]
    if at < 0.85:
        changed = bytearray(text)
        changed[draw.randrange(len(text))] ^= 1 << draw.randrange(8)
        return bytes(changed)
    return text + draw.choice((b"\x00", text, raw))


def mutated_protobuf(raw: bytes, draw: Random) -> bytes:
    """A protobuf message with fields dropped, doubled, moved, or of another number, type or content; also inside messages."""
    found = list(_fields(raw))
    if not found or draw.random() < 0.1:
        return mutated_bytes(raw, draw)
    at = draw.randrange(len(found))
    key, value = found[at]
    how = draw.randrange(8)
    if how == 0:
        del found[at]
    elif how == 1:
        found.insert(at, found[at])
    elif how == 2:
        found[at] = (key ^ (1 << draw.randrange(6)), value)
    elif how == 3:
        draw.shuffle(found)
    elif isinstance(value, int):
        found[at] = (key, draw.choice((0, 1, value + 1, value * 1000, value // 1000, 2**63, 2**64 - 1)))
    elif how < 6 or not value:
        texts = (
            b"",
            b"0",
            b"-1",
            b"nan",
            b"1e400",
            b"9" * 40,
            b"\xff",
            b"x" * 200,
            value * 2,
            value[:-1],
            b"1" + value,
        )
        found[at] = (key, draw.choice(texts))
    else:
        found[at] = (key, mutated_protobuf(value, draw))
    return b"".join(map(_written, found))


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw):
        byte, at = raw[at], at + 1
        value, shift = value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            break
    return value, at


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Key and value of each field; what is no message ends early."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        if key & 7 == 0:
            number, at = _varint(raw, at)
            yield key, number
        elif key & 7 == 2:
            size, at = _varint(raw, at)
            yield key, raw[at : at + size]
            at += size
        else:
            return


def _number(value: int) -> bytes:
    written = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        written.append(low | (0x80 if value else 0))
        if not value:
            return bytes(written)


def _written(field: tuple[int, int | bytes]) -> bytes:
    key, value = field
    if isinstance(value, int):
        return _number(key & ~7) + _number(value)
    return _number(key) + _number(len(value)) + value
