"""Checks and chain events as spans: true times, OpenTelemetry's names, links to other spans."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from chain.events import CodeChange, NetworkId, Retracted
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.spans import context_of, unix_ns
from probes.readings import Refusal
from tests.monitor.telemetry.samples import START, START_NS, after, bare, check, compared, memory_exports, upgrade


def link_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}:{span.context.span_id:016x}"


def test_times_are_exact_to_the_microsecond() -> None:
    assert unix_ns(START) == START_NS


def test_a_check_is_a_client_span_from_its_scheduled_time_to_its_answer() -> None:
    exports = memory_exports()
    link = exports.telemetry.record(check())
    (span,) = [one for one in exports.spans.get_finished_spans() if one.kind is SpanKind.CLIENT]
    assert span.name == "check bybit depth"
    assert (span.start_time, span.end_time) == (START_NS, START_NS + 300_000_000)
    assert span.parent is None
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["stormwatch.venue"] == "bybit"
    assert span.resource.attributes["service.version"] == "1.2.3"
    assert span.resource.attributes["stormwatch.vantage"] == "home"
    assert span.status.status_code is StatusCode.UNSET
    assert link == link_of(span)


def test_a_check_names_what_was_asked_by_the_conventions_for_http_clients() -> None:
    exports = memory_exports()
    plain = replace(check(), method="GET", url="https://api.bybit.com/v5/market/orderbook")
    exports.telemetry.record(plain)
    exports.telemetry.record(
        replace(plain, method="POST", url="http://10.0.0.1:8080/x/0123456789abcdef0123456789abcdef")
    )
    exports.telemetry.record(replace(plain, method="", url=""))
    usual, other, unsent = (
        dict(one.attributes or {}) for one in exports.spans.get_finished_spans() if one.kind is SpanKind.CLIENT
    )
    wanted = ("http.request.method", "server.address", "server.port", "url.full")

    assert [usual[name] for name in wanted] == [
        "GET", "api.bybit.com", 443, "https://api.bybit.com/v5/market/orderbook",
    ]  # fmt: skip
    assert [other[name] for name in wanted[:3]] == ["POST", "10.0.0.1", 8080]
    assert "0123456789abcdef" not in str(other["url.full"])
    assert not unsent.keys() & set(wanted)


def test_phases_are_children_with_their_own_true_times() -> None:
    exports = memory_exports()
    reading = check()
    exports.telemetry.record(reading)
    *phases, root = exports.spans.get_finished_spans()
    assert [one.name for one in phases] == ["resolve", "connect", "tls", "send", "wait", "receive"]
    for span, phase in zip(phases, reading.phases, strict=True):
        assert span.parent == root.context
        assert span.start_time == unix_ns(phase.started_at)
        assert span.end_time is not None
        assert span.end_time - span.start_time == round(phase.duration_s * 1e9)


def test_of_good_checks_the_given_share_is_traced_and_of_refused_ones_every_one() -> None:
    def traced(share: float, refusal: Refusal | None = None) -> int:
        telemetry = memory_exports(TelemetrySettings(trace_share=share)).telemetry
        reading = check(refusal=refusal, status=429 if refusal else 200)
        links = [telemetry.record(reading) for _ in range(400)]
        shown = telemetry.prometheus()[0].decode()
        counts = re.findall(r"^stormwatch_check_duration_seconds_count\{.*\} (\S+)$", shown, re.MULTILINE)
        assert list(map(float, counts)) == [400]  # the figures know every one
        return len([one for one in links if one is not None])

    assert (traced(0.0), traced(1.0), traced(0.0, Refusal.THROTTLED)) == (0, 400, 400)
    assert 120 <= traced(0.5) <= 280  # 200 ± 8 standard deviations


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_traces_is_between_none_and_all(share: float) -> None:
    with pytest.raises(ValueError, match="trace_share: 0 to 1"):
        TelemetrySettings(trace_share=share)


def test_a_refusal_is_an_error_with_its_kind() -> None:
    exports = memory_exports()
    exports.telemetry.record(check(refusal=Refusal.THROTTLED, status=429))
    span = exports.spans.get_finished_spans()[-1]
    assert span.attributes is not None
    assert span.attributes["error.type"] == "throttled"
    assert span.attributes["http.response.status_code"] == 429
    assert span.status.status_code is StatusCode.ERROR


def test_a_span_never_becomes_a_child_of_whatever_is_current() -> None:
    exports, other = memory_exports(), memory_exports()
    tracer = other.telemetry._providers.tracers.get_tracer("elsewhere")
    with tracer.start_as_current_span("current"):
        exports.telemetry.record(check())
    assert exports.spans.get_finished_spans()[-1].parent is None


def test_the_global_providers_are_left_alone() -> None:
    memory_exports().telemetry.record(check())
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_without_an_exporter_there_is_no_span_and_no_link() -> None:
    assert bare().record(check()) is None
    assert bare().record_chain(upgrade()) is None


def test_a_chain_event_is_a_span_from_its_block_to_our_receipt() -> None:
    exports = memory_exports()
    link = exports.telemetry.record_chain(upgrade())
    (span,) = exports.spans.get_finished_spans()
    assert span.name == "chain ethereum upgrade"
    assert (span.start_time, span.end_time) == (START_NS, START_NS + 2_000_000_000)
    assert span.attributes is not None
    assert span.attributes["stormwatch.transaction"] == "0xt1"
    assert link == link_of(span)


def test_a_code_comparison_is_a_span_that_names_its_upgrade_and_the_known_changes() -> None:
    exports = memory_exports()
    exports.telemetry.record_chain(compared())
    exports.telemetry.record_chain(
        replace(compared(), change=CodeChange(old_size=3, new_size=0, gained=(), lost=(), layout=()))
    )
    unknown, known = (dict(span.attributes or {}) for span in exports.spans.get_finished_spans())
    assert exports.spans.get_finished_spans()[0].name == "chain ethereum code_compared"
    assert unknown["stormwatch.upgrade.id"] == upgrade().event_id
    assert "stormwatch.upgrade.new_size" not in unknown
    assert (known["stormwatch.upgrade.new_size"], known["stormwatch.upgrade.layout_hints"]) == (0, 0)


def test_a_retraction_is_a_point_in_time() -> None:
    exports = memory_exports()
    event = Retracted(network=NetworkId("ethereum"), seen_at=after(9), event_id="e1", event=upgrade())
    assert exports.telemetry.record_chain(event) is not None
    (span,) = exports.spans.get_finished_spans()
    assert span.name == "chain ethereum retraction"
    assert span.start_time == span.end_time == START_NS + 9_000_000_000


def test_a_text_that_is_no_link_is_ignored() -> None:
    for text in ("", "abc", "0" * 32 + ":" + "0" * 16, "g" * 32 + ":" + "1" * 16, "1" * 32):
        assert context_of(text) is None


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions the work calls: the same on a busy machine."""
    calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_recording_a_check_without_export_costs_no_more_than_its_metrics() -> None:
    """Without export no span is made: what remains are about ten metric points, some 250 calls when this was written."""
    telemetry, reading = bare(), check()
    telemetry.record(reading)

    assert calls_of(lambda: telemetry.record(reading)) <= 400
