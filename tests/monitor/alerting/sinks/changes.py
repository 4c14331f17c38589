"""Incident changes and signals as tests need them: a storm on BTC, changed as a test requires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from monitor.alerting.sink import Delivered, Note, Outcome
from monitor.incidents import (
    Blindness,
    ChangeKind,
    Contribution,
    Evidence,
    Fault,
    IncidentChange,
    IncidentState,
    Leg,
    LegState,
    LegVerdict,
    Level,
    Verdict,
)
from monitor.signals import Signal, SignalKind, Subject

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
INCIDENT = "asset-btc-1767268800-abc123"


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def change(revision: int = 1, **changed: Any) -> IncidentChange:
    """A perfect storm on BTC at revision, half a minute apart."""
    first = IncidentChange(
        incident_id=INCIDENT,
        scope="asset:BTC",
        kind=ChangeKind.OPENED if revision == 1 else ChangeKind.UPDATED,
        state=IncidentState.OPEN,
        at=at(30 * revision),
        opened_at=START,
        revision=revision,
        level=Level.PERFECT_STORM,
        peak=Level.PERFECT_STORM,
        critical=False,
        pages=True,
        fault=Fault.MARKET,
        headline="PERFECT STORM BTC: 12 liquidations a second since 12:00:10; blind: binance_usdm/liquidation (silent)",
        verdict=verdict(),
        evidence=(evidence(),),
        counter_evidence=("fragility seen calm with coverage 80%",),
        blind=(blindness(),),
        rejected_causes=("local: other targets answer",),
        far_per_day=0.001,
        runbook="ops/runbooks/perfect-storm.md",
        replay_id=f"{INCIDENT}:{revision}",
    )
    return replace(first, **changed)


def leg(name: Leg, state: LegState, onset_s: float | None) -> LegVerdict:
    """One leg with one contribution."""
    return LegVerdict(
        leg=name,
        state=state,
        evidence=4.0,
        coverage=0.75,
        w_lo=2.5,
        w_hi=4.5,
        onset=None if onset_s is None else at(onset_s),
        contributions=(Contribution(evidence_id="e1", name="surge", nats=4.0, said=f"the {name} leg moved"),),
    )


def verdict() -> Verdict:
    """Venue first, then migration; the liquidation leg is not seen."""
    return Verdict(
        at=at(30),
        asset="BTC",
        level=Level.STORM_SUSPECTED,
        p_lo=0.62,
        p_hi=0.97,
        prior=-6.0,
        context=0.5,
        legs=(
            leg(Leg.LIQUIDATION, LegState.UNKNOWN, None),
            leg(Leg.VENUE, LegState.TRUE, 5),
            leg(Leg.MIGRATION, LegState.TRUE, 20),
        ),
        fault=Fault.MARKET,
        blind=(blindness(),),
    )


def evidence(**changed: Any) -> Evidence:
    """Twelve liquidations a second where 0.2 are usual."""
    first = Evidence(
        id="e1",
        leg=Leg.LIQUIDATION,
        name="liquidation_surge",
        subject=Subject(asset="BTC", venue="bybit", instrument="BTCUSDT"),
        grade=4,
        weight=4.0,
        half_life_s=60.0,
        onset=at(10),
        at=at(30),
        value=12.0,
        normal=0.2,
        unit="1/s",
        far_per_day=0.01,
        said="12 liquidations a second",
        links=("0" * 31 + "1:" + "0" * 15 + "2",),
    )
    return replace(first, **changed)


def blindness() -> Blindness:
    """A feed that is open and says nothing."""
    return Blindness(source="binance_usdm/liquidation", leg=Leg.LIQUIDATION, coverage=0.0, since=at(8), reason="silent")


def signal(seq: int, attributes: Mapping[str, str | float | int | bool | None] | None = None, **changed: Any) -> Signal:
    """A liquidation on bybit."""
    first = Signal(
        kind=SignalKind.LIQUIDATION,
        subject=Subject(asset="BTC", venue="bybit", instrument="BTCUSDT"),
        event_time=at(seq),
        received_at=at(seq + 0.05),
        source="bybit/liquidation",
        seq=seq,
        value=1000.0 * seq,
        attributes={"side": "long", "price": 50_000.0} if attributes is None else attributes,
    )
    return msgspec.structs.replace(first, **changed)


class Answering:
    """A third-party sink: returns the scripted outcomes and stores the delivered notes."""

    def __init__(self, answer: Callable[[int], Outcome] = lambda _attempt: Delivered()) -> None:
        self.attempts = 0
        self.notes: list[Note] = []
        self._answer = answer

    async def deliver(self, client: object, note: Note) -> Outcome:
        """Answer the n-th attempt."""
        self.attempts += 1
        outcome = self._answer(self.attempts)
        if isinstance(outcome, Delivered):
            self.notes.append(note)
        return outcome

    @property
    def revisions(self) -> list[int]:
        """The revisions delivered, in order."""
        return [note.change.revision for note in self.notes]
