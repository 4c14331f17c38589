"""Makes the spans of checks and chain events with their true times: nothing here reads a clock.

A check is a client span from its scheduled time to its answer; its phases are children. A chain event is a span from
the block's time to when we saw it. Attribute names are OpenTelemetry's if it defines them, else `stormwatch.*`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import assert_never
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, TraceFlags, Tracer, set_span_in_context

from chain.events import (
    BehaviourMismatch,
    CodeChange,
    CodeCompared,
    ControlChanged,
    CustomEventSeen,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    PlacedEvent,
    PoolCreated,
    PoolDepth,
    PoolDrained,
    PositionLiquidated,
    Retracted,
    SupplyJumped,
    TokenUsed,
    WalletResumed,
    WalletSilent,
)
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued, UpgradeSaid
from monitor.telemetry.measure import chain_kind
from monitor.telemetry.redact import redact
from probes.readings import RequestTimed

Attributes = dict[str, str | int | float | bool]

ROOT = Context()
"""An empty context: our spans never become children of a span that happens to be current."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def unix_ns(at: datetime) -> int:
    """Nanoseconds since 1970 of an aware time, exact to the microsecond."""
    return (at - _EPOCH) // _MICROSECOND * 1000


def link_of(span: Span) -> str:
    """The span as "trace_id:span_id" in hex, as signals and evidence carry it."""
    context = span.get_span_context()
    return f"{context.trace_id:032x}:{context.span_id:016x}"


def context_of(link: str) -> SpanContext | None:
    """The span context of "trace_id:span_id"; None where the text is not one."""
    trace, _, span = link.partition(":")
    if len(trace) != 32 or len(span) != 16:
        return None
    try:
        context = SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    except ValueError:
        return None
    return context if context.is_valid else None


def start_check(tracer: Tracer, reading: RequestTimed) -> Span:
    """Start the check's span and add its phases as children. The caller ends it at `received_at` (see `end_check`)."""
    attributes: Attributes = {
        "stormwatch.venue": reading.venue,
        "stormwatch.check": reading.check,
        "http.response.body.size": reading.body_bytes,
        "stormwatch.latency_s": reading.latency_s,
        "stormwatch.service_s": reading.service_s,
        "stormwatch.connection.cold": reading.cold,
        "stormwatch.censored": reading.censored,
    }
    attributes |= _asked(reading)
    if reading.instrument is not None:
        attributes["stormwatch.instrument"] = reading.instrument
    if reading.status is not None:
        attributes["http.response.status_code"] = reading.status
    if reading.detail:
        attributes["stormwatch.detail"] = redact(reading.detail)
    if reading.refusal is not None:
        attributes["error.type"] = reading.refusal.value
        attributes["stormwatch.refusal.ours"] = reading.refusal.is_ours
    start = unix_ns(reading.scheduled_at)
    span = tracer.start_span(
        f"check {reading.venue} {reading.check}", ROOT, SpanKind.CLIENT, attributes, start_time=start
    )
    context = set_span_in_context(span, ROOT)
    for phase in reading.phases:
        phase_start = unix_ns(phase.started_at)
        child = tracer.start_span(phase.name, context, SpanKind.INTERNAL, start_time=phase_start)
        child.end(phase_start + max(round(phase.duration_s * 1e9), 0))
    return span


def _asked(reading: RequestTimed) -> Attributes:
    """What was asked, by OpenTelemetry's conventions for HTTP client spans; nothing where nothing was sent."""
    host, port = _server(reading.url)
    if not host:
        return {}
    return {
        "http.request.method": reading.method,
        "server.address": host,
        "server.port": port,
        "url.full": redact(reading.url),
    }


@lru_cache(maxsize=1024)  # a few URLs are asked again and again
def _server(url: str) -> tuple[str, int]:
    """The host and port that a URL names; an empty host if it names none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", 0
    return host, port or (443 if parts.scheme == "https" else 80)


def end_check(span: Span, reading: RequestTimed) -> None:
    """End the check's span at the time of its answer; a refused request has status error."""
    if reading.refusal is not None:
        span.set_status(StatusCode.ERROR, reading.refusal.value)
    span.end(max(unix_ns(reading.received_at), unix_ns(reading.scheduled_at)))


def chain_span(tracer: Tracer, event: PlacedEvent | Retracted) -> Span:
    """Make the span of a placed event (from its block's time) or of its retraction (of zero length), and end it."""
    placed = event.event if isinstance(event, Retracted) else event
    place = placed.place
    attributes: Attributes = {
        "stormwatch.network": place.network,
        "stormwatch.event.id": event.event_id,
        "stormwatch.block.number": place.block_number,
        "stormwatch.block.hash": place.block_hash,
    }
    if place.transaction is not None:
        attributes["stormwatch.transaction"] = place.transaction
    attributes |= _event_attributes(placed)
    seen = unix_ns(event.seen_at)
    start = seen if isinstance(event, Retracted) else min(unix_ns(place.block_time), seen)
    name = f"chain {place.network} {chain_kind(event)}"
    span = tracer.start_span(name, ROOT, SpanKind.INTERNAL, attributes, start_time=start)
    span.end(seen)
    return span


