"""A page at Statuspage says what is and what is to come; what it says in unknown words is unknown, never operational."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from probes.dialect.status_page import MAX_ROWS, page_reader, status_page
from probes.readings import MalformedReason, ServiceState, ServiceStatus, VenueId
from probes.venue import Context, Malformed, OddRows

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GROUP = {"id": "g", "name": "Futures", "status": "operational", "group": True, "group_id": None}
API = {"id": "a", "name": "REST API", "status": "operational", "group": False, "group_id": "g"}
OTHER = {"id": "o", "name": "Cardano", "status": "major_outage", "group": False, "group_id": None}
OURS = [{"id": "a", "name": "REST API"}]


def window(status: str, begins: str, ends: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "Upgrade",
        "status": status,
        "scheduled_for": begins,
        "scheduled_until": ends,
        "components": OURS,
        **more,
    }


def incident(status: str, impact: str, **more: Any) -> dict[str, Any]:
    return {"name": "Trouble", "status": status, "impact": impact, "components": OURS, **more}


def read(*parts: str, indicator: Any = "none", **lists: Any) -> list[Any]:
    body = {
        "components": [GROUP, API, OTHER], "incidents": [], "scheduled_maintenances": [],
        "status": {"indicator": indicator, "description": "All"}, **lists,
    }  # fmt: skip
    context = Context(venue=VenueId("x"), check="system_status", received_at=NOW)
    return list(page_reader(parts)(json.dumps(body).encode(), context))


def states(said: list[Any]) -> list[tuple[ServiceState, bool]]:
    return [(one.state, one.planned) for one in said if isinstance(one, ServiceStatus)]


OPERATIONAL = [(ServiceState.OPERATIONAL, False)]
DEGRADED = [(ServiceState.DEGRADED, False)]
MAINTENANCE = [(ServiceState.MAINTENANCE, False)]
PLANNED = [(ServiceState.MAINTENANCE, True)]
TO_COME = [(ServiceState.OPERATIONAL, True), (ServiceState.OPERATIONAL, False)]


@pytest.mark.parametrize(
    ("indicator", "state"),
    [
        ("none", OPERATIONAL),
        ("minor", DEGRADED),
        ("major", DEGRADED),
        ("critical", DEGRADED),
        ("maintenance", MAINTENANCE),
    ],
)
def test_without_parts_the_page_itself_is_the_venues_state(indicator: str, state: Any) -> None:
    assert states(read(indicator=indicator)) == state


def test_the_pages_words_for_trouble_are_the_title() -> None:
    assert [one.title for one in read(indicator="minor")] == ["All"]
    assert [one.title for one in read(indicator="maintenance")] == [""]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("operational", OPERATIONAL),
        ("degraded_performance", DEGRADED),
        ("partial_outage", DEGRADED),
        ("major_outage", DEGRADED),
        ("under_maintenance", MAINTENANCE),
    ],
)
@pytest.mark.parametrize("name", ["Futures", "REST API"])
def test_a_part_counts_by_its_own_name_or_its_groups_and_others_do_not(name: str, word: str, state: Any) -> None:
    assert states(read(name, indicator="major", components=[GROUP, {**API, "status": word}, OTHER])) == state


@pytest.mark.parametrize("indicator", ["splendid", "", None, 3])
def test_an_unknown_word_of_the_page_is_malformed_and_never_operational(indicator: Any) -> None:
    with pytest.raises(Malformed, match=r"\$\.status\.indicator") as caught:
        read(indicator=indicator)
    assert caught.value.reason is MalformedReason.STATE


@pytest.mark.parametrize(
    "odd",
    [
        {"components": [GROUP, {**API, "status": "splendid"}]},
        {"incidents": [incident("fixed", "minor")]},
        {"incidents": [incident("identified", "huge")]},
        {"incidents": [incident("identified", "minor", components=[])]},
        {"incidents": [incident("identified", "minor", components=[{"name": "REST API"}])]},
        {"incidents": [incident("identified", "minor", components="all")]},
        {"incidents": [incident("identified", "minor", components=["a"])]},
        {"scheduled_maintenances": [window("soon", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z")]},
        {"scheduled_maintenances": [window("in_progress", "", "2026-11-28T13:00:00Z")]},
        {"scheduled_maintenances": [window("in_progress", "2026-11-28T11:00:00Z", "soon")]},
        {"scheduled_maintenances": [{**window("in_progress", "2026-11-28T11:00:00Z", ""), "scheduled_until": 7}]},
        {"scheduled_maintenances": [window("in_progress", "2026-11-28T11:00:00Z", "2026-11-28T10:00:00Z")]},
    ],
)
def test_one_odd_entry_makes_the_state_of_a_healthy_page_unknown(odd: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read("Futures", **odd)


def test_an_odd_entry_costs_itself_and_what_else_is_said_counts() -> None:
    said = read("Futures", incidents=[incident("fixed", "minor"), incident("identified", "minor")])

    assert states(said) == DEGRADED
    assert [(one.reason, one.count) for one in said if isinstance(one, OddRows)] == [(MalformedReason.STATE, 1)]


def test_a_group_without_an_id_has_no_parts() -> None:
    with pytest.raises(Malformed, match="none of this venue"):
        read("Futures", components=[{**GROUP, "id": None}, OTHER])


def test_a_page_without_our_parts_is_malformed() -> None:
    with pytest.raises(Malformed, match="none of this venue"):
        read("Spot")


@pytest.mark.parametrize("name", ["components", "incidents", "scheduled_maintenances", "status"])
def test_a_summary_without_one_of_its_lists_cannot_be_read(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(**{name: None})


def test_a_page_of_too_many_entries_is_not_read() -> None:
    with pytest.raises(Malformed, match="more than"):
        read(incidents=[{}] * (MAX_ROWS + 1))


@pytest.mark.parametrize("status", ["investigating", "identified"])
def test_an_incident_of_ours_that_is_not_repaired_counts(status: str) -> None:
    [one] = read("Futures", incidents=[incident(status, "critical")])

    assert (one.state, one.title, one.planned) == (ServiceState.DEGRADED, "Trouble", False)


@pytest.mark.parametrize(
    "entry",
    [
        incident("monitoring", "major"),
        incident("resolved", "major"),
        incident("postmortem", "major"),
        incident("identified", "none"),
        incident("identified", "major", components=[{"id": "o"}]),
    ],
)
def test_an_incident_that_is_repaired_without_impact_or_of_others_does_not(entry: dict[str, Any]) -> None:
    assert states(read("Futures", incidents=[entry])) == OPERATIONAL


@pytest.mark.parametrize("parts", [(), ("Futures",)])
@pytest.mark.parametrize(
    ("status", "begins", "ends", "state"),
    [
        ("scheduled", "2026-11-28T13:00:00Z", "2026-11-28T14:00:00Z", TO_COME),
        ("scheduled", "2026-11-28T04:00:00.000-08:00", "2026-11-28T14:00:00Z", PLANNED),
        ("scheduled", "2026-11-28T09:00:00Z", "2026-11-28T10:00:00Z", OPERATIONAL),
        ("in_progress", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z", PLANNED),
        ("verifying", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z", PLANNED),
        ("in_progress", "2026-11-28T09:00:00Z", "2026-11-28T10:00:00Z", PLANNED),
        ("completed", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z", OPERATIONAL),
    ],
    ids=["to come", "begun by its stamp", "never begun", "under way", "verified", "overdue", "over"],
)
def test_a_window_is_told_by_its_state_and_stamps(
    parts: tuple[str, ...], status: str, begins: str, ends: str, state: Any
) -> None:
    said = read(*parts, scheduled_maintenances=[window(status, begins, ends)])

    assert states(said) == state
    if said[0].planned:
        assert (said[0].title, said[0].ends_at) == ("Upgrade", datetime.fromisoformat(ends))
        assert said[0].begins_at == datetime.fromisoformat(begins)


def test_a_window_of_other_parts_is_passed_over() -> None:
    entry = window("in_progress", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z", components=[{"id": "o"}])

    assert states(read("Futures", scheduled_maintenances=[entry])) == OPERATIONAL


def test_a_maintenance_that_a_window_explains_is_told_once() -> None:
    entry = window("in_progress", "2026-11-28T11:00:00Z", "2026-11-28T13:00:00Z")

    assert states(read(indicator="maintenance", scheduled_maintenances=[entry])) == PLANNED
    assert states(read(indicator="major", scheduled_maintenances=[entry])) == PLANNED + DEGRADED


def test_the_check_asks_the_pages_own_host_for_its_summary() -> None:
    one = status_page()
    call = one.call(None)

    assert (one.name, call.host, call.budget, call.path) == (
        "system_status",
        "status",
        "status",
        "/api/v2/summary.json",
    )


def test_a_page_beside_another_state_is_a_part_of_its_own() -> None:
    body = {"components": [], "incidents": [], "scheduled_maintenances": [], "status": {"indicator": "minor"}}
    context = Context(venue=VenueId("x"), check="system_status", received_at=NOW)
    [one] = page_reader((), "status page")(json.dumps(body).encode(), context)

    assert isinstance(one, ServiceStatus)
    assert one.service == "status page"
