"""A trace for every incident: its root at the opening, later changes and its life as spans that point to the root."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from monitor.incidents import ChangeKind, Level
from monitor.telemetry.incident_traces import MAX_EVENTS, MAX_INCIDENTS, MAX_LINKS, root_context, trace_id_of
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


def life(exports: MemoryExports) -> ReadableSpan:
    (found,) = [one for one in exports.spans.get_finished_spans() if one.name == "incident asset:BTC life"]
    return found


def test_the_root_span_is_exported_with_the_opening() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED, at=4))
    (root,) = roots(exports)
    assert root.name == "incident asset:BTC"
    assert root.context is not None
    assert root.context.span_id == root_context("btc-1").span_id
    assert f"{root.context.trace_id:032x}" == trace_id_of("btc-1")
    assert (root.start_time, root.end_time) == (START_NS, START_NS + 4 * SECOND)
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=90, level=Level.CALM, revision=2))
    exports.telemetry.shutdown()
    assert len(roots(exports)) == 1


def test_an_incident_that_has_ended_has_a_span_of_its_life_that_points_to_the_root() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=90, level=Level.CALM, revision=2))
    whole = life(exports)
    assert (whole.start_time, whole.end_time) == (START_NS, START_NS + 90 * SECOND)
    assert whole.parent is not None
    assert [whole.parent.span_id, *(one.context.span_id for one in whole.links)] == [root_context("btc-1").span_id] * 2


def test_each_later_change_is_a_span_that_points_to_the_root() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    exports.telemetry.record_change(change(ChangeKind.RAISED, at=10, level=Level.STORM_SUSPECTED, revision=2))
    (raised,) = children(exports)
    assert raised.name == "incident asset:BTC raised"
    assert raised.start_time == raised.end_time == START_NS + 10 * SECOND
    assert [roots(exports)[0].status.status_code, raised.status.status_code] == [StatusCode.UNSET, StatusCode.ERROR]
    assert raised.parent is not None
    assert [raised.parent.span_id, raised.links[0].context.span_id] == [root_context("btc-1").span_id] * 2
    assert raised.links[0].attributes == {"stormwatch.link": "incident"}
    assert raised.context is not None
    assert f"{raised.context.trace_id:032x}" == trace_id_of("btc-1")


def test_evidence_is_an_event_of_the_change_that_brought_it_at_its_own_time_and_only_once() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=(evidence(),)))
    exports.telemetry.record_change(
        change(ChangeKind.RAISED, at=10, findings=(evidence(), evidence("latency")), revision=2)
    )
    (root,), (raised,) = roots(exports), children(exports)
    assert [one.name for one in root.events] == ["evidence api errors", "incident opened"]
    assert [one.name for one in raised.events] == ["evidence latency", "incident raised"]
    assert root.events[0].timestamp == START_NS - 5 * SECOND
    assert raised.events[1].timestamp == START_NS + 10 * SECOND
    assert root.events[0].attributes is not None
    assert root.events[0].attributes["stormwatch.evidence.weight_nats"] == 4.5
    assert "hunter2" not in str(root.events[0].attributes["stormwatch.evidence.said"])
    assert "pw@" not in str(root.events[0].attributes["stormwatch.evidence.said"])


def test_an_incident_links_to_the_probe_spans_of_its_evidence_once() -> None:
    exports = memory_exports()
    link = exports.telemetry.record(check())
    assert link is not None
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=(evidence(links=(link, "not a link")),)))
    exports.telemetry.record_change(change(ChangeKind.RAISED, at=5, findings=(evidence(links=(link,)),), revision=2))
    (found,) = roots(exports)[0].links
    assert f"{found.context.trace_id:032x}:{found.context.span_id:016x}" == link
    assert len(children(exports)[0].links) == 1  # to the root


def test_links_and_events_are_bounded_and_the_first_remain() -> None:
    exports = memory_exports()
    links = tuple(f"{number:032x}:{number:016x}" for number in range(1, 1000))
    findings = (evidence(links=links), *(evidence(f"e{number}") for number in range(2 * MAX_EVENTS)))
    exports.telemetry.record_change(change(ChangeKind.OPENED, findings=findings))
    (root,) = roots(exports)
    assert len(root.links) < MAX_LINKS
    assert root.links[0].context.trace_id == 1
    assert len(root.events) == MAX_EVENTS
    assert [root.events[0].name, root.events[-1].name] == ["evidence api errors", "incident opened"]


def test_an_incident_points_at_its_parent() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED, parent_id="bybit-7"))
    (root,) = roots(exports)
    assert f"{root.links[0].context.trace_id:032x}" == trace_id_of("bybit-7")
    assert root.attributes is not None
    assert root.attributes["stormwatch.incident.parent_id"] == "bybit-7"


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
        whole = life(exports)
        assert whole.status.status_code is status
        assert whole.attributes is not None
        assert whole.attributes["stormwatch.incident.kind"] == kind.value


def test_an_amendment_after_the_end_is_a_span_of_its_own_and_no_second_life() -> None:
    exports = memory_exports()
    exports.telemetry.record_change(change(ChangeKind.OPENED))
    exports.telemetry.record_change(change(ChangeKind.ENDED, at=5, revision=2))
    exports.telemetry.record_change(change(ChangeKind.AMENDED, at=6, revision=3))
    assert len(roots(exports)) == 1
    assert [one.name.rpartition(" ")[2] for one in children(exports)] == ["ended", "life", "amended"]


def test_a_restarted_daemon_continues_the_same_trace() -> None:
    before, later = memory_exports(), memory_exports()
    before.telemetry.record_change(change(ChangeKind.OPENED))
    before.telemetry.shutdown()
    later.telemetry.record_change(change(ChangeKind.ENDED, at=60, revision=2))
    (root,), ended = roots(before), life(later)
    assert roots(later) == []
    assert root.context is not None
    assert ended.parent is not None
    assert root.context.span_id == ended.parent.span_id
    assert (ended.start_time, ended.end_time) == (START_NS, START_NS + 60 * SECOND)


def test_what_was_exported_is_remembered_of_the_latest_incidents_only() -> None:
    exports = memory_exports()
    for number in range(MAX_INCIDENTS + 1):
        exports.telemetry.record_change(change(ChangeKind.OPENED, incident_id=f"i-{number}", findings=(evidence(),)))
    for number in (MAX_INCIDENTS, 0):
        again = change(ChangeKind.RAISED, at=9, incident_id=f"i-{number}", findings=(evidence(),), revision=2)
        exports.telemetry.record_change(again)
    known, forgotten = children(exports)
    assert [len(known.events), len(forgotten.events)] == [1, 2]