def _event_attributes(event: PlacedEvent) -> Attributes:
    match event:
        case ContractUpgraded() | UpgradeSaid() | CodeCompared() | UpgradeQueued() | OperationEnded():
            return _upgrade_attributes(event)
        case LiquidityMoved() | LiquidityMigrated() | LiquidityAccounted() | PoolDepth() | PoolDrained():
            return _liquidity_attributes(event)
        case ControlChanged():
            return {
                "stormwatch.contract": event.contract,
                "stormwatch.control.change": event.change.value,
                "stormwatch.control.emitter": event.emitter,
                "stormwatch.control.new": event.new or event.account or "",
            }
        case HolderFrozen():
            return {
                "stormwatch.token": event.token,
                "stormwatch.holder": event.holder,
                "stormwatch.holder.frozen": event.frozen,
            }
        case BehaviourMismatch():
            return {
                "stormwatch.contract": event.contract,
                "stormwatch.behaviour.actual": event.actual,
                "stormwatch.behaviour.probed_by": event.probed_by.value,
                "stormwatch.behaviour.ended": event.ended,
            }
        case WalletSilent() | WalletResumed():
            return {
                "stormwatch.venue": event.venue,
                "stormwatch.asset": event.asset,
                "stormwatch.wallet.silent_s": event.silent_s,
            }
        case CustomEventSeen():
            return {"stormwatch.contract": event.contract, "stormwatch.rule": event.rule}
        case PoolCreated():
            return {"stormwatch.pool": event.pool, "stormwatch.pool.kind": event.pool_kind}
        case PositionLiquidated():
            return {
                "stormwatch.contract": event.collateral,
                "stormwatch.liquidation.protocol": event.protocol,
                "stormwatch.liquidation.side": "long" if event.long else "short",
            }
        case SupplyJumped():
            return {"stormwatch.token": event.token, "stormwatch.supply.change": event.share}
        case TokenUsed():
            return {
                "stormwatch.token": event.token,
                "stormwatch.token.transfers": event.transfers,
                "stormwatch.token.active": event.active,
            }
        case _:
            assert_never(event)


def _liquidity_attributes(
    event: LiquidityMoved | LiquidityMigrated | LiquidityAccounted | PoolDepth | PoolDrained,
) -> Attributes:
    match event:
        case LiquidityMoved():
            return {
                "stormwatch.pool": event.pool,
                "stormwatch.pool.kind": event.pool_kind,
                "stormwatch.liquidity.share": event.share,
            }
        case LiquidityMigrated():
            return {
                "stormwatch.pool": event.from_pool,
                "stormwatch.pool.to": event.to_pool,
                "stormwatch.token": event.token,
                "stormwatch.liquidity.share": event.share,
                "stormwatch.migration.score": event.score,
            }
        case LiquidityAccounted():
            return {
                "stormwatch.pool": event.pool,
                "stormwatch.token": event.token,
                "stormwatch.liquidity.level": event.level,
                "stormwatch.liquidity.unexplained": event.unexplained / event.removed,
            }
        case PoolDepth():
            return {"stormwatch.pool": event.pool, "stormwatch.pool.kind": event.pool_kind}
        case PoolDrained():
            return {
                "stormwatch.pool": event.pool,
                "stormwatch.pool.kind": event.pool_kind,
                "stormwatch.token": event.token,
                "stormwatch.liquidity.share": event.share,
                "stormwatch.drain.cause": event.cause.value,
            }
        case _:
            assert_never(event)


def _upgrade_attributes(
    event: ContractUpgraded | UpgradeSaid | CodeCompared | UpgradeQueued | OperationEnded,
) -> Attributes:
    match event:
        case ContractUpgraded():
            return {
                "stormwatch.contract": event.contract,
                "stormwatch.proxy.kind": event.proxy_kind,
                "stormwatch.proxy.role": event.role,
                "stormwatch.upgrade.old": event.old or "",
                "stormwatch.upgrade.new": event.new,
                "stormwatch.upgrade.seen_by": event.seen_by.value,
            }
        case UpgradeSaid():
            return {
                "stormwatch.contract": event.contract,
                "stormwatch.proxy.kind": event.proxy_kind,
                "stormwatch.proxy.role": event.role,
                "stormwatch.upgrade.said": event.said,
                "stormwatch.upgrade.held": event.held or "",
            }
        case CodeCompared():
            return {
                "stormwatch.contract": event.contract,
                "stormwatch.proxy.role": event.role,
                "stormwatch.upgrade.id": event.upgrade_id,
                "stormwatch.upgrade.old": event.old or "",
                "stormwatch.upgrade.new": event.new,
                **_code_attributes(event.change),
            }
        case UpgradeQueued():
            return {
                "stormwatch.contract": event.target,
                "stormwatch.timelock": event.timelock,
                "stormwatch.operation": event.operation,
                "stormwatch.upgrade.eta": event.eta.isoformat(),
            }
        case OperationEnded():
            return {
                "stormwatch.timelock": event.timelock,
                "stormwatch.operation": event.operation,
                "stormwatch.operation.executed": event.executed,
            }
        case _:
            assert_never(event)


def _code_attributes(change: CodeChange) -> Attributes:
    """The sizes of both codes and how many hints there are of another storage layout, as far as known."""
    known = {
        "stormwatch.upgrade.old_size": change.old_size,
        "stormwatch.upgrade.new_size": change.new_size,
        "stormwatch.upgrade.layout_hints": None if change.layout is None else len(change.layout),
    }
    return {name: value for name, value in known.items() if value is not None}
