"""Reads a venue's page at Statuspage: parts, incidents and maintenance windows, with what is to come told apart. Pure.

A word that Statuspage does not document is odd: what the page means is then unknown, never operational. The windows' stamps
decide whether one that the page still calls scheduled is under way. Source: support.atlassian.com/statuspage, and the types of
the summary in the client library statuspage.io 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from probes.dialect.answers import check
from probes.dialect.columns import clock
from probes.dialect.declared import Clock, Stamp
from probes.dialect.decode import Decoder
from probes.dialect.service import MAX_TITLE
from probes.readings import Instrument, MalformedReason, ServiceState, ServiceStatus
from probes.venue import Context, Malformed, OddRows, ReadAnswer, RestCall, RestCheck

PATH = "/api/v2/summary.json"
MAX_ROWS = 1000
Row = Mapping[str, Any]
INDICATORS: Mapping[str, ServiceState] = {
    "none": ServiceState.OPERATIONAL, "minor": ServiceState.DEGRADED, "major": ServiceState.DEGRADED,
    "critical": ServiceState.DEGRADED, "maintenance": ServiceState.MAINTENANCE,
}  # fmt: skip
PARTS: Mapping[str, ServiceState] = {
    "operational": ServiceState.OPERATIONAL, "degraded_performance": ServiceState.DEGRADED,
    "partial_outage": ServiceState.DEGRADED, "major_outage": ServiceState.DEGRADED,
    "under_maintenance": ServiceState.MAINTENANCE,
}  # fmt: skip
UNRESOLVED: Mapping[str, bool] = {
    "investigating": True, "identified": True, "monitoring": False, "resolved": False, "postmortem": False,
}  # fmt: skip
"""An incident that is only watched was repaired; the state of its parts counts then."""
WINDOWS: Mapping[str, bool | None] = {"scheduled": None, "in_progress": True, "verifying": True, "completed": False}
"""Whether a window is under way; None: its stamps say so."""


class _Indicator(msgspec.Struct):
    indicator: Any = None
    description: Any = None


class _Summary(msgspec.Struct):
    """Every list must be there: a summary without one may hide what it would say."""

    components: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    scheduled_maintenances: list[dict[str, Any]]
    status: _Indicator


_SUMMARY = Decoder(_Summary)
_TIME = clock(Stamp("scheduled_maintenances", Clock.ISO), required=True)


def status_page(*parts: str, host: str = "status", every_s: float = 60.0, service: str = "") -> RestCheck:
    """The check `system_status` at a page's host, with that host's budget.

    `parts` are names of components, or of groups of them, that are the venue's service; without any, the page is all about it.
    `service` names the page as a part of the venue, for one that states itself elsewhere too.
    """
    one = check("system_status", PATH, page_reader(parts, service), every_s)

    def call(instrument: Instrument | None) -> RestCall:
        return replace(one.call(instrument), host=host, budget=host)

    return replace(one, call=call)


def page_reader(parts: Collection[str], service: str = "") -> ReadAnswer:
    """Reads a summary; raises Malformed if nothing of it can be believed."""

    def read(body: bytes, context: Context) -> Sequence[Any]:
        page = _SUMMARY.decode(body)
        if max(map(len, (page.components, page.incidents, page.scheduled_maintenances))) > MAX_ROWS:
            raise Malformed(f"$: more than {MAX_ROWS} rows")
        ours = _ours(page.components, parts) if parts else None
        odd: list[Malformed] = []
        said = _each(page.scheduled_maintenances, lambda row: _window(row, ours, context), odd)
        under_way = any(one.state is not ServiceState.OPERATIONAL for one in said)
        if ours is None:
            said += _each([msgspec.to_builtins(page.status)], lambda row: _overall(row, context, under_way), odd)
        else:
            parts_of = [row for row in page.components if _text(row, "id") in ours]
            said += _each(parts_of, lambda row: _part(row, context, under_way), odd)
            said += _each(page.incidents, lambda row: _incident(row, ours, context), odd)
        if odd and not said:
            raise odd[0]
        if all(one.planned and one.state is ServiceState.OPERATIONAL for one in said) and not odd:
            said.append(_status(context, ServiceState.OPERATIONAL, ""))
        said = [replace(one, service=service) for one in said]
        if odd:
            return [*said, *(OddRows(reason=one.reason, path=one.path[:200], count=1) for one in odd)]
        return said

    return read


def _each(
    rows: Sequence[Row], meaning: Callable[[Row], ServiceStatus | None], odd: list[Malformed]
) -> list[ServiceStatus]:
    """What each row means, where it means something; an odd one costs itself."""
    said = []
    for row in rows:
        try:
            one = meaning(row)
        except Malformed as error:
            odd.append(error)
            continue
        if one is not None:
            said.append(one)
    return said


def _ours(components: Sequence[Row], names: Collection[str]) -> frozenset[str]:
    """The ids of the parts that are ours, by their own name or their group's. Without any, the state is unknown."""
    groups = {one for row in components if row.get("group") and _name(row) in names and (one := _text(row, "id"))}
    found = {
        one
        for row in components
        if not row.get("group")
        and (one := _text(row, "id"))
        and (_name(row) in names or _text(row, "group_id") in groups)
    }
    if not found:
        raise Malformed("$.components: none of this venue")
    return frozenset(found)


