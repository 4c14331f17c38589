"""What did not become evidence is counted by venue and check, and shown in order of name."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.intake.unseen import Unseen, UnseenCounts
from probes.readings import Refusal, RequestTimed, SlotMissed, VenueId

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def request(venue: str, check: str, refusal: Refusal | None) -> RequestTimed:
    return RequestTimed(
        venue=VenueId(venue), check=check, instrument=None, scheduled_at=NOW, sent_at=NOW, received_at=NOW, latency_s=0.0,
        service_s=0.0, phases=(), cold=False, status=None, refusal=refusal, censored=False, body_bytes=0,
    )  # fmt: skip


def test_requests_that_were_not_sent_and_slots_without_an_answer_are_counted_by_venue_and_check() -> None:
    counts = UnseenCounts()
    for venue, check, refusal in (
        ("okx", "volume", Refusal.BUDGET), ("gate", "funding", Refusal.BUDGET), ("okx", "volume", Refusal.BUDGET),
        ("okx", "volume", Refusal.THROTTLED), ("okx", "server_time", None),
    ):  # fmt: skip
        counts.take(request(venue, check, refusal))
    counts.take(
        SlotMissed(venue=VenueId("okx"), check="volume", instrument=None, scheduled_at=NOW, received_at=NOW, missed=7)
    )
    counts.dropped["okx", "BookMeasured"] += 2
    counts.late += 1
    assert counts.shown(unwatched=9, refused={("wallet", "value"): 2, ("book", "past"): 1}) == Unseen(
        dropped={"okx BookMeasured": 2}, passed_over={"gate funding": 1, "okx volume": 2}, missed={"okx volume": 7},
        late=1, unwatched=9, refused={"book past": 1, "wallet value": 2},
    )  # fmt: skip
    assert list(counts.shown(0, {}).passed_over) == ["gate funding", "okx volume"]
