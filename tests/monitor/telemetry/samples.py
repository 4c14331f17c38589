"""Readings, events and incident changes for the telemetry tests, with times that can be checked to the microsecond."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chain.events import Address, CodeChange, CodeCompared, NetworkId, Place, Role
from chain.events.upgrades import ContractUpgraded, SeenBy
from monitor.incidents import (
    LEGS,
    ChangeKind,
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
from monitor.signals import Subject
from monitor.telemetry.export import ExtraExporters
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from probes.readings import Phase, Refusal, RequestTimed, VenueId

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
START_NS = 1_772_366_400_123_456_000


def after(seconds: float) -> datetime:
    """`seconds` after START."""
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryExports:
    """A telemetry whose spans, metrics and logs stay in memory."""

    telemetry: Telemetry
    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader
    logs: InMemoryLogRecordExporter


def memory_exports(settings: TelemetrySettings | None = None, env: Mapping[str, str] | None = None) -> MemoryExports:
    """A telemetry that keeps everything in memory."""
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's own
    exporters = (InMemorySpanExporter(), InMemoryMetricReader(), logs)
    return MemoryExports(
        telemetry=Telemetry(
            settings or TelemetrySettings(),
            vantage="home",
            version="1.2.3",
            env=env or {},
            exporters=ExtraExporters(spans=exporters[0], metrics=exporters[1], logs=exporters[2]),
        ),
        spans=exporters[0],
        metrics=exporters[1],
        logs=exporters[2],
    )


def bare() -> Telemetry:
    """A telemetry without exporters, read only by Prometheus."""
    return Telemetry(TelemetrySettings(), vantage="home", version="1.2.3", env={})


def check(
    *, venue: str = "bybit", name: str = "depth", refusal: Refusal | None = None, status: int | None = 200
) -> RequestTimed:
    """A check of 300 ms, 10 ms late, with six phases that follow each other."""
    lengths = {"resolve": 0.02, "connect": 0.05, "tls": 0.07, "send": 0.001, "wait": 0.1, "receive": 0.049}
    begun, phases = 0.01, []
    for phase, length in lengths.items():
        phases.append(Phase(name=phase, started_at=after(begun), duration_s=length))
        begun += length
    return RequestTimed(
        venue=VenueId(venue),
        check=name,
        instrument="BTCUSDT",
        scheduled_at=START,
        sent_at=after(0.01),
        received_at=after(0.3),
        latency_s=0.3,
        service_s=0.29,
        phases=tuple(phases),
        cold=True,
        status=status,
        refusal=refusal,
        censored=refusal is Refusal.TIMEOUT,
        body_bytes=4096,
    )


def upgrade() -> ContractUpgraded:
    """A proxy upgraded in a block that we received two seconds later."""
    return ContractUpgraded(
        place=Place(
            network=NetworkId("ethereum"), block_number=100, block_hash="0xb1", block_time=START, transaction="0xt1"
        ),
        seen_at=after(2),
        event_id="e1",
        contract=Address("0x" + "a" * 40),
        proxy_kind="eip1967",
        role=Role.IMPLEMENTATION,
        old="0x" + "b" * 40,
        new="0x" + "c" * 40,
        seen_by=SeenBy.LOG,
    )


def compared() -> CodeCompared:
    """The comparison of that upgrade, reported three seconds later: nothing is known."""
    one = upgrade()
    return CodeCompared(
        place=one.place,
        seen_at=after(5),
        event_id=f"{one.event_id}/compared",
        contract=one.contract,
        role=one.role,
        old=one.old,
        new=one.new,
        upgrade_id=one.event_id,
        change=CodeChange(old_size=None, new_size=None, gained=None, lost=None),
    )


def evidence(name: str = "api errors", *, links: tuple[str, ...] = ()) -> Evidence:
    """One finding on a venue, with its probe spans."""
    return Evidence(
        id=f"bybit/{name}",
        leg=Leg.VENUE,
        name=name,
        subject=Subject(venue="bybit"),
        grade=3,
        weight=4.5,
        half_life_s=300.0,
        onset=after(-5),
        at=after(0),
        value=0.7,
        normal=0.01,
        unit="fraction",
        far_per_day=0.02,
        said="7 of 10 requests refused, see https://u:pw@host.example/x?apiKey=hunter2",
        links=links,
    )


def verdict(asset: str = "BTC", *, level: Level = Level.SQUALL) -> Verdict:
    """Two strong legs and one weak leg."""
    return Verdict(
        at=START,
        asset=asset,
        level=level,
        p_lo=0.6,
        p_hi=0.9,
        prior=-4.0,
        context=0.0,
        legs=tuple(
            LegVerdict(
                leg=leg,
                state=LegState.TRUE,
                evidence=3.0,
                coverage=0.8,
                w_lo=2.0,
                w_hi=4.0,
                onset=START,
                contributions=(),
            )
            for leg in LEGS
        ),
        fault=Fault.VENUE,
        blind=(),
    )


def change(
    kind: ChangeKind,
    *,
    at: float = 0.0,
    level: Level = Level.SQUALL,
    peak: Level = Level.SQUALL,
    findings: tuple[Evidence, ...] = (),
    incident_id: str = "btc-1",
    revision: int = 1,
    parent_id: str | None = None,
) -> IncidentChange:
    """One change of the incident "btc-1", opened at START."""
    states = {ChangeKind.ENDED: IncidentState.ENDED, ChangeKind.ENDED_UNKNOWN: IncidentState.ENDED_UNKNOWN}
    return IncidentChange(
        incident_id=incident_id,
        scope="asset:BTC",
        kind=kind,
        state=states.get(kind, IncidentState.OPEN),
        at=after(at),
        opened_at=START,
        revision=revision,
        level=level,
        peak=peak,
        critical=False,
        pages=level >= Level.STORM_SUSPECTED,
        fault=Fault.VENUE,
        headline="BTC: squall",
        verdict=verdict(level=level),
        evidence=findings,
        counter_evidence=(),
        blind=(),
        rejected_causes=(),
        far_per_day=0.001,
        runbook="docs/runbooks/squall.md",
        replay_id="r1",
        parent_id=parent_id,
    )
