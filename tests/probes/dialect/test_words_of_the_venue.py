"""What a venue says in its own words is kept short, and a window has its end after its begin."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from probes import dialect as d
from probes.dialect.status_page import page_reader
from probes.readings import MalformedReason, ServiceState, ServiceStatus, VenueId, WalletStatus
from probes.venue import Context, Malformed

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONTEXT = Context(venue=VenueId("any"), check="system_status", received_at=NOW)
STATES = d.Statuses(
    state="w", states={"on": ServiceState.MAINTENANCE}, title="t", begins=d.Stamp("b"), ends=d.Stamp("e"),
)  # fmt: skip
LONG = "x" * 70_000


def states(*rows: dict[str, Any]) -> list[Any]:
    return list(d.answer(d.Rows(where="rows", says=(STATES,)))(json.dumps({"rows": rows}).encode(), CONTEXT))


def test_the_title_of_a_state_and_the_note_of_a_wallet_are_cut() -> None:
    (status,) = states({"w": "on", "t": LONG})
    assert status.title == "x" * 300
    wallets = d.answer(d.Rows(says=(d.Wallets(symbol="coin", network="net", note="note"),)))
    (wallet,) = wallets(json.dumps({"coin": "BTC", "net": "BTC", "note": LONG}).encode(), CONTEXT)
    assert isinstance(wallet, WalletStatus)
    assert wallet.note == "x" * 300


def test_the_title_of_a_status_page_is_cut() -> None:
    part = {"id": "a", "name": "API", "status": "operational"}
    incident = {"name": LONG, "status": "identified", "impact": "major", "components": [{"id": "a"}]}
    page = {"components": [part], "incidents": [incident], "scheduled_maintenances": [], "status": {}}
    (status,) = page_reader(("API",))(json.dumps(page).encode(), CONTEXT)
    assert isinstance(status, ServiceStatus)
    assert (status.state, status.title) == (ServiceState.DEGRADED, "x" * 300)


def test_a_window_that_ends_before_it_begins_leaves_the_state_unknown() -> None:
    with pytest.raises(Malformed) as failed:
        states({"w": "on", "b": 1_793_491_200_000, "e": 1})
    assert failed.value.reason is MalformedReason.STAMP
    for whole in ({"b": 2, "e": 2}, {"b": 2}, {"e": 2}):
        assert [one.state for one in states({"w": "on", **whole})] == [ServiceState.MAINTENANCE]
