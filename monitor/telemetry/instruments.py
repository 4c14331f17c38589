"""Lists all metrics in one table: name, kind, unit, description, attributes, and how many attribute sets each may have.

Names and units follow OpenTelemetry (dots, UCUM units, annotations in braces), so that Prometheus shows
`stormwatch.check.duration` as `stormwatch_check_duration_seconds`. The instruments are created from this table and the
documents print it; no other place names a metric.
"""

from __future__ import annotations

from math import inf

from monitor.telemetry.metric import Metric, counter, gauge, histogram

_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
_LAG_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

CHECK_DURATION = histogram(
    "stormwatch.check.duration",
    "Latency of a check from its scheduled time; time-outs count as their limit, missed slots as what held them. "
    "outcome: ok, missed or a refusal kind",
    "venue",
    "check",
    "outcome",
    buckets=_LATENCY_S,
    unbounded=("check",),
    cap=1000,
)
PHASE_DURATION = histogram(
    "stormwatch.check.phase.duration",
    "One phase of a request: resolve, connect, tls, send, wait, receive",
    "venue",
    "phase",
    buckets=_LATENCY_S,
)
PASSED_OVER = counter(
    "stormwatch.check.passed_over",
    "{request}",
    "Requests that were not sent, because the venue's budget is short or a refusal asks us to wait",
    "venue",
    "check",
    unbounded=("check",),
)
READINGS_DROPPED = counter(
    "stormwatch.readings.dropped",
    "{reading}",
    "Readings that a venue's full queue dropped, by kind",
    "venue",
    "kind",
)
READINGS_UNWATCHED = counter(
    "stormwatch.readings.unwatched", "{reading}", "Readings and events of instruments and assets that are not watched"
)
SIGNALS_LATE = counter(
    "stormwatch.signals.late", "{signal}", "Signals that came after their second was judged, and count in a later one"
)
SIGNALS_REFUSED = counter(
    "stormwatch.signals.refused",
    "{signal}",
    "Signals that cannot be, came twice, or were one source's flood, by kind and reason: nothing rests on them",
    "kind",
    "reason",
)
MISSED_SLOTS = counter(
    "stormwatch.check.missed_slots",
    "{slot}",
    "Slots of a check's schedule that passed while its previous request was running, or whose request was given up",
    "venue",
    "check",
    unbounded=("check",),
)
CONTROL_DURATION = histogram(
    "stormwatch.control.duration",
    "Latency of a neutral control target: if these fail together with the venues, the fault is ours",
    "target",
    "outcome",
    buckets=_LATENCY_S,
    unbounded=("target",),
)
BUDGET_LEFT = gauge(
    "stormwatch.venue.budget.left",
    "1",
    "Share of a request budget that is left; host: the venue's hosts that it is about",
    "venue",
    "host",
    "budget",
    unbounded=("host", "budget"),
)
CLOCK_OFFSET = gauge(
    "stormwatch.venue.clock.offset", "s", "The venue's clock minus ours; origin: rest or feed", "venue", "origin"
)
CLOCK_BOUND = gauge("stormwatch.venue.clock.bound", "s", "Error bound of the offset", "venue", "origin")
SERVICE_STATE = gauge(
    "stormwatch.venue.declared",
    "{state}",
    "Status declared by the venue, of the whole (service is empty) or of a part: 0 operational, 1 degraded, 2 maintenance",
    "venue",
    "service",
    unbounded=("service",),
    stale_s=900.0,
)
FEED_LAG = histogram(
    "stormwatch.feed.lag",
    "Time from the venue's timestamp to ours, minus the clock offset",
    "venue",
    "feed",
    buckets=_LAG_S,
    unbounded=("feed",),
)
ENGINE_LAG = histogram(
    "stormwatch.engine.lag",
    "Time between two timestamps of one venue (gateway minus engine), the sampling window's maximum",
    "venue",
    "feed",
    buckets=_LAG_S,
    unbounded=("feed",),
)
FEED_EVENTS = counter(
    "stormwatch.feed.events",
    "{event}",
    "Events of a feed's connection",
    "venue",
    "feed",
    "event",
    unbounded=("feed",),
    cap=1500,
)
FEED_MALFORMED = counter(
    "stormwatch.feed.malformed", "{frame}", "Frames that could not be read", "venue", "feed", unbounded=("feed",)
)
CLAIMS = counter(
    "stormwatch.feed.claims",
    "{change}",
    "Changes of what was asked of a feed: asked, acknowledged, refused, speaking, silent, ended",
    "venue",
    "feed",
    "state",
    unbounded=("feed",),
)
ROWS_MALFORMED = counter(
    "stormwatch.rows.malformed",
    "{row}",
    "Rows of answers and frames that were not admitted, by reason",
    "venue",
    "check",
    "reason",
    unbounded=("check",),
)
LIQUIDATION_NOTIONAL = counter(
    "stormwatch.liquidation.notional",
    "{USD}",
    "Liquidated notional as the feeds report it (see their censoring), without the backlog sent at subscription",
    "venue",
    "side",
)
LIQUIDATION_COUNT = counter(
    "stormwatch.liquidation.count", "{order}", "Liquidations as the feeds report them", "venue", "side"
)
BOOK_SPREAD = gauge(
    "stormwatch.book.spread",
    "{bp}",
    "Spread in basis points of mid; absent while the book is one-sided or crossed",
    "venue",
    "instrument",
    unbounded=("instrument",),
    cap=1000,
    stale_s=60.0,
)
BOOK_DEPTH = gauge(
    "stormwatch.book.depth",
    "{USD}",
    "USD within so many basis points of mid; side: bid or ask",
    "venue",
    "instrument",
    "side",
    "bps",
    unbounded=("instrument",),
    cap=5000,
    stale_s=60.0,
)
BOOK_SAMPLES = counter(
    "stormwatch.book.samples", "{sample}", "Sampled books by state: ok, frozen, crossed, one_sided …", "venue", "state"
)
WALLET_WITHDRAWALS = gauge(
    "stormwatch.wallet.withdrawals",
    "{level}",
    "Declared: 2 open, 1 open but delayed, 0 closed; absent if the venue does not say",
    "venue",
    "asset",
    "network",
    unbounded=("asset", "network"),
    cap=1000,
    stale_s=900.0,
)
CHAIN_HEAD = gauge("stormwatch.chain.head", "{block}", "Number of the newest block that was read", "network")
CHAIN_HEAD_LAG = gauge("stormwatch.chain.head.lag", "s", "Age of the newest block when it was seen", "network")
CHAIN_BASE_FEE = gauge(
    "stormwatch.chain.base_fee_gwei", "{gwei}", "Base fee of the newest block that was read", "network"
)
CHAIN_EVENTS = counter("stormwatch.chain.events", "{event}", "Chain events by kind", "network", "kind")
NODE_FAULTS = counter(
    "stormwatch.chain.node.faults",
    "{fault}",
    "Answers of a node that could not be used",
    "network",
    "node",
    "fault",
    unbounded=("node",),
)
_NODE = ("network", "node", "provider")
NODE_LATENCY = gauge(
    "stormwatch.chain.node.latency", "s", "Moving average of a node's answers", *_NODE, unbounded=_NODE[1:]
)
NODE_LAG = gauge(
    "stormwatch.chain.node.lag_blocks",
    "{block}",
    "Blocks below the highest head of any node",
    *_NODE,
    unbounded=_NODE[1:],
)
NODE_REST = gauge(
    "stormwatch.chain.node.rest", "s", "How long a node is not asked, after failures", *_NODE, unbounded=_NODE[1:]
)
NODE_PAUSED = counter(
    "stormwatch.chain.node.paused", "s", "Pauses because a node refused for its rate", *_NODE, unbounded=_NODE[1:]
)
NODE_REFUSALS = counter(
    "stormwatch.chain.node.refusals",
    "{refusal}",
    "Batches, or parts of them, that a node refused or failed, by kind; most are asked again",
    *_NODE,
    "fault",
    unbounded=_NODE[1:],
)
ASSET_LEVEL = gauge(
    "stormwatch.asset.level",
    "{level}",
    "0 calm, 1 watch, 2 squall, 3 storm-suspected, 4 perfect-storm",
    "asset",
    unbounded=("asset",),
)
EXIT_CAPACITY = gauge(
    "stormwatch.asset.exit.usd",
    "{USD}",
    "How much of the asset could leave at least, within so many percent of its price in so many minutes",
    "asset",
    "percent",
    "minutes",
    unbounded=("asset",),
)
EXIT_SHARE = gauge(
    "stormwatch.asset.exit.share",
    "1",
    "What the known ways out give now, of what they usually give",
    "asset",
    unbounded=("asset",),
)
ASSET_CONFIDENCE = gauge(
    "stormwatch.asset.confidence",
    "1",
    "Confidence that there is a storm, or that it is calm; both fall when feeds go blind",
    "asset",
    "of",
    unbounded=("asset",),
    cap=1000,
)
LEG_EVIDENCE = gauge(
    "stormwatch.leg.evidence", "{nat}", "Evidence of a leg", "asset", "leg", unbounded=("asset",), cap=2000
)
LEG_COVERAGE = gauge(
    "stormwatch.leg.coverage",
    "1",
    "Share of a leg's sources that can be seen",
    "asset",
    "leg",
    unbounded=("asset",),
    cap=2000,
)
INCIDENT_CHANGES = counter("stormwatch.incident.changes", "{change}", "Changes of incidents", "kind", "level")
LOG_ROWS = counter("stormwatch.log.rows", "{row}", "Rows appended to the local log, made durable or dropped", "state")
LOG_LOST = counter(
    "stormwatch.log.lost",
    "{row}",
    "Rows removed by the disk limit before a reader read them",
    "reader",
    unbounded=("reader",),
)
LOG_WAITING = gauge("stormwatch.log.waiting", "{row}", "Rows in memory that are not durable yet", stale_s=120.0)
LOG_SIZE = gauge("stormwatch.log.size", "By", "Size of the local log on disk", stale_s=120.0)
READER_ENTRIES = gauge(
    "stormwatch.reader.entries",
    "{entry}",
    "Entries of the log that a reader has not passed",
    "reader",
    unbounded=("reader",),
)
READER_LAG = gauge(
    "stormwatch.reader.lag",
    "s",
    "Age of the oldest entry that a reader has not passed",
    "reader",
    unbounded=("reader",),
)
VANTAGE_AGE = gauge(
    "stormwatch.vantage.age",
    "s",
    "Age of the last second of a vantage's own clock that came over the bus",
    "vantage",
    unbounded=("vantage",),
    stale_s=120.0,
)
BUS_REFUSED = counter(
    "stormwatch.bus.refused", "{refusal}", "Messages and signals of the bus that were not taken", "reason"
)
LOOP_LAG = histogram(
    "stormwatch.loop.lag",
    "Lateness of our own event loop at each wake-up, 20 a second: above 0.05 it is taken off what venues are blamed for",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
BUILD_INFO = gauge(
    "stormwatch.build.info",
    "{build}",
    "Always 1: the version that runs, and Python's",
    "version",
    "python",
    stale_s=inf,
)
PART_RESTARTS = counter(
    "stormwatch.part.restarts", "{restart}", "Restarts of a part after a failure of ours", "part", unbounded=("part",)
)
DELIVERY = counter(
    "stormwatch.delivery",
    "{message}",
    "Deliveries by outcome: delivered, try_again, refused",
    "sink",
    "outcome",
    unbounded=("sink",),
)
DELIVERY_LATENCY = histogram(
    "stormwatch.delivery.latency",
    "Time from a change's judgement to its delivery; reminders and what a silence held back are not counted",
    "sink",
    "type",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
    unbounded=("sink", "type"),
    cap=100,
)

SINK_BROKEN = gauge(
    "stormwatch.delivery.broken",
    "1",
    "1 while a sink is broken: it got nothing for broken_after_s, or its place in the log was lost. The others are notified",
    "sink",
    unbounded=("sink",),
    cap=100,
    stale_s=120.0,
)
SINK_BREAKS = counter(
    "stormwatch.delivery.breaks",
    "{break}",
    "Times that a sink was found to be broken",
    "sink",
    unbounded=("sink",),
    cap=100,
)

METRICS: tuple[Metric, ...] = tuple(one for one in list(vars().values()) if isinstance(one, Metric))


def documented() -> str:
    """The table as Markdown for the documents: one line for each metric, in the order of this file."""
    lines = ["| metric | kind | unit | attributes | what it says |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{one.name}` | {one.kind} | `{one.unit}` | {', '.join(one.attributes) or '-'} | {one.description} |"
        for one in METRICS
    ]
    return "\n".join(lines) + "\n"
