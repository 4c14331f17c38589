"""Figures: what updates them, their text in Prometheus, bounded attribute sets, and the removal of stale gauges."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint

from chain.events import NetworkId
from chain.events.network import HeadSeen, NodeFault, NodeFaultKind
from monitor.incidents import ChangeKind
from monitor.intake.unseen import Unseen
from monitor.log.health import LogFigures, LogHealth, ReaderLag
from monitor.telemetry import instruments as table
from monitor.telemetry.figures import Figures
from monitor.telemetry.instruments import METRICS, documented
from monitor.telemetry.metric import OTHER, MetricKind
from monitor.telemetry.telemetry import Telemetry
from probes.readings import (
    BookMeasured,
    BookState,
    Censoring,
    FeedChanged,
    FeedEvent,
    Headroom,
    Liquidation,
    Refusal,
    ServiceState,
    ServiceStatus,
    Side,
    VenueClock,
    VenueId,
    WalletStatus,
)
from tests.monitor.cli.test_exits import capacity
from tests.monitor.telemetry.samples import START, after, bare, change, check, memory_exports, upgrade, verdict

BYBIT = VenueId("bybit")


def lines(telemetry: Telemetry, name: str) -> dict[str, float]:
    body, content_type = telemetry.prometheus()
    assert content_type.startswith("text/plain")
    found = re.findall(rf"^({name}(?:\{{[^}}]*\}})?) (\S+)$", body.decode(), re.MULTILINE)
    return {one: float(value) for one, value in found}


def points(reader: InMemoryMetricReader) -> dict[str, list[NumberDataPoint | HistogramDataPoint]]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: list(metric.data.data_points)  # type: ignore[arg-type]  # no exponential histograms here
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def book(spread_bps: float | None) -> BookMeasured:
    return BookMeasured(
        venue=BYBIT,
        instrument="BTCUSDT",
        received_at=START,
        event_time=None,
        source="ws",
        state=BookState.OK if spread_bps is not None else BookState.CROSSED,
        mid=100.0,
        spread_bps=spread_bps,
        depth_usd={10: (1000.0, 2000.0)},
        slippage_bps={},
        levels=10,
        updates=5,
        age_s=0.1,
    )


def liquidation(*, backlog: bool = False) -> Liquidation:
    return Liquidation(
        venue=BYBIT,
        instrument="BTCUSDT",
        received_at=START,
        event_time=START,
        side=Side.LONG,
        price=Decimal(100),
        quantity=Decimal("2.5"),
        notional_usd=Decimal(250),
        censoring=Censoring.COMPLETE,
        backlog=backlog,
    )


def wallet(withdrawals: bool | None, delayed: bool | None = None) -> WalletStatus:
    return WalletStatus(
        venue=BYBIT,
        asset="BTC",
        network="bitcoin",
        received_at=START,
        deposits=True,
        withdrawals=withdrawals,
        delayed=delayed,
    )


def test_the_table_names_each_metric_once_and_by_the_naming_convention() -> None:
    names = [one.name for one in METRICS]
    assert len(set(names)) == len(names)
    for one in METRICS:
        assert re.fullmatch(r"stormwatch(\.[a-z_]+)+", one.name)
        assert one.unit in {"s", "1", "By"} or re.fullmatch(r"\{\w+\}", one.unit)
        assert one.description
        assert set(one.unbounded) <= set(one.attributes)
        assert bool(one.buckets) is (one.kind is MetricKind.HISTOGRAM)


def test_the_documented_table_has_a_line_for_every_metric() -> None:
    assert all(f"`{one.name}`" in documented() for one in METRICS)


def test_a_check_updates_its_duration_and_its_phases() -> None:
    telemetry = bare()
    telemetry.record(check(refusal=Refusal.TIMEOUT, status=None))
    assert lines(telemetry, "stormwatch_check_duration_seconds_sum") == {
        'stormwatch_check_duration_seconds_sum{check="depth",outcome="timeout",venue="bybit"}': 0.3
    }
    assert lines(telemetry, "stormwatch_check_phase_duration_seconds_sum")[
        'stormwatch_check_phase_duration_seconds_sum{phase="tls",venue="bybit"}'
    ] == pytest.approx(0.07)


def test_a_control_target_is_no_venue() -> None:
    telemetry = bare()
    telemetry.record(check(venue="control", name="example"))
    assert lines(telemetry, "stormwatch_check_duration_seconds_count") == {}
    assert lines(telemetry, "stormwatch_control_duration_seconds_count") == {
        'stormwatch_control_duration_seconds_count{outcome="ok",target="example"}': 1
    }


def test_the_duration_of_a_check_carries_its_trace_as_an_exemplar() -> None:
    exports = memory_exports()
    link = exports.telemetry.record(check())
    (point,) = points(exports.metrics)["stormwatch.check.duration"]
    (exemplar,) = point.exemplars
    assert exemplar.trace_id is not None
    assert f"{exemplar.trace_id:032x}:{exemplar.span_id:016x}" == link


def test_liquidations_count_by_side_without_the_backlog_at_subscription() -> None:
    telemetry = bare()
    for reading in (liquidation(), liquidation(), liquidation(backlog=True)):
        assert telemetry.record(reading) is None
    assert lines(telemetry, "stormwatch_liquidation_notional_total") == {
        'stormwatch_liquidation_notional_total{side="long",venue="bybit"}': 500
    }
    assert lines(telemetry, "stormwatch_liquidation_count_total") == {
        'stormwatch_liquidation_count_total{side="long",venue="bybit"}': 2
    }


def test_a_book_shows_spread_and_depth_and_a_crossed_book_shows_no_spread() -> None:
    telemetry = bare()
    telemetry.record(book(1.5))
    assert list(lines(telemetry, "stormwatch_book_spread").values()) == [1.5]
    assert lines(telemetry, "stormwatch_book_depth") == {
        'stormwatch_book_depth{bps="10",instrument="BTCUSDT",side="bid",venue="bybit"}': 1000,
        'stormwatch_book_depth{bps="10",instrument="BTCUSDT",side="ask",venue="bybit"}': 2000,
    }
    telemetry.record(book(None))
    assert lines(telemetry, "stormwatch_book_spread") == {}


@pytest.mark.parametrize(
    ("withdrawals", "delayed", "shown"), [(True, None, [2]), (True, True, [1]), (False, None, [0]), (None, None, [])]
)
def test_a_wallet_without_a_status_shows_no_figure(
    withdrawals: bool | None, delayed: bool | None, shown: list[int]
) -> None:
    telemetry = bare()
    telemetry.record(wallet(True))
    telemetry.record(wallet(withdrawals, delayed))
    assert list(lines(telemetry, "stormwatch_wallet_withdrawals").values()) == shown


def test_feeds_clocks_and_budgets_have_their_figures() -> None:
    telemetry = bare()
    telemetry.record(
        FeedChanged(venue=BYBIT, feed="public", instrument=None, received_at=START, event=FeedEvent.GAP, value=3.0)
    )
    telemetry.record(VenueClock(venue=BYBIT, received_at=START, offset_s=-0.2, bound_s=0.01, samples=9, origin="rest"))
    telemetry.record(
        Headroom(venue=BYBIT, budget="ip", received_at=START, left=0.4, used=60, limit=100, window_s=60, declared=True)
    )
    assert list(lines(telemetry, "stormwatch_feed_events_total").values()) == [1]
    assert list(lines(telemetry, "stormwatch_venue_clock_offset_seconds").values()) == [-0.2]
    left = lines(telemetry, "stormwatch_venue_budget_left")
    assert list(left.values()) == [0.4]
    assert 'host="rest"' in next(iter(left))


def test_what_was_not_seen_is_counted_and_a_request_that_was_never_sent_has_no_latency() -> None:
    telemetry = bare()
    telemetry.record(check(refusal=Refusal.BUDGET))
    assert list(lines(telemetry, "stormwatch_check_passed_over_total").values()) == [1]
    assert lines(telemetry, "stormwatch_check_duration_seconds_count") == {}
    for dropped, late, unwatched in ((3, 1, 0), (5, 4, 2)):
        telemetry.record_unseen(
            Unseen(
                dropped={"okx BookMeasured": dropped},
                passed_over={},
                missed={},
                late=late,
                unwatched=unwatched,
                refused={"liquidation future": 2 * dropped},
            )
        )
    ((name, count),) = lines(telemetry, "stormwatch_readings_dropped_total").items()
    assert ('kind="BookMeasured"' in name, 'venue="okx"' in name, count) == (True, True, 5)
    assert list(lines(telemetry, "stormwatch_signals_late_total").values()) == [4]
    assert list(lines(telemetry, "stormwatch_readings_unwatched_total").values()) == [2]
    ((name, count),) = lines(telemetry, "stormwatch_signals_refused_total").items()
    assert ('kind="liquidation"' in name, 'reason="future"' in name, count) == (True, True, 10)


def test_the_parts_of_a_venue_declare_their_states_beside_each_other() -> None:
    telemetry = bare()
    for service, state in (("spot", ServiceState.MAINTENANCE), ("swaps", ServiceState.OPERATIONAL)):
        telemetry.record(ServiceStatus(venue=BYBIT, received_at=START, state=state, service=service))
    assert lines(telemetry, "stormwatch_venue_declared") == {
        'stormwatch_venue_declared{service="spot",venue="bybit"}': 2,
        'stormwatch_venue_declared{service="swaps",venue="bybit"}': 0,
    }


def test_chain_events_heads_and_node_faults_are_counted() -> None:
    telemetry = bare()
    network = NetworkId("ethereum")
    telemetry.record_chain(
        HeadSeen(
            network=network,
            seen_at=after(2),
            block_number=7,
            block_hash="0x",
            block_time=START,
            node="n1",
            lag_s=2.0,
            base_fee=12_500_000_000,
        )
    )
    telemetry.record_chain(NodeFault(network=network, seen_at=START, node="n1", fault=NodeFaultKind.TIMEOUT, detail=""))
    telemetry.record_chain(upgrade())
    assert lines(telemetry, "stormwatch_chain_head_lag_seconds") == {
        'stormwatch_chain_head_lag_seconds{network="ethereum"}': 2
    }
    assert lines(telemetry, "stormwatch_chain_base_fee_gwei") == {
        'stormwatch_chain_base_fee_gwei{network="ethereum"}': 12.5
    }
    assert len(lines(telemetry, "stormwatch_chain_events_total")) == 3
    assert lines(telemetry, "stormwatch_chain_node_faults_total") == {
        'stormwatch_chain_node_faults_total{fault="timeout",network="ethereum",node="n1"}': 1
    }


def test_a_verdict_shows_both_confidences_and_each_leg() -> None:
    telemetry = bare()
    telemetry.record_verdict(verdict())
    shown = lines(telemetry, "stormwatch_asset_confidence")
    assert shown['stormwatch_asset_confidence{asset="BTC",of="storm"}'] == 0.6
    assert shown['stormwatch_asset_confidence{asset="BTC",of="calm"}'] == pytest.approx(0.1)
    assert len(lines(telemetry, "stormwatch_leg_coverage")) == 3


def test_an_exit_capacity_shows_each_amount_and_what_is_unknown_is_removed() -> None:
    telemetry = bare()
    telemetry.record_exit(capacity())
    shown = lines(telemetry, "stormwatch_asset_exit_usd")
    assert shown['stormwatch_asset_exit_usd{asset="BTC",minutes="60",percent="5"}'] == 1.25e6
    assert len(shown) == 6
    assert lines(telemetry, "stormwatch_asset_exit_share") == {'stormwatch_asset_exit_share{asset="BTC"}': 0.4}
    telemetry.record_exit(capacity(None, None))
    assert not lines(telemetry, "stormwatch_asset_exit")


def test_the_age_of_each_vantage_is_shown_and_what_was_refused_is_counted_once() -> None:
    telemetry = bare()
    telemetry.record_vantages({"eu": 0.5, "us": 1.0}, {"duplicate": 3})
    telemetry.record_vantages({"eu": 0.7, "us": 31.0}, {"duplicate": 5, "unreadable": 1})

    assert lines(telemetry, "stormwatch_vantage_age_seconds") == {
        'stormwatch_vantage_age_seconds{vantage="eu"}': 0.7,
        'stormwatch_vantage_age_seconds{vantage="us"}': 31.0,
    }
    assert lines(telemetry, "stormwatch_bus_refused_total") == {
        'stormwatch_bus_refused_total{reason="duplicate"}': 5,
        'stormwatch_bus_refused_total{reason="unreadable"}': 1,
    }


def test_the_monitors_own_work_is_counted() -> None:
    telemetry = bare()
    telemetry.record_change(change(ChangeKind.OPENED))
    for written, waiting, behind_s in ((10, 5, 3.0), (20, 0, 0.0)):
        health = LogHealth(
            failing=None, waiting=waiting, written=written, size=4096, segments=1, dropped={"book": 1}, lost={"database": 7},
            damaged=0,
        )  # fmt: skip
        lag = ReaderLag(entries=2, behind_s=behind_s, state="connected", why="")
        telemetry.record_log(LogFigures(log=health, readers={"database": lag}))
    telemetry.record_restart("bybit feed")
    telemetry.record_delivery("slack", "delivered")
    telemetry.record_delivery_latency("slack", "slack", 7.0)
    assert lines(telemetry, "stormwatch_log_rows_total") == {
        'stormwatch_log_rows_total{state="written"}': 20,
        'stormwatch_log_rows_total{state="dropped"}': 1,
    }
    assert lines(telemetry, "stormwatch_log_lost_total") == {'stormwatch_log_lost_total{reader="database"}': 7}
    assert list(lines(telemetry, "stormwatch_log_waiting").values()) == [0]
    assert list(lines(telemetry, "stormwatch_log_size_bytes").values()) == [4096]
    assert lines(telemetry, "stormwatch_reader_entries") == {'stormwatch_reader_entries{reader="database"}': 2}
    assert lines(telemetry, "stormwatch_reader_lag_seconds") == {'stormwatch_reader_lag_seconds{reader="database"}': 0}
    assert list(lines(telemetry, "stormwatch_part_restarts_total").values()) == [1]
    assert list(lines(telemetry, "stormwatch_delivery_total").values()) == [1]
    in_time = lines(telemetry, "stormwatch_delivery_latency_seconds_bucket")
    assert in_time['stormwatch_delivery_latency_seconds_bucket{le="5.0",sink="slack",type="slack"}'] == 0
    assert in_time['stormwatch_delivery_latency_seconds_bucket{le="10.0",sink="slack",type="slack"}'] == 1  # the SLO's
    assert lines(telemetry, "stormwatch_incident_changes_total") == {
        'stormwatch_incident_changes_total{kind="opened",level="squall"}': 1
    }


def test_a_metric_above_its_cap_counts_under_other_and_loses_no_count() -> None:
    reader = InMemoryMetricReader()
    figures = Figures(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"))
    many = 3 * table.MISSED_SLOTS.cap
    for number in range(many):
        figures.add(table.MISSED_SLOTS, 1, "bybit", f"check-{number}")
    counted = points(reader)[table.MISSED_SLOTS.name]
    assert len(counted) == table.MISSED_SLOTS.cap + 1
    other = [one for one in counted if one.attributes == {"venue": "bybit", "check": OTHER}]
    assert [one.value for one in other if isinstance(one, NumberDataPoint)] == [many - table.MISSED_SLOTS.cap]
    assert sum(one.value for one in counted if isinstance(one, NumberDataPoint)) == many


def test_attributes_with_few_expected_values_are_bounded_too() -> None:
    reader = InMemoryMetricReader()
    figures = Figures(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"))
    for number in range(4 * table.MISSED_SLOTS.cap):
        figures.add(table.MISSED_SLOTS, 1, f"venue-{number}", "depth")
    assert len(points(reader)[table.MISSED_SLOTS.name]) <= 2 * table.MISSED_SLOTS.cap + 1


def test_a_gauge_without_updates_disappears() -> None:
    reader, now = InMemoryMetricReader(), [0.0]
    figures = Figures(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"), clock=lambda: now[0])
    figures.set_gauge(table.CHAIN_HEAD, 7, "ethereum")
    now[0] = table.CHAIN_HEAD.stale_s
    assert len(points(reader)[table.CHAIN_HEAD.name]) == 1
    now[0] += 1
    data = reader.get_metrics_data()
    assert data is None or table.CHAIN_HEAD.name not in str(data)


def test_a_value_that_is_not_a_number_is_left_out() -> None:
    telemetry = bare()
    telemetry.record(book(float("nan")))
    assert lines(telemetry, "stormwatch_book_spread") == {}


def test_two_telemetries_do_not_share_figures() -> None:
    one, other = bare(), bare()
    one.record_restart("feed")
    assert lines(other, "stormwatch_part_restarts_total") == {}
