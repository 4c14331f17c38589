"""Declares a case: what happens to a world, second by second, and what is true of it; and the form of a kind of case.

A kind makes cases from a world and a seeded generator of random numbers. Its quiet twin is the same world and seed without
what the case adds, so that every number which is not part of the event is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from monitor.drill.score.truth import Truth
from monitor.drill.score.worlds import World
from monitor.registry import Registry
from monitor.signals import Scalar, SignalKind

FEEDS = ("book_ws", "liquidation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What is different from `from_s` to `until_s`, at `venues` (none named: all). Where stages overlap, factors multiply.

    `surge` multiplies liquidations and is reached over `rise_s`; `latency` multiplies, `latency_s` adds, `lag_s` is the
    feeds'. `failing` is the share of requests that end with `outcome`. `cut` feeds are closed by the venue, `mute` feeds send
    nothing on an open socket. `price_to` and `interest_to` are factors reached in a straight line at `until_s`, and they stay.
    """

    from_s: float
    until_s: float
    venues: tuple[str, ...] = ()
    surge: float = 1.0
    rise_s: float = 0.0
    latency: float = 1.0
    latency_s: float = 0.0
    lag_s: float = 0.0
    failing: float = 0.0
    outcome: str = "timeout"
    cut: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    planned: bool = False
    book_state: str = "ok"
    depth: float = 1.0
    spread: float = 1.0
    price_to: float = 1.0
    interest_to: float = 1.0
    withdrawals: float | None = None
    status: float | None = None
    status_title: str = ""
    network_down: bool = False
    nodes_down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFact:
    """One signal of a chain, seen in the first block at or after `at_s`. `venue` is set where it is about a venue's wallets."""

    at_s: float
    kind: SignalKind
    value: float
    attributes: Mapping[str, Scalar]
    contract: str | None = None
    pool: str | None = None
    venue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What happens in a world for `length_s` seconds, and the truth of it, in seconds of the case."""

    length_s: float
    truth: Truth
    stages: tuple[Stage, ...] = ()
    chain: tuple[ChainFact, ...] = ()

    def twin(self) -> Case:
        """The same length of the same world, in which nothing happens."""
        return Case(length_s=self.length_s, truth=Truth())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of case. `throttled`: it needs a world whose liquidation feeds all leave something out."""

    title: str
    make: Callable[[World, Random], Case]
    throttled: bool = False


KINDS: Registry[Kind] = Registry("monitor.drill.score.kinds", "KIND")
"""Every kind of case: one module a kind."""
