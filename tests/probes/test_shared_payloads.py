"""Every real message of the shared payload folder parses into the right readings; none raises.

The folder is not part of the project: without it these tests are skipped, and say so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from probes import venues
from probes.readings import Instrument, Liquidation, Market, RequestTimed, VenueId
from probes.venue import Context, Refused, Venue
from tests.probes.cases import Reader

ROOT = Path(__file__).parents[3] / "shared" / "payloads"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
VENUES = ("bybit", "okx")


def check(venue: str, name: str, market: Market = Market.PERP) -> Reader:
    """The reader of a venue's check, of this market where it has one for each."""
    return next(one.read for one in venues.declared(venue).checks if one.name == name and one.market in (None, market))


def feed(venue: str, name: str) -> Reader:
    return next(one.read for one in venues.declared(venue).feeds if one.name == name)


KNOWN = {
    "okx": {
        name: Instrument(
            symbol=name,
            base=name.partition("-")[0],
            quote="USDT",
            market=Market.PERP,
            contract_size=size,
            inverse=inverse,
        )
        for name, size, inverse in (
            ("IOST-USDT-SWAP", Decimal(1000), False),
            ("BTC-USDT-SWAP", Decimal("0.01"), False),
            ("REN-USDT-SWAP", Decimal(10), False),
            ("XRP-USD-230929", Decimal(10), True),
        )
    },
}

REST = {
    ("bybit", "book_rest"): check("bybit", "book_rest"),
    ("bybit", "funding"): check("bybit", "funding"),
    ("bybit", "instruments"): check("bybit", "instruments"),
    ("bybit", "long_short_ratio"): check("bybit", "long_short_ratio"),
    ("bybit", "open_interest"): check("bybit", "open_interest"),
    ("bybit", "server_time"): check("bybit", "server_time"),
    ("bybit", "wallet_status"): check("bybit", "wallet_status"),
    ("okx", "book_rest"): check("okx", "book_rest"),
    ("okx", "instruments"): check("okx", "instruments"),
    ("okx", "long_short_ratio"): check("okx", "long_short_ratio"),
    ("okx", "server_time"): check("okx", "server_time"),
    ("okx", "wallet_status"): check("okx", "wallet_status"),
}
BY_NAME = {
    ("bybit", "completed_windows"): check("bybit", "system_status"),
    ("bybit", "rest_inverse_doc"): check("bybit", "volume"),
    ("bybit", "rest_spot_doc"): check("bybit", "volume_spot", Market.SPOT),
    ("okx", "healthy_empty_made"): check("okx", "system_status"),
    ("okx", "scheduled_2021"): check("okx", "system_status"),
    ("okx", "rest_funding_rate_doc"): check("okx", "funding"),
    ("okx", "rest_mark_price_2025"): check("okx", "mark_price"),
    ("okx", "rest_swap_2022"): check("okx", "open_interest"),
    ("okx", "rest_spot_2021"): check("okx", "volume_spot", Market.SPOT),
    ("okx", "books_2021"): check("okx", "book_rest", Market.SPOT),
    ("okx", "books_snapshot_seqid_doc"): feed("okx", "book_ws_spot"),
    ("okx", "books_update_seqid_made"): feed("okx", "book_ws_spot"),
    ("okx", "ws_spot_2021"): feed("okx", "book_ws_spot"),
}
FRAMES = {
    "bybit": feed("bybit", "liquidation"),
    "okx": feed("okx", "liquidation"),
}

NOTHING_TO_SAY = {
    # a top of book without depth adds nothing to the book, nor does a window that is over; the rest are other instruments or
    # channels that nobody here asks for
    ("bybit", "linear_delta_2026"),
    ("bybit", "ws_status"),
    ("okx", "bbo_tbt_2022"),
    ("okx", "l2_tbt_snapshot_2021"),
    ("okx", "l2_tbt_swap_update_2021"),
    ("okx", "ws_status_completed"),
    ("okx", "ws_swap_no_rate_2021"),
}


@dataclass(frozen=True)
class Case:
    venue: str
    capability: str
    name: str
    path: Path


def cases(errors: bool) -> list[Case]:
    return [
        Case(venue, path.parent.name, path.name.removesuffix(".json").removesuffix(".http"), path)
        for venue in VENUES
        for path in sorted((ROOT / venue).glob("*/*.json"))
        if (path.parent.name == "error") == errors
    ]


OF_THE_VENUE = frozenset({"server_time", "system_status", "wallet_status", "instruments"})
"""Capabilities that are asked for once, not for each instrument."""


