"""A surge of liquidations on chain goes through the whole correlator: its leg is TRUE, and a reorg of all of it ends that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.incidents import Leg, LegState
from monitor.signals import Scalar, Signal, SignalKind, Subject

START = datetime(2026, 11, 1, tzinfo=UTC)
ETH = Subject(asset="ETH", network="ethereum", contract="0x" + "cc" * 20)
CALM_S = 4_200
SOURCE = "ethereum/chain"


class Story:
    """One asset whose only declared source is a network with lenders."""

    def __init__(self) -> None:
        self.correlator = Correlator(CorrelatorSettings(), vantage="here")
        self.second = 0
        self._send(SignalKind.EXPECT, 36.0, {"leg": "liquidation", "weight": 0.25, "class": "chain"})

    def _send(self, kind: SignalKind, value: float, attributes: dict[str, Scalar], source: str = SOURCE) -> None:
        now = START + timedelta(seconds=self.second)
        subject = Subject() if kind is SignalKind.TICK else ETH
        signal = Signal(kind, subject, now, now, source, self.second, value, attributes)
        self.correlator.on_signal(signal)

    def run(self, seconds: int, per_block: int = 0) -> None:
        """Blocks each 12 s with so many liquidations, and our clock."""
        for _ in range(seconds):
            if self.second % 12 == 0:
                self._send(SignalKind.HEAD, self.second / 12, {"lag_s": 0.0, "node": "n"})
                for at in range(per_block):
                    words: dict[str, Scalar] = {
                        "event_id": f"{self.second}-{at}",
                        "transaction": f"t{self.second}-{at}",
                    }
                    self._send(SignalKind.ONCHAIN_LIQUIDATION, 1.0, words | {"usd": 1e6})
            self._send(SignalKind.TICK, 0.0, {}, "clock")
            self.second += 1

    def leg(self) -> LegState:
        verdict = self.correlator.verdicts()["ETH"]
        return next(one.state for one in verdict.legs if one.leg is Leg.LIQUIDATION)

    def retract(self, since: int, per_block: int) -> None:
        for second in range(since, self.second):
            for at in range(per_block if second % 12 == 0 else 0):
                self._send(SignalKind.RETRACTION, 1.0, {"retracts": f"{second}-{at}"})


def test_a_surge_makes_the_leg_true_and_a_reorg_of_all_of_it_makes_it_false() -> None:
    story = Story()
    story.run(CALM_S)
    assert story.leg() is LegState.FALSE
    begin = story.second
    story.run(180, per_block=6)
    assert story.leg() is LegState.TRUE
    story.retract(begin, per_block=6)
    story.run(30)
    assert story.leg() is LegState.FALSE


def test_a_network_that_stands_still_leaves_the_leg_unknown() -> None:
    story = Story()
    story.run(CALM_S)
    for _ in range(600):
        story.second += 1
        story._send(SignalKind.TICK, 0.0, {}, "clock")
    assert story.leg() is LegState.UNKNOWN
