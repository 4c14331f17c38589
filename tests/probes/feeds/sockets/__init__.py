"""Sockets of liquidations that answer as each venue documents: one file a venue, found by the venue's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from monitor.signals import SignalKind

Frame = Mapping[str, Any]
Frames = Sequence[Frame]


def nothing(_name: str) -> bool:
    return False


@dataclass(slots=True)
class Behaviour:
    """Which topics, by their names in the claims, the venue refuses, and for which it does not answer."""

    refuses: Callable[[str], bool] = nothing
    ignores: Callable[[str], bool] = nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSocket:
    """One venue's wire. `symbols` are those of BTC and ETH; stamps are unix milliseconds.

    `answers` is what comes back for a text that was sent; `sibling` a frame of another channel about one symbol, which becomes a
    signal of `sibling_kind`; `trade` a frame of the liquidation's own channel with no liquidation in it, where there are such.
    """

    symbols: tuple[str, str]
    answers: Callable[[Any, Behaviour], Frames]
    sibling: Callable[[str, int], Frame]
    liquidation: Callable[[str, int], Frame]
    trade: Callable[[str, int], Frame] | None = None
    sibling_kind: SignalKind = SignalKind.MARK_PRICE
    pack: Callable[[bytes], bytes] | None = None


def has_socket(venue: str) -> bool:
    """Whether a venue has a made socket: one that is being added may not have it yet."""
    return find_spec(f"{__name__}.{venue}") is not None


def socket_of(venue: str) -> MadeSocket:
    """The made socket of a venue; each venue with a feed of liquidations has one."""
    made: MadeSocket = import_module(f"{__name__}.{venue}").SOCKET
    return made
