"""Names the streams and subjects of the bus, and says which assets belong to which partition.

A subject of signals is NAME.signals.VANTAGE.ASSET.VENUE; "_" stands where a signal has none. An agent may publish only below
its own vantage, and a correlator reads only its assets and what is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from zlib import crc32

SHARED = "_"
"""Stands for no asset or no venue: a fact for every correlator."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:/@+")


class Kind(StrEnum):
    """One stream each."""

    SIGNALS = "signals"
    CHANGES = "changes"
    DELIVERIES = "deliveries"
    IMAGES = "images"
    """The last state of each partition's correlator."""


def stream_of(name: str, kind: Kind) -> str:
    """The name of a stream."""
    return f"{name}-{kind.value}"


def token(text: str | None) -> str:
    """A name as one token of a subject: what NATS does not allow in one becomes "=" and its UTF-8 bytes in hexadecimal."""
    if not text:
        return SHARED
    if text == SHARED:
        return "=5F"
    return "".join(one if one in _PLAIN else "".join(f"={byte:02X}" for byte in one.encode()) for one in text)


def signals_subject(name: str, vantage: str, asset: str | None, venue: str | None) -> str:
    """The subject of signals about an asset at a venue."""
    return f"{name}.{Kind.SIGNALS.value}.{token(vantage)}.{token(asset)}.{token(venue)}"


def vantage_token_of(subject: str) -> str:
    """The vantage in the subject of signals, as a token; "" for any other subject."""
    parts = subject.split(".")
    return parts[2] if len(parts) == 5 and parts[1] == Kind.SIGNALS.value else ""


def partition_of(asset: str, partitions: int) -> int:
    """The partition of an asset: the same on every machine and in every version."""
    return crc32(asset.encode()) % partitions


def filters(name: str, assets: Iterable[str], partition: int, partitions: int) -> list[str]:
    """The subjects that a correlator reads: all, or those of its own assets and what is shared."""
    base = f"{name}.{Kind.SIGNALS.value}.*"
    if partitions == 1:
        return [f"{base}.>"]
    own = sorted(one for one in assets if partition_of(one, partitions) == partition)
    return [f"{base}.{token(one)}.*" for one in own] + [f"{base}.{SHARED}.*"]
