"""Figures of chain nodes: their health with their provider, and bounded attribute sets."""

from __future__ import annotations

from typing import Any

from chain.events import NetworkId
from chain.events.network import NodeFaultKind, NodeMeasured
from tests.monitor.telemetry.samples import START, bare
from tests.monitor.telemetry.test_figures import lines


def measured(node: str = "https://rpc.one.io", **of: Any) -> NodeMeasured:
    return NodeMeasured(
        **{
            "network": NetworkId("ethereum"), "seen_at": START, "node": node, "provider": "one.io", "latency_s": 0.25,
            "lag_blocks": 2, "rest_s": 8.0, "paused_s": 1.5,
            "refusals": ((NodeFaultKind.THROTTLED, 3), (NodeFaultKind.BATCH_LIMIT, 1)), **of,
        }
    )  # fmt: skip


def test_the_health_of_a_node_is_shown_with_its_provider_and_what_is_unknown_is_left_out() -> None:
    telemetry = bare()
    telemetry.record_chain(measured())
    telemetry.record_chain(measured())
    of = '{network="ethereum",node="https://rpc.one.io",provider="one.io"}'
    for name, value in (("latency_seconds", 0.25), ("lag_blocks", 2), ("rest_seconds", 8), ("paused_seconds_total", 3)):
        assert lines(telemetry, f"stormwatch_chain_node_{name}") == {f"stormwatch_chain_node_{name}{of}": value}
    refusals = lines(telemetry, "stormwatch_chain_node_refusals_total")
    assert {name.split('fault="')[1].split('"')[0]: value for name, value in refusals.items()} == {
        "throttled": 6,
        "batch_limit": 2,
    }
    telemetry.record_chain(measured(latency_s=None, lag_blocks=None, refusals=()))
    assert not lines(telemetry, "stormwatch_chain_node_latency_seconds")
    assert not lines(telemetry, "stormwatch_chain_node_lag_blocks")


def test_the_metrics_of_nodes_are_bounded() -> None:
    telemetry = bare()
    for at in range(2000):
        telemetry.record_chain(measured(node=f"https://n{at}.io", provider=f"n{at}.io"))
    assert len(lines(telemetry, "stormwatch_chain_node_lag_blocks")) <= 1001
    assert len(lines(telemetry, "stormwatch_chain_node_refusals_total")) <= 1001
