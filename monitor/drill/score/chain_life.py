"""Simulates what a chain shows: heads at their pace, small moves of liquidity, and the facts of a case in their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from monitor.drill.score.case import ChainFact
from monitor.drill.score.signal_writer import SignalWriter
from monitor.drill.score.worlds import NETWORK
from monitor.incidents import Leg
from monitor.signals import Scalar, SignalKind

BLOCK_S = 12
STALLED_AFTER_S = 96.0
CHAIN_GAP_S = 36.0
SMALL_MOVES_PER_BLOCK = 1 / 100
"""Somebody adds or removes a little liquidity every twenty minutes."""
SOURCE = f"{NETWORK}/chain"


class ChainLife:
    """One network with the asset's contracts and pools. `facts` are in seconds of the case, which begins at `start_s`."""

    def __init__(self, facts: Sequence[ChainFact], seed: str, writer: SignalWriter, start_s: float) -> None:
        self._waiting = sorted(facts, key=lambda one: one.at_s)
        self._start_s = start_s
        self._writer = writer
        self._rng = Random(f"{seed}/chain")  # noqa: S311
        self._last_s = start_s
        self._reported_stalled = False
        self._events = 0

    def announce(self, at_s: float) -> None:
        """Declare the chain's source."""
        words: dict[str, Scalar] = {"leg": Leg.MIGRATION.value, "weight": 1.0, "class": "chain"}
        self._writer.write(SignalKind.EXPECT, SOURCE, at_s, CHAIN_GAP_S, words, subject=self._writer.of_chain())

    def second(self, start_s: float, nodes_down: bool) -> None:
        """Write the signals of the second that begins at `start_s`."""
        if int(start_s) % BLOCK_S:
            return
        lag_s, chance, share = 0.4 + self._rng.expovariate(2.0), self._rng.random(), self._rng.uniform(0.002, 0.02)
        at_s = start_s + min(lag_s, 4.0)
        plain = self._writer.of_chain()
        if nodes_down:
            if not self._reported_stalled and start_s - self._last_s >= STALLED_AFTER_S:
                self._reported_stalled = True
                words: dict[str, Scalar] = {"answered": False, "block": int(self._last_s) // BLOCK_S, "since": None}
                self._write(SignalKind.HEAD_STALLED, at_s, start_s - self._last_s, words)
            return
        if self._reported_stalled:
            words = {"block": int(start_s) // BLOCK_S, "since": ""}
            self._write(SignalKind.HEAD_RESUMED, at_s, start_s - self._last_s, words)
        self._last_s, self._reported_stalled = start_s, False
        block = int(start_s) // BLOCK_S
        head: dict[str, Scalar] = {
            "lag_s": at_s - start_s, "node": "node", "base_fee_gwei": 1.0, "base_fee_ratio": 1.0,
            "block_s": float(BLOCK_S), "block_ratio": 1.0,
        }  # fmt: skip
        self._writer.write(SignalKind.HEAD, SOURCE, at_s, float(block), head, subject=plain)
        if chance < SMALL_MOVES_PER_BLOCK:
            kind = SignalKind.LIQUIDITY_REMOVED if chance < SMALL_MOVES_PER_BLOCK / 2 else SignalKind.LIQUIDITY_ADDED
            self._fact(
                ChainFact(at_s=0.0, kind=kind, value=share, attributes=moved(share), pool="0xpool1"), start_s, at_s
            )
        while self._waiting and self._start_s + self._waiting[0].at_s <= start_s:
            self._fact(self._waiting.pop(0), start_s, at_s)

    def _write(self, kind: SignalKind, at_s: float, value: float, words: dict[str, Scalar]) -> None:
        self._writer.write(kind, SOURCE, at_s, value, words, subject=self._writer.of_chain())

    def _fact(self, fact: ChainFact, block_s: float, at_s: float) -> None:
        self._events += 1
        words: dict[str, Scalar] = {
            "event_id": f"{NETWORK}/{int(block_s)}/{self._events}", "block": int(block_s) // BLOCK_S, "transaction": None,
            **fact.attributes,
        }  # fmt: skip
        subject = self._writer.of_chain(fact.contract, fact.pool, fact.venue)
        self._writer.write(fact.kind, SOURCE, at_s + 0.1, fact.value, words, subject=subject, event_s=block_s)


def moved(depth_share: float) -> dict[str, Scalar]:
    """The attributes of liquidity that one owner moved."""
    return {"owner": "0xowner", "depth_share": depth_share}
