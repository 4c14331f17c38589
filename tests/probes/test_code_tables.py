"""What every published error code of a venue means: ours (key, clock, address, right, symbol, parameter), or the venue's trouble.

The tables are in codes/<venue>.toml, with the page that they are of; a venue is tested as soon as it has one.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probes import venues
from probes.dialect.codes import codes, meaning
from probes.readings import Refusal
from probes.rest.refusals import by_answer
from probes.venue import Context, SubscriptionRefused

FOLDER = Path(__file__).parent / "codes"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TABLES: dict[str, dict[str, Any]] = {one.stem: tomllib.loads(one.read_text()) for one in sorted(FOLDER.glob("*.toml"))}
LISTED = [
    (venue, code, Refusal(kind))
    for venue, table in TABLES.items()
    for kind, listed in table["kinds"].items()
    for code in listed
]
NOBODYS = "987654321"
OWN_STATUSES = {"bybit": {403}}
"""Bybit's 403 says by itself that an address asks too often, or that its region is blocked."""


def body(venue: str, code: str) -> bytes:
    """A body with the code as the venue spells it: a label, one of a list of errors, a number inside `error`, else `code`."""
    spelt: dict[str, Any] = {"code": code, "msg": "?"}
    if venue == "gate":
        spelt = {"label": code, "message": "?"}
    if venue == "coinbase":
        spelt = {"message": code} if " " in code else {"errors": [{"id": code, "message": "?"}]}
    if venue == "bybit":
        spelt = {"retCode": int(code), "retMsg": "?"}
    if venue == "deribit":
        spelt = {"jsonrpc": "2.0", "error": {"code": int(code), "message": "?"}}
    if venue == "kraken":
        spelt = {"error": [code]}
    if venue == "kraken_futures":
        spelt = {"result": "error", "error": code}
    return json.dumps(spelt).encode()


def kind_of(venue: str, status: int, code: str) -> Refusal | None:
    refused = venues.declared(venue).refuse(status, {}, body(venue, code), NOW)
    return None if refused is None else refused.kind


def test_a_table_says_where_it_is_from_and_has_no_code_twice() -> None:
    assert TABLES
    for venue, table in TABLES.items():
        assert venue in venues.NAMES
        assert table["page"].startswith("https://")
        listed = [code for one in table["kinds"].values() for code in one]
        assert len(listed) == len(set(listed))


@pytest.mark.parametrize(("venue", "code", "kind"), LISTED, ids=[f"{venue} {code}" for venue, code, _ in LISTED])
@pytest.mark.slow
def test_a_published_code_means_the_same_with_every_status(venue: str, code: str, kind: Refusal) -> None:
    statuses = {200, 400, 403, 500} - OWN_STATUSES.get(venue, set())
    assert {kind_of(venue, status, code) for status in statuses} == {kind}


@pytest.mark.parametrize("venue", TABLES)
def test_a_code_that_nobody_published_counts_by_its_status_and_is_unknown_in_a_good_one(venue: str) -> None:
    assert kind_of(venue, 200, NOBODYS) is Refusal.UNKNOWN_CODE
    for status in sorted({400, 401, 403, 404, 408, 429, 500, 502, 503} - OWN_STATUSES.get(venue, set())):
        assert kind_of(venue, status, NOBODYS) is None, "the rules of all venues decide"
        assert by_answer(status, body(venue, NOBODYS)) is not None


def test_a_code_on_okxs_socket_means_what_it_means_in_an_answer() -> None:
    venue = venues.declared("okx")
    context = Context(venue=venue.id, check="liquidation", received_at=NOW)
    kinds = {code: kind for name, code, kind in LISTED if name == "okx" and code.startswith("60")}
    assert len(kinds) > 10
    for code, kind in kinds.items():
        (word,) = venue.feeds[0].read(json.dumps({"event": "error", "code": code, "msg": "?"}).encode(), context)
        assert isinstance(word, SubscriptionRefused)
        assert word.kind is kind


def test_a_key_or_address_that_a_venue_refuses_never_says_that_the_venue_is_sick() -> None:
    ours = [one for one in LISTED if one[2] in (Refusal.UNAUTHORIZED, Refusal.BAD_REQUEST, Refusal.GEO_BLOCKED)]
    assert len(ours) > 400
    assert all(kind.is_ours for _, _, kind in ours)


def test_a_code_by_itself_counts_before_its_family_and_families_have_ends() -> None:
    kind = meaning(codes({Refusal.BAD_REQUEST: "-1199..-1100 INVALID_*", Refusal.UNAUTHORIZED: ("-1150", "bad key")}))
    assert [kind(one) for one in ("-1199", "-1100", "-1121")] == [Refusal.BAD_REQUEST] * 3
    assert [kind(one) for one in ("-1150", "bad key")] == [Refusal.UNAUTHORIZED] * 2
    assert [kind(one) for one in ("-1200", "-1099", "1121", "", "x", "-", "-11²1", "1" * 5000)] == [None] * 8
    assert [kind(one) for one in ("INVALID_", "INVALID_KEY", "AN_INVALID_KEY")] == [Refusal.BAD_REQUEST] * 2 + [None]
