"""Signals a second through the correlator, on a mixed log that ends in a perfect storm, beside reading such a log."""

from __future__ import annotations

import msgspec

from monitor.correlator import Correlator
from monitor.incidents import Level
from monitor.signals import Signal
from tests.bench.figures import Figure, rates
from tests.monitor.correlator.storm import Story

PEER = "msgspec: the same signals to JSON and back"
SIMULATED = "the log (four venues, controls, one network: quiet, then surge, time-outs, upgrade and migration)"


def bench() -> list[Figure]:
    """A storm of forced orders, and an ordinary hour in which each second costs more than its signals."""
    busy = Story(lasts_s=300, calm_per_s=20).surge(120, 240, per_s=250).trouble(150, 240).upgrade(160).migrate(165)
    quiet = Story(lasts_s=3600).surge(3000, 3300).trouble(3010, 3300).upgrade(3020).migrate(3030)
    return [
        _figure("mixed log with a storm of forced orders", busy.signals(), 300, least=50_000),
        _figure("ordinary hour with a storm at its end", quiet.signals(), 3600),
    ]


def _figure(name: str, log: list[Signal], lasts_s: int, least: float | None = None) -> Figure:
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(Signal).decode

    def ours() -> None:
        correlator = Correlator()
        changes = [change for signal in log for change in correlator.on_signal(signal)]
        changes += correlator.finish()
        assert max(change.level for change in changes) >= Level.SQUALL, "the storm is seen"

    def peer() -> None:
        for signal in log:
            decode(encode(signal))

    per_s, other = rates(len(log), ours, peer, rounds=3)
    note = f"{len(log):,} signals of {lasts_s} s, so {per_s / len(log) * lasts_s:,.0f} times as fast as life"
    return Figure(
        name=f"correlator: {name}", value=per_s, unit="signals/s", least=least, peer=PEER, peer_value=other,
        simulated=SIMULATED, note=note,
    )  # fmt: skip
