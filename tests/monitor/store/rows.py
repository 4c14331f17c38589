"""Signals, changes and deliveries for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.incidents import ChangeKind, Evidence, Fault, IncidentChange, IncidentState, Leg, Level
from monitor.log import DeliveryResult
from monitor.signals import Scalar, Signal, SignalKind, Subject

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def signal(
    seq: int,
    *,
    kind: SignalKind = SignalKind.REQUEST,
    value: float = 0.25,
    at: datetime | None = None,
    asset: str | None = "BTC",
    attributes: dict[str, Scalar] | None = None,
) -> Signal:
    """A signal received `seq` ms after noon."""
    received_at = at or NOON + timedelta(milliseconds=seq)
    return Signal(
        kind=kind,
        subject=Subject(asset=asset, venue="bybit", instrument="BTCUSDT", vantage="local"),
        event_time=received_at - timedelta(microseconds=1234),
        received_at=received_at,
        source="bybit/rest",
        seq=seq,
        value=value,
        attributes={"check": "ticker", "outcome": "ok", "cold": False, "service_s": 0.1}
        if attributes is None
        else attributes,
        link="0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331",
    )


def change(
    incident_id: str = "i-1", revision: int = 1, *, far_per_day: float = 0.5, headline: str = "BTC: squall"
) -> IncidentChange:
    """A change reported `revision` seconds after noon."""
    evidence = Evidence(
        id="e-1",
        leg=Leg.VENUE,
        name="venue_errors",
        subject=Subject(asset="BTC", venue="bybit"),
        grade=3,
        weight=2.5,
        half_life_s=300.0,
        onset=NOON,
        at=NOON,
        value=0.4,
        normal=0.01,
        unit="fraction",
        far_per_day=far_per_day,
        said="40 % of requests fail",
        links=("a:b",),
    )
    return IncidentChange(
        incident_id=incident_id,
        scope="asset:BTC",
        kind=ChangeKind.OPENED if revision == 1 else ChangeKind.RAISED,
        state=IncidentState.OPEN,
        at=NOON + timedelta(seconds=revision),
        opened_at=NOON,
        revision=revision,
        level=Level.SQUALL,
        peak=Level.SQUALL,
        critical=False,
        pages=False,
        fault=Fault.VENUE,
        headline=headline,
        verdict=None,
        evidence=(evidence,),
        counter_evidence=("spread is usual",),
        blind=(),
        rejected_causes=(),
        far_per_day=far_per_day,
        runbook="venue",
        replay_id="r-1",
    )


def delivery(revision: int = 1, *, sink: str = "webhook", at: datetime = NOON) -> DeliveryResult:
    """A delivery of a change of incident i-1 that succeeded."""
    return DeliveryResult(sink=sink, incident_id="i-1", revision=revision, outcome="delivered", why="", at=at)
