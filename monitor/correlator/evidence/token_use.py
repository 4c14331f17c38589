"""Finds tokens that are used far more than usual, or whose pools are emptier than a day ago: context under the legs.

Compares whole hours of a token with its own past: transfers and addresses with a robust level of their logarithms (a week of
memory), reserves with the fullest of the last 24 hours. Adds a little likelihood, never makes a storm.
"""

from __future__ import annotations

from collections import deque
from math import exp, log

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.detect.level import RobustLevel
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

NATS = 0.2
SCORE = 4.0
"""An hour is unusual from so many scales above the level."""
SCALE_FLOOR = 0.2
MEMORY_S = 7 * 86_400.0
WARM_HOURS = 24
DRAINED = 0.5
"""Pools are drained under this share of the fullest recent hour's reserves."""
RECENT_HOURS = 24
HALF_LIFE_S = 3_600.0
MAX_TOKENS = 256


class _Token:
    def __init__(self) -> None:
        self.transfers = RobustLevel(MEMORY_S, SCALE_FLOOR, WARM_HOURS)
        self.active = RobustLevel(MEMORY_S, SCALE_FLOOR, WARM_HOURS)
        self.reserves: deque[float] = deque(maxlen=RECENT_HOURS)


class TokenUseEvidence:
    """Hours of each token."""

    kinds = frozenset({SignalKind.TOKEN_USE, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._evidence_ids: deque[tuple[str, str]] = deque(maxlen=MAX_TOKENS)  # (event id, evidence id)

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a whole hour of a token, or its retraction."""
        subject = signal.subject
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(signal.attributes.get("retracts", "")))
            return
        if subject.asset is None or subject.contract is None or signal.attributes.get("complete") is not True:
            return
        while len(self._tokens) >= MAX_TOKENS and (subject.asset, subject.contract) not in self._tokens:
            del self._tokens[next(iter(self._tokens))]
        token = self._tokens.setdefault((subject.asset, subject.contract), _Token())
        self._busy(signal, token.transfers, "transfers", signal.value, at_s)
        active = signal.attributes.get("active")
        if isinstance(active, int | float):
            self._busy(signal, token.active, "active addresses", float(active), at_s)
        reserves = signal.attributes.get("reserves")
        if isinstance(reserves, int | float):
            self._drained(signal, token, float(reserves), at_s)

    def _busy(self, signal: Signal, level: RobustLevel, what: str, count: float, at_s: float) -> None:
        value = log(1 + count)
        if level.score(value) >= SCORE:
            usual = max(exp(level.level) - 1, 0.0)
            self._put(
                signal,
                what.split(maxsplit=1)[0],
                count,
                usual,
                f"{count:.0f} {what} in an hour, usually {usual:.0f}",
                at_s,
            )
        level.learn(value, at_s)

    def _drained(self, signal: Signal, token: _Token, reserves: float, at_s: float) -> None:
        fullest = max(token.reserves, default=0.0)
        if reserves < DRAINED * fullest:
            said = f"pools hold {reserves / fullest:.0%} of what they held within a day"
            self._put(signal, "reserves", reserves, fullest, said, at_s)
        token.reserves.append(reserves)

    def _put(self, signal: Signal, key: str, value: float, normal: float, said: str, at_s: float) -> None:
        asset, contract = signal.subject.asset, signal.subject.contract
        self._evidence_ids.append((str(signal.attributes.get("event_id", "")), f"token_use:{asset}:{contract}:{key}"))
        self._board.put(
            Finding(
                name="token_use",
                leg=Leg.FRAGILITY,
                subject=Subject(asset=asset, network=signal.subject.network, contract=contract),
                key=key,
                grade=1,
                weight=NATS,
                onset_s=at_s,
                at_s=at_s,
                half_life_s=HALF_LIFE_S,
                value=value,
                normal=normal,
                unit="1",
                said=f"{asset} token {contract}: {said}",
            )
        )

    def _retract(self, event_id: str) -> None:
        for cause, evidence_id in self._evidence_ids:
            if cause == event_id:
                self._board.withdraw(evidence_id, retracted=True)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


PRODUCER = TokenUseEvidence
