"""Defines the tables of an export: signals, the changes of incidents, and how deliveries ended, with a flat row of each.

What a change holds in depth (evidence, contributions) is in `stormwatch incidents show --json`; here are figures to count with.
"""

from __future__ import annotations

from typing import Any

from monitor.incidents import LEGS, LEVEL_NAMES, IncidentChange
from monitor.log import DeliveryResult
from monitor.signals import Signal
from monitor.snapshot.clean import clean
from monitor.snapshot.history import Kind, Row, Table, utc
from monitor.snapshot.tables import SUBJECT, attributes_text


def _signal(signal: Signal) -> Row:
    return (
        utc(signal.event_time),
        utc(signal.received_at),
        str(signal.kind),
        clean(signal.source),
        signal.seq,
        *(_text(getattr(signal.subject, name)) for name in SUBJECT),
        float(signal.value),
        attributes_text(signal),
        _text(signal.link),
    )


SIGNALS: Table[Signal] = Table(
    (
        ("event_time", Kind.TIME),
        ("received_at", Kind.TIME),
        ("kind", Kind.TEXT),
        ("source", Kind.TEXT),
        ("seq", Kind.INTEGER),
        *((name, Kind.TEXT) for name in SUBJECT),
        ("value", Kind.NUMBER),
        ("attributes", Kind.TEXT),
        ("link", Kind.TEXT),
    ),
    _signal,
)


def _change(change: IncidentChange) -> Row:
    verdict, leaving = change.verdict, change.exit
    legs = {} if verdict is None else {one.leg: one for one in verdict.legs}
    return (
        utc(change.at),
        utc(change.opened_at),
        clean(change.incident_id),
        change.revision,
        clean(change.scope),
        change.kind.value,
        change.state.value,
        LEVEL_NAMES[change.level],
        LEVEL_NAMES[change.peak],
        change.pages,
        change.critical,
        change.drill,
        change.fault.value,
        clean(change.vantage),
        clean(change.instance),
        None if verdict is None else verdict.p_lo,
        None if verdict is None else 1.0 - verdict.p_hi,
        change.far_per_day,
        *(None if leg not in legs else legs[leg].state.value for leg in LEGS),
        *(None if leg not in legs else legs[leg].coverage for leg in LEGS),
        None if leaving is None else leaving.usd(1, 1),
        None if leaving is None else leaving.usd(1, 60),
        None if leaving is None else leaving.normal_share,
        len(change.evidence),
        len(change.blind),
        clean(change.headline),
        clean(change.runbook),
        _text(change.parent_id),
    )


INCIDENTS: Table[IncidentChange] = Table(
    (
        ("at", Kind.TIME),
        ("opened_at", Kind.TIME),
        ("incident_id", Kind.TEXT),
        ("revision", Kind.INTEGER),
        *((name, Kind.TEXT) for name in ("scope", "kind", "state", "level", "peak")),
        *((name, Kind.FLAG) for name in ("pages", "critical", "drill")),
        *((name, Kind.TEXT) for name in ("fault", "vantage", "instance")),
        *((name, Kind.NUMBER) for name in ("confidence_storm", "confidence_calm", "far_per_day")),
        *((f"{leg}_state", Kind.TEXT) for leg in LEGS),
        *((f"{leg}_coverage", Kind.NUMBER) for leg in LEGS),
        ("exit_usd_1pct_1min", Kind.NUMBER),
        ("exit_usd_1pct_60min", Kind.NUMBER),
        ("exit_share_of_usual", Kind.NUMBER),
        ("evidence", Kind.INTEGER),
        ("blind_sources", Kind.INTEGER),
        *((name, Kind.TEXT) for name in ("headline", "runbook", "parent_id")),
    ),
    _change,
)


def _delivery(result: DeliveryResult) -> Row:
    return (
        utc(result.at), clean(result.sink), clean(result.incident_id), result.revision, clean(result.outcome),
        clean(result.why),
    )  # fmt: skip


DELIVERIES: Table[DeliveryResult] = Table(
    (
        ("at", Kind.TIME),
        ("sink", Kind.TEXT),
        ("incident_id", Kind.TEXT),
        ("revision", Kind.INTEGER),
        ("outcome", Kind.TEXT),
        ("why", Kind.TEXT),
    ),
    _delivery,
)

TABLES: dict[str, Table[Any]] = {"signals": SIGNALS, "incidents": INCIDENTS, "deliveries": DELIVERIES}


def _text(text: str | None) -> str | None:
    return None if text is None else clean(text)
