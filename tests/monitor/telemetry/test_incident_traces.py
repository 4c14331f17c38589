"""A trace for every incident: the root from onset to end, a child for each change, links to the probes' spans."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from monitor.incidents import ChangeKind, Level
from monitor.telemetry.incident_traces import MAX_LINKS, MAX_OPEN, root_context, trace_id_of
from tests.monitor.telemetry.samples import START_NS, MemoryExports, bare, change, check, evidence, memory_exports

SECOND = 1_000_000_000


def roots(exports: MemoryExports) -> list[ReadableSpan]:
    return [
        one
        for one in exports.spans.get_finished_spans()
        if one.parent is None and one.name.startswith("incident asset")
    ]


def children(exports: MemoryExports) -> list[ReadableSpan]:
    return [one for one in exports.spans.get_finished_spans() if one.parent is not None and "incident" in one.name]


def test_the_trace_id_comes_from_the_incident_alone() -> None:
    assert memory_exports().telemetry.record_change(change(ChangeKind.OPENED)) == trace_id_of("btc-1")
    assert bare().record_change(change(ChangeKind.OPENED)) == trace_id_of("btc-1")
    assert len(trace_id_of("btc-1")) == 32
    assert trace_id_of("btc-1") != trace_id_of("btc-2")


def test_the_root_span_lasts_from_onset_to_end() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    assert roots(exports) == []
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=90, level=Level.CALM, revision=2))
    (root,) = roots(exports)
    assert root.name == "incident asset:BTC"
    assert root.context is not None
    assert root.context.span_id == root_context("btc-1").span_id
    assert f"{root.context.trace_id:032x}" == trace_id_of("btc-1")
    assert (root.start_time, root.end_time) == (START_NS, START_NS + 90 * SECOND)


def test_an_open_incident_has_a_child_span_for_each_change() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    exports.telemetry.record_change(change(ChangeKind.RAISED, at=10, level=Level.STORM_SUSPECTED, revision=2))
    opened, raised = children(exports)
    assert [opened.name, raised.name] == ["incident asset:BTC opened", "incident asset:BTC raised"]
    assert raised.start_time == raised.end_time == START_NS + 10 * SECOND
    assert opened.status.status_code is StatusCode.UNSET
    assert raised.status.status_code is StatusCode.ERROR
    for one in (opened, raised):
        assert one.parent is not None
        assert one.parent.span_id == root_context("btc-1").span_id
        assert one.context is not None
        assert f"{one.context.trace_id:032x}" == trace_id_of("btc-1")


def test_evidence_and_levels_are_span_events_at_their_own_time_and_only_once() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=(evidence(),)))
    exports.telemetry.record_change(
        change(ChangeKind.RAISED, at=10, findings=(evidence(), evidence("latency")), revision=2)
    )
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=20, revision=3))
    (root,) = roots(exports)
    assert [one.name for one in root.events] == [
        "evidence api errors",
        "incident opened",
        "evidence latency",
        "incident raised",
        "incident ended",
    ]
    assert root.events[0].timestamp == START_NS - 5 * SECOND
    assert root.events[3].timestamp == START_NS + 10 * SECOND
    assert root.events[0].attributes is not None
    assert root.events[0].attributes["stormwatch.evidence.weight_nats"] == 4.5
    assert "hunter2" not in str(root.events[0].attributes["stormwatch.evidence.said"])
    assert "pw@" not in str(root.events[0].attributes["stormwatch.evidence.said"])


def test_an_incident_links_to_the_probe_spans_of_its_evidence() -> None:
    exports = memory_exports()
    link = exports.telemetry.record(check())
    assert link is not None
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=(evidence(links=(link, "not a link")),)))
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=5, findings=(evidence(links=(link,)),), revision=2))
    (root,) = roots(exports)
    opened, ended = children(exports)
    (found,) = root.links
    assert f"{found.context.trace_id:032x}:{found.context.span_id:016x}" == link
    assert [len(opened.links), len(ended.links)] == [1, 0]


def test_links_are_bounded_and_the_first_links_remain() -> None:
    exports = memory_exports()
    links = tuple(f"{number:032x}:{number:016x}" for number in range(1, 1000))
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=(evidence(links=links),)))
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=1, revision=2))
    (root,) = roots(exports)
    assert len(root.links) < MAX_LINKS
    assert root.links[0].context.trace_id == 1


def test_an_incident_points_at_its_parent() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.ENDED, parent_id="bybit-7"))
    (root,) = roots(exports)
    assert f"{root.links[0].context.trace_id:032x}" == trace_id_of("bybit-7")


def test_an_incident_with_an_unknown_end_is_an_error_and_a_retracted_one_is_not() -> None:
    for kind, peak, status in (
        (ChangeKind.ENDED, Level.SQUALL, StatusCode.UNSET),
        (ChangeKind.ENDED, Level.PERFECT_STORM, StatusCode.ERROR),
        (ChangeKind.ENDED_UNKNOWN, Level.SQUALL, StatusCode.ERROR),
        (ChangeKind.RETRACTED, Level.PERFECT_STORM, StatusCode.OK),
    ):
        exports = memory_exports()
        exports.telemetry.record_change(change(ChangeKind.OPENED))
        exports.telemetry.record_change(change(kind, at=3, peak=peak, revision=2))
        (root,) = roots(exports)
        assert root.status.status_code is status
        assert root.attributes is not None
        assert root.attributes["stormwatch.incident.state"] == kind.value


def test_an_amendment_after_the_end_is_a_child_and_no_second_root() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=5, revision=2))
    exports.telemetry.record_change(change(ChangeKind.AMENDED, at=6, revision=3))
    exports.telemetry.shutdown()
    assert len(roots(exports)) == 1
    assert len(children(exports)) == 3


def test_a_restarted_daemon_continues_the_same_trace() -> None:
    before, later = memory_exports(), memory_exports()
    before.telemetry.record_change(change(ChangeKind.OPENED))
    before.telemetry.shutdown()
    later.telemetry.record_change(change(ChangeKind.ENDED, at=60, revision=2))
    (open_root,), (ended_root,) = roots(before), roots(later)
    assert open_root.context is not None
    assert ended_root.context is not None
    assert open_root.context.span_id == ended_root.context.span_id
    assert open_root.attributes is not None
    assert open_root.attributes["stormwatch.incident.state"] == "open"
    assert (ended_root.start_time, ended_root.end_time) == (START_NS, START_NS + 60 * SECOND)


def test_open_incidents_are_bounded_and_the_oldest_is_exported_as_open() -> None:
    exports = memory_exports()
    for number in range(MAX_OPEN + 1):
        exports.telemetry.record_change(change(ChangeKind.OPENED, incident_id=f"i-{number}"))
    (root,) = roots(exports)
    assert root.attributes is not None
    assert root.attributes["stormwatch.incident.id"] == "i-0"
    assert root.attributes["stormwatch.incident.state"] == "open"