def context(case: Case, headers: dict[str, str] | None = None) -> Context:
    known = KNOWN.get(case.venue, {})
    instrument = None if case.capability in OF_THE_VENUE else known.get("BTC-USDT-SWAP")
    return Context(
        venue=VenueId(case.venue),
        check=case.capability,
        received_at=NOW,
        instrument=instrument,
        instruments=known,
        headers=headers or {},
    )


pytestmark = pytest.mark.skipif(not ROOT.exists(), reason="the shared payload folder is not here")


@pytest.mark.parametrize("case", cases(errors=False), ids=lambda one: f"{one.venue}/{one.capability}/{one.name}")
def test_a_real_message_parses_into_readings(case: Case) -> None:
    body = case.path.read_bytes()
    if case.path.name.endswith(".http.json"):
        body = json.dumps(json.loads(body)["body"]).encode()
    rest = BY_NAME.get((case.venue, case.name)) or REST.get((case.venue, case.capability))

    words = (rest or FRAMES[case.venue])(body, context(case))

    assert bool(words) != ((case.venue, case.name) in NOTHING_TO_SAY), words
    for word in words:
        assert not isinstance(word, RequestTimed)
        at = getattr(word, "event_time", None)
        assert at is None or ((at.year - 1970) > 2 or at.year == 1970), word
        if isinstance(word, Liquidation):
            assert word.notional_usd > 0
            assert float(word.notional_usd) == pytest.approx(float(word.price * word.quantity))


LIQUIDATIONS = {
    "force_order_2020": ("short", "4706.04", "0.014", 1584059031421),
    "force_order_2023": ("short", "34959.70", "1.437", 1698871323059),
    "force_order_all_2026_schema": ("long", "9910", "0.014", 1568014460893),
    "all_liquidation_2025": ("short", "0.02456", "2846", 1740480207110),
    "all_liquidation_doc": ("short", "0.04499", "20000", 1739502302929),
    "legacy_v5_gala_2023": ("long", "0.03803", "1637", 1673251091822),
    "swap_2023": ("short", "0.007831", "13000", 1692266434010),
}


@pytest.mark.parametrize(
    "case",
    [one for one in cases(errors=False) if one.name in LIQUIDATIONS],
    ids=lambda one: f"{one.venue}/{one.name}",
)
def test_a_liquidation_names_the_side_that_was_liquidated_in_base_units(case: Case) -> None:
    reader = BY_NAME.get((case.venue, case.name)) or FRAMES[case.venue]
    first = reader(case.path.read_bytes(), context(case))[0]

    assert isinstance(first, Liquidation)
    side, price, quantity, at_ms = LIQUIDATIONS[case.name]
    assert (first.side.value, first.price, first.quantity) == (side, Decimal(price), Decimal(quantity))
    assert round(first.event_time.timestamp() * 1000) == at_ms


REFUSALS = {
    "http_429_request_weight_made": (429, "throttled"),
    "http_451_restricted_location_made": (451, "geo_blocked"),
    "ip_403_access_too_frequent_made": (403, "banned"),
    "too_many_visits_10006_made": (200, "throttled"),
    "params_error": (200, "bad_request"),
    "http_401_50103_no_key": (401, "unauthorized"),
    "http_429_50011": (429, "throttled"),
    "http_429_50011_int_code": (200, "throttled"),
}


@pytest.mark.parametrize("case", cases(errors=True), ids=lambda one: f"{one.venue}/{one.name}")
def test_a_real_refusal_has_its_kind(case: Case) -> None:
    body, headers, status = case.path.read_bytes(), {}, 0
    if case.path.name.endswith(".http.json"):
        whole = json.loads(body)
        status, headers = whole["status"], whole["headers"]
        body = whole["body"].encode() if isinstance(whole["body"], str) else json.dumps(whole["body"]).encode()
    if case.name not in REFUSALS:  # an error sent on a socket
        (word,) = FRAMES[case.venue](body, context(case))
        assert msgspec.to_builtins(word)["kind"] in ("throttled", "bad_request")
        return
    expected_status, kind = REFUSALS[case.name]
    assert _kind(venues.declared(case.venue), status or expected_status, headers, body) == kind


def _kind(venue: Venue, status: int, headers: dict[str, str], body: bytes) -> str | None:
    from probes.rest.refusals import by_answer

    refused = venue.refuse(status, headers, body, NOW)
    if refused is not None:
        return refused.kind.value
    kind = by_answer(status, body)
    if kind is not None:
        return kind.value
    try:
        venue.checks[0].read(body, Context(venue=venue.id, check="", received_at=NOW))
    except Refused as error:
        return error.kind.value
    return None
