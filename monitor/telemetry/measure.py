"""Updates the metrics for each reading, chain event, verdict and incident change. Complete by `assert_never`."""

from __future__ import annotations

from typing import assert_never

from opentelemetry.context import Context

from chain.events import (
    BehaviourMismatch,
    ChainEvent,
    CodeCompared,
    ControlChanged,
    CustomEventSeen,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
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
from chain.events.network import HeadResumed, HeadSeen, HeadStalled, NodeFault, NodeMeasured, Reorged
from chain.events.upgrades import ContractUpgraded, OperationEnded, UpgradeQueued, UpgradeSaid
from monitor.incidents import LEVEL_NAMES, ExitCapacity, IncidentChange, Verdict
from monitor.telemetry import instruments as table
from monitor.telemetry.figures import Figures
from probes.readings import (
    BookMeasured,
    BookRefilled,
    ClaimChanged,
    Deleveraging,
    EngineLag,
    FeedChanged,
    FeedLag,
    FeedMalformed,
    Funding,
    Headroom,
    InstrumentsListed,
    InsuranceFund,
    Liquidation,
    LongShortRatio,
    MarketLiquidations,
    MarkPrice,
    OpenInterest,
    Reading,
    Refusal,
    RequestTimed,
    RowsMalformed,
    ServerTime,
    ServiceState,
    ServiceStatus,
    SlotMissed,
    VenueClock,
    Volume,
    WalletStatus,
)

CONTROL_VENUE = "control"
MISSED = "missed"
"""The outcome of a slot without a request of its own."""
MAX_MISSED = 1000
"""Missed slots that one reading adds to the latencies: after a pause of our own machine there may be very many."""
_DECLARED = {ServiceState.OPERATIONAL: 0, ServiceState.DEGRADED: 1, ServiceState.MAINTENANCE: 2}


def measure_check(figures: Figures, reading: RequestTimed, context: Context | None = None) -> None:
    """Record the durations of one check and its phases; `context` holds its span, for exemplars."""
    outcome = "ok" if reading.refusal is None else reading.refusal.value
    venue: str = reading.venue
    if venue == CONTROL_VENUE:
        figures.observe(table.CONTROL_DURATION, reading.latency_s, reading.check, outcome, context=context)
        return
    if reading.refusal is Refusal.BUDGET:  # nothing was sent: it has no latency
        figures.add(table.PASSED_OVER, 1, venue, reading.check)
        return
    figures.observe(table.CHECK_DURATION, reading.latency_s, venue, reading.check, outcome, context=context)
    for phase in reading.phases:
        figures.observe(table.PHASE_DURATION, phase.duration_s, venue, phase.name, context=context)


def measure(figures: Figures, reading: Reading) -> None:  # noqa: C901  # flat: one branch for each kind of reading
    """Update the metrics of a reading; market statistics (funding, volume …) have none: only the correlator uses them."""
    match reading:
        case RequestTimed():
            measure_check(figures, reading)
        case BookMeasured():
            _measure_book(figures, reading)
        case Liquidation():
            if not reading.backlog:
                side = reading.side.value
                figures.add(table.LIQUIDATION_NOTIONAL, float(reading.notional_usd), reading.venue, side)
                figures.add(table.LIQUIDATION_COUNT, 1, reading.venue, side)
        case FeedLag():
            lag_s = max(reading.lag_s, 0.0)  # exact only within ± its bound: a histogram accepts no negative value
            figures.observe(table.FEED_LAG, lag_s, reading.venue, reading.feed)
        case EngineLag():
            figures.observe(table.ENGINE_LAG, max(reading.lag_s, 0.0), reading.venue, reading.feed)
        case FeedChanged():
            figures.add(table.FEED_EVENTS, 1, reading.venue, reading.feed, reading.event.value)
        case FeedMalformed():
            figures.add(table.FEED_MALFORMED, reading.count, reading.venue, reading.feed)
        case ClaimChanged():
            figures.add(table.CLAIMS, 1, reading.venue, reading.feed, reading.state.value)
        case RowsMalformed():
            figures.add(table.ROWS_MALFORMED, reading.count, reading.venue, reading.check, reading.reason.value)
        case SlotMissed():
            figures.add(table.MISSED_SLOTS, reading.missed, reading.venue, reading.check)
            for latency_s in reading.latencies_s(MAX_MISSED):
                figures.observe(table.CHECK_DURATION, latency_s, reading.venue, reading.check, MISSED)
        case Headroom():
            figures.set_gauge(table.BUDGET_LEFT, reading.left, reading.venue, reading.host, reading.budget)
        case VenueClock():
            figures.set_gauge(table.CLOCK_OFFSET, reading.offset_s, reading.venue, reading.origin)
            figures.set_gauge(table.CLOCK_BOUND, reading.bound_s, reading.venue, reading.origin)
        case ServiceStatus():
            if not reading.planned:
                figures.set_gauge(table.SERVICE_STATE, _DECLARED[reading.state], reading.venue, reading.service)
        case WalletStatus():
            level = _wallet_level(reading)
            figures.set_gauge(table.WALLET_WITHDRAWALS, level, reading.venue, reading.asset, reading.network)
        case (
            ServerTime()
            | InstrumentsListed()
            | MarketLiquidations()
            | BookRefilled()
            | OpenInterest()
            | Funding()
            | MarkPrice()
            | LongShortRatio()
            | InsuranceFund()
            | Deleveraging()
            | Volume()
        ):
            pass
        case _:
            assert_never(reading)


def _wallet_level(reading: WalletStatus) -> int | None:
    if reading.withdrawals is None:
        return None
    if not reading.withdrawals:
        return 0
    return 1 if reading.delayed else 2


def _measure_book(figures: Figures, reading: BookMeasured) -> None:
    venue, instrument = reading.venue, reading.instrument
    figures.add(table.BOOK_SAMPLES, 1, venue, reading.state.value)
    figures.set_gauge(table.BOOK_SPREAD, reading.spread_bps, venue, instrument)
    for bps, (bids, asks) in reading.depth_usd.items():
        figures.set_gauge(table.BOOK_DEPTH, bids, venue, instrument, "bid", str(bps))
        figures.set_gauge(table.BOOK_DEPTH, asks, venue, instrument, "ask", str(bps))


def chain_kind(event: ChainEvent) -> str:  # noqa: C901  # one line for each kind
    """The event's kind as an attribute: a closed set."""
    match event:
        case HeadSeen():
            return "head"
        case HeadStalled():
            return "head_stalled"
        case HeadResumed():
            return "head_resumed"
        case NodeFault():
            return "node_fault"
        case NodeMeasured():
            return "node_measured"
        case Reorged():
            return "reorg"
        case ContractUpgraded():
            return "upgrade"
        case UpgradeSaid():
            return "upgrade_said"
        case CodeCompared():
            return "code_compared"
        case UpgradeQueued():
            return "upgrade_queued"
        case OperationEnded():
            return "operation_ended"
        case LiquidityMoved():
            return "liquidity_removed" if event.removed else "liquidity_added"
        case LiquidityMigrated():
            return "migration"
        case LiquidityAccounted():
            return "liquidity_accounted"
        case PoolDepth():
            return "pool_depth"
        case PoolDrained():
            return "pool_drained"
        case SupplyJumped():
            return "supply_jumped"
        case ControlChanged():
            return "control_changed"
        case HolderFrozen():
            return "holder_frozen"
        case BehaviourMismatch():
            return "behaviour_mismatch"
        case WalletSilent():
            return "wallet_silent"
        case WalletResumed():
            return "wallet_resumed"
        case TokenUsed():
            return "token_use"
        case CustomEventSeen():
            return "custom_event"
        case PoolCreated():
            return "pool_created"
        case PositionLiquidated():
            return "onchain_liquidation"
        case Retracted():
            return "retraction"
        case _:
            assert_never(event)


def measure_chain(figures: Figures, event: ChainEvent) -> None:
    """Update the metrics of a chain event."""
    network: str = (
        event.network
        if isinstance(event, HeadSeen | HeadStalled | HeadResumed | NodeFault | NodeMeasured | Reorged | Retracted)
        else event.place.network
    )
    figures.add(table.CHAIN_EVENTS, 1, network, chain_kind(event))
    if isinstance(event, HeadSeen):
        figures.set_gauge(table.CHAIN_HEAD, event.block_number, network)
        figures.set_gauge(table.CHAIN_HEAD_LAG, event.lag_s, network)
        figures.set_gauge(table.CHAIN_BASE_FEE, None if event.base_fee is None else event.base_fee / 1e9, network)
    elif isinstance(event, NodeMeasured):
        of = (network, event.node, event.provider)
        figures.set_gauge(table.NODE_LATENCY, event.latency_s, *of)
        figures.set_gauge(table.NODE_LAG, event.lag_blocks, *of)
        figures.set_gauge(table.NODE_REST, event.rest_s, *of)
        figures.add(table.NODE_PAUSED, event.paused_s, *of)
        for fault, count in event.refusals:
            figures.add(table.NODE_REFUSALS, count, *of, fault.value)
    elif isinstance(event, NodeFault):
        figures.add(table.NODE_FAULTS, 1, network, event.node, event.fault.value)


def measure_verdict(figures: Figures, verdict: Verdict) -> None:
    """Update level, confidences and legs of one asset; both confidences, because they do not add up to one."""
    figures.set_gauge(table.ASSET_LEVEL, verdict.level, verdict.asset)
    figures.set_gauge(table.ASSET_CONFIDENCE, verdict.p_lo, verdict.asset, "storm")
    figures.set_gauge(table.ASSET_CONFIDENCE, 1.0 - verdict.p_hi, verdict.asset, "calm")
    for leg in verdict.legs:
        figures.set_gauge(table.LEG_EVIDENCE, leg.evidence, verdict.asset, leg.leg.value)
        figures.set_gauge(table.LEG_COVERAGE, leg.coverage, verdict.asset, leg.leg.value)


def measure_exit(figures: Figures, one: ExitCapacity) -> None:
    """Update how much of one asset could leave; what is unknown is removed."""
    for amount in one.amounts:
        figures.set_gauge(table.EXIT_CAPACITY, amount.usd, one.asset, str(amount.percent), str(amount.minutes))
    figures.set_gauge(table.EXIT_SHARE, one.normal_share, one.asset)


def measure_change(figures: Figures, change: IncidentChange) -> None:
    """Update the metrics of an incident change and of the verdict in it."""
    figures.add(table.INCIDENT_CHANGES, 1, change.kind.value, LEVEL_NAMES[change.level])
    if change.verdict is not None:
        measure_verdict(figures, change.verdict)