def _concerns(row: Row, ours: Collection[str] | None, path: str) -> bool:
    """Whether an entry names a part that is ours. One that names none is about nobody knows what."""
    if ours is None:
        return True
    named = row.get("components")
    ids = [_text(one, "id") if isinstance(one, dict) else "" for one in named] if isinstance(named, list) else []
    if not ids or not all(ids):
        raise Malformed(f"{path}.components: missing", MalformedReason.NAME)
    return any(one in ours for one in ids)


def _window(row: Row, ours: Collection[str] | None, context: Context) -> ServiceStatus | None:
    """A maintenance window that concerns us and is not over."""
    path = "$.scheduled_maintenances"
    under_way = _word(row, "status", WINDOWS, path)
    if under_way is False or not _concerns(row, ours, path):
        return None
    begins, ends = _stamp(row, "scheduled_for", path), _stamp(row, "scheduled_until", path)
    if ends < begins:
        raise Malformed(f"{path}.scheduled_until: before its begin", MalformedReason.STAMP)
    if under_way is None:
        if ends < context.received_at:
            return None  # it was never begun
        under_way = begins <= context.received_at
    state = ServiceState.MAINTENANCE if under_way else ServiceState.OPERATIONAL
    return replace(
        _status(context, state, _name(row)), begins_at=begins, ends_at=ends, planned=True
    )  # fmt: skip


def _incident(row: Row, ours: Collection[str], context: Context) -> ServiceStatus | None:
    """An incident of ours that is not repaired and has an impact."""
    path = "$.incidents"
    unresolved, impact = _word(row, "status", UNRESOLVED, path), _word(row, "impact", INDICATORS, path)
    if not unresolved or impact is ServiceState.OPERATIONAL or not _concerns(row, ours, path):
        return None
    return _status(context, impact, _name(row))


def _part(row: Row, context: Context, explained: bool) -> ServiceStatus | None:
    state = _word(row, "status", PARTS, "$.components")
    return _unless_explained(state, _name(row), context, explained)


def _overall(row: Row, context: Context, explained: bool) -> ServiceStatus | None:
    """The page's own state; its words for a maintenance name nothing."""
    state = _word(row, "indicator", INDICATORS, "$.status")
    title = "" if state is ServiceState.MAINTENANCE else _text(row, "description")
    return _unless_explained(state, title, context, explained)


def _unless_explained(state: ServiceState, title: str, context: Context, explained: bool) -> ServiceStatus | None:
    """A state of trouble; a maintenance that a window under way explains is reported once, as planned."""
    if state is ServiceState.OPERATIONAL or (state is ServiceState.MAINTENANCE and explained):
        return None
    return _status(context, state, title)


def _status(context: Context, state: ServiceState, title: str) -> ServiceStatus:
    return ServiceStatus(venue=context.venue, received_at=context.received_at, state=state, title=title[:MAX_TITLE])


def _text(row: Row, name: str) -> str:
    """The text of a field, "" for anything else."""
    given = row.get(name)
    return given if isinstance(given, str) else ""


def _name(row: Row) -> str:
    return _text(row, "name")


def _word(row: Row, name: str, known: Mapping[str, Any], path: str) -> Any:
    word = row.get(name)
    if not isinstance(word, str) or word not in known:
        raise Malformed(f"{path}.{name}: {str(word)[:40]!r} is not allowed", MalformedReason.STATE)
    return known[word]


def _stamp(row: Row, name: str, path: str) -> datetime:
    given = row.get(name)
    found = _TIME(given) if isinstance(given, str) else None
    if found is None:
        raise Malformed(f"{path}.{name}: missing", MalformedReason.STAMP)
    return found
