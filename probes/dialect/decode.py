"""Reads values that all venues share: stamps, numbers as text, levels, ratios. Raises Malformed for any unusable value. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from hmac import new as hmac
from math import isfinite
from typing import Any, Generic, TypeVar, overload

import msgspec

from probes.readings import MalformedReason, Market
from probes.venue import Malformed

_MIN_S, _MAX_S = 0.0, 7_258_118_400.0  # 1970 to 2200
MAX_MS = _MAX_S * 1000
MAX_DIGITS = 40
"""Digits before the point, and zeros behind it, that an amount may have."""
_MAX_ID = 2**63 - 1
Shape = TypeVar("Shape")
MILLISECOND = 1e-3


UNREADABLE = (UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no text and for too deep nesting."""


def unreadable(error: UnicodeDecodeError | RecursionError) -> Malformed:
    """What such a failure means."""
    if isinstance(error, UnicodeDecodeError):
        return Malformed(f"$: no UTF-8 text ({error.reason})")
    return Malformed("$: nested too deep")


class Decoder(Generic[Shape]):
    """msgspec's JSON decoder that raises Malformed also for bad UTF-8 and too deep nesting."""

    @overload
    def __init__(self: Decoder[Shape], shape: type[Shape], *, strict: bool = ...) -> None: ...
    @overload
    def __init__(self: Decoder[Any], shape: Any, *, strict: bool = ...) -> None: ...
    def __init__(self, shape: Any, *, strict: bool = True) -> None:
        self.bare = msgspec.json.Decoder(shape, strict=strict).decode
        """msgspec's own function, for who handles `UNREADABLE` himself: a call less on each frame."""

    def decode(self, raw: bytes | msgspec.Raw) -> Shape:
        """The payload in its shape. Raises Malformed, or msgspec's DecodeError and ValidationError."""
        try:
            decoded: Shape = self.bare(raw)
        except UNREADABLE as error:
            raise unreadable(error) from None
        return decoded


def at_s(seconds: float, path: str = "$") -> datetime:
    """The aware time of unix seconds between 1970 and 2200."""
    if not _MIN_S <= seconds <= _MAX_S:
        raise Malformed(f"{path}: {seconds!r:.40} is no time")
    return datetime.fromtimestamp(seconds, UTC)


def at_ms(milliseconds: float, path: str = "$") -> datetime:
    """The aware time of unix milliseconds."""
    if 0 <= milliseconds <= MAX_MS:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    if not abs(milliseconds) <= _MAX_S * 1000:
        raise Malformed(f"{path}: {milliseconds!r:.40} is no time")
    return at_s(milliseconds / 1000, path)


def at_any(stamp: float, path: str = "$") -> datetime:
    """The aware time of a stamp in seconds or milliseconds, distinguished by size (venues changed from one to the other)."""
    if 1e11 < stamp <= MAX_MS:
        return datetime.fromtimestamp(stamp / 1000, UTC)
    return at_ms(stamp, path) if stamp > 1e11 else at_s(stamp, path)


def money(text: str | float | None, path: str = "$", reason: MalformedReason = MalformedReason.SHAPE) -> Decimal:
    """A finite decimal of reasonable size, from text or number. Nothing and "" are missing: Malformed, for this reason."""
    try:
        value = Decimal(text if type(text) is str else str(text))
    except InvalidOperation:
        raise Malformed(
            f"{path}: missing" if text in (None, "") else f"{path}: {str(text)[:40]!r} is no number", reason
        ) from None
    if not (-MAX_DIGITS <= value.adjusted() <= MAX_DIGITS and value.is_finite()):
        raise Malformed(f"{path}: {str(text)[:40]!r} is no amount", reason)
    return value


def finite_float(text: str | float, path: str = "$") -> float:
    """A finite float, from text or number."""
    try:
        value = float(text)
    except (ValueError, OverflowError):
        raise Malformed(f"{path}: {str(text)[:40]!r} is no number") from None
    if not isfinite(value):
        raise Malformed(f"{path}: {value!r} is no figure")
    return value


def one_of(value: Any, allowed: Container[Any], path: str, reason: MalformedReason = MalformedReason.SHAPE) -> Any:
    """A value that is one of these words."""
    if value not in allowed:
        raise Malformed(f"{path}: {str(value)[:40]!r} is not allowed", reason)
    return value


def named(value: Any, path: str) -> str:
    """A name that must be there: without it nobody knows what the row is about."""
    if not isinstance(value, str) or not value:
        raise Malformed(f"{path}: missing", MalformedReason.NAME)
    return value


def above_zero(value: Any, path: str, reason: MalformedReason = MalformedReason.SHAPE) -> Decimal:
    """An exact amount above zero."""
    amount = money(value, path)
    if amount <= 0:
        raise Malformed(f"{path}: not above zero", reason)
    return amount


def levels(rows: Sequence[Sequence[float]], path: str = "$", size: float = 1.0) -> list[tuple[float, float]]:
    """(price, size in base units) of rows that begin with both; `size` is base units a contract."""
    try:
        pairs = [(row[0], row[1] * size) for row in rows]
    except IndexError:
        raise Malformed(f"{path}: a level needs price and size") from None
    total = sum(price + amount for price, amount in pairs)
    if not isfinite(total):
        raise Malformed(f"{path}: a level is not finite")
    return pairs


def gunzipped(raw: bytes, most: int) -> bytes:
    """A gzip's content. What is no gzip is left as it is; one that is cut short, or of more than `most` bytes, is malformed."""
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    packed = zlib.decompressobj(wbits=31)
    try:
        text = packed.decompress(raw, most)
    except zlib.error as error:
        raise Malformed(f"$: no gzip ({error})") from None
    if not packed.eof:
        raise Malformed(f"$: the gzip is cut short, or holds more than {most} bytes")
    return text


def signature(secret: str, text: str) -> bytes:
    """The HMAC-SHA256 that every venue here signs with."""
    return hmac(secret.encode(), text.encode(), sha256).digest()


def pair_symbols(spot: str, perp: str | None, asset: str) -> dict[Market, str]:
    """The symbols of an asset against USDT, by the venue's patterns with {} for the asset."""
    known = {Market.SPOT: spot.format(asset)}
    if perp is not None:
        known[Market.PERP] = perp.format(asset)
    return known


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """A header's number, None if it is missing or not a number."""
    text = headers.get(name)
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is None or isfinite(value) else None


def integer(number: int | None, path: str) -> int:
    """A whole number of 64 bits. Raises Malformed if it is missing."""
    if number is None:
        raise Malformed(f"{path}: missing")
    if abs(number) > _MAX_ID:
        raise Malformed(f"{path}: too large for a number of 64 bits")
    return number
