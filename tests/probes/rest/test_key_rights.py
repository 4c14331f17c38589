"""A key that may do more than read is not used, nor one of which that is not known; the operator is told once, by its name."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from probes import venues
from probes.readings import Reading, Refusal, RequestTimed
from probes.rest.client import RestAccess, RestClient
from probes.rest.http import session, tls_context
from probes.rest.venue_state import VenueState
from probes.venue import Keys, Malformed, RestCheck
from tests.probes.loopback import Answer, Loopback, in_turn, say, serving

T0 = datetime(2026, 11, 1, tzinfo=UTC)
KEYS = Keys(key="value-of-the-key", secret="secret-of-the-key", passphrase="p", name="DESK_KEY")
RIGHTS, WALLETS = "/v5/user/query-api", "/v5/asset/coin/query-info"
READ_ONLY = say('{"retCode":0,"result":{"readOnly":1}}')
WRITES = say('{"retCode":0,"result":{"readOnly":0}}')
EMPTY = say('{"retCode":0,"result":{"rows":[]},"time":1793491200000}')
BYBIT = venues.declared("bybit")
WALLET_STATUS = next(one for one in BYBIT.checks if one.name == "wallet_status")
BINANCE = {
    "ipRestrict": False, "createTime": 1, "enableReading": True, "enableWithdrawals": False, "enableInternalTransfer": False,
    "enableMargin": False, "enableFutures": False, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
    "enableFixApiTrade": False, "enableFixReadOnly": True, "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": False,
}  # fmt: skip
"""The fields of developers.binance.com, "Get API Key Permission", of a key that can only read."""


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session(tls_context(), "tests") as one:
        yield one


class Desk:
    """A REST client of Bybit on loopback, under a clock that the test sets."""

    def __init__(self, client: aiohttp.ClientSession, served: Loopback) -> None:
        self.now_s = 0.0
        self.rest = RestClient(
            VenueState(BYBIT), client, lambda: T0 + timedelta(seconds=self.now_s),
            RestAccess(hosts={"rest": served.url}, keys=KEYS, timeout_s=1.0),
        )  # fmt: skip

    async def ask(self, now_s: float) -> list[RequestTimed]:
        self.now_s = now_s
        return timed(await self.rest.ask(WALLET_STATUS, None))


def timed(readings: list[Reading]) -> list[RequestTimed]:
    return [one for one in readings if isinstance(one, RequestTimed)]


async def test_a_key_that_can_only_read_is_used_and_asked_about_each_hour(client: aiohttp.ClientSession) -> None:
    async with serving({RIGHTS: READ_ONLY, WALLETS: EMPTY}) as served:
        desk = Desk(client, served)
        outcomes = [[(one.check, one.refusal) for one in await desk.ask(now_s)] for now_s in (0, 60, 3599, 3600)]
        assert [one.partition("?")[0] for one in served.asked] == [RIGHTS, *[WALLETS] * 3, RIGHTS, WALLETS]
    both, alone = [("wallet_status", None), ("key_rights", None)], [("wallet_status", None)]
    assert outcomes == [both, alone, alone, both]


async def test_a_key_that_may_write_is_not_used_and_the_operator_is_told_once_by_its_name(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "stormwatch"):
        async with serving({RIGHTS: WRITES, WALLETS: EMPTY}) as served:
            desk = Desk(client, served)
            first, second = await desk.ask(0), await desk.ask(60)
            assert [one.partition("?")[0] for one in served.asked] == [RIGHTS]
    assert [(one.check, one.refusal) for one in first] == [("wallet_status", Refusal.KEY_RIGHTS), ("key_rights", None)]
    assert first[0].detail == second[0].detail == "the key may do more than read: write"
    assert (first[0].status, first[0].phases, Refusal.KEY_RIGHTS.is_ours) == (None, (), True)
    assert [one.getMessage() for one in caplog.records] == [
        "the key DESK_KEY of bybit may do more than read (write): it is not used"
    ]
    assert KEYS.key not in caplog.text + repr(first)


@pytest.mark.parametrize(
    "answer",
    [say("{}", 500), say('{"retCode":0,"result":{}}'), say('{"retCode":10003,"retMsg":"invalid"}'), say("<html>")],
)
async def test_a_key_of_which_it_is_not_known_what_it_may_do_is_not_used(
    client: aiohttp.ClientSession, answer: Answer
) -> None:
    async with serving({RIGHTS: in_turn(answer, READ_ONLY), WALLETS: EMPTY}) as served:
        desk = Desk(client, served)
        first, second = await desk.ask(0), await desk.ask(1000)
    assert (first[0].refusal, first[0].detail) == (Refusal.KEY_RIGHTS, "it is not known what the key may do")
    assert first[1].refusal is not None
    assert second[0].refusal is None, "it is asked again with the next check"


async def test_a_known_answer_counts_for_six_hours_where_there_is_no_newer_one(client: aiohttp.ClientSession) -> None:
    async with serving({RIGHTS: in_turn(READ_ONLY, *[say("{}", 500)] * 9), WALLETS: EMPTY}) as served:
        desk = Desk(client, served)
        refusals = [(await desk.ask(hour * 3600))[0].refusal for hour in range(8)]
    assert refusals == [None] * 6 + [Refusal.KEY_RIGHTS] * 2


async def test_a_key_that_was_given_more_rights_is_not_used_from_the_next_hour_on(
    client: aiohttp.ClientSession,
) -> None:
    async with serving({RIGHTS: in_turn(READ_ONLY, WRITES, READ_ONLY), WALLETS: EMPTY}) as served:
        desk = Desk(client, served)
        assert [(await desk.ask(hour * 3600))[0].refusal for hour in range(3)] == [None, Refusal.KEY_RIGHTS, None]


async def test_checks_that_come_together_ask_once(client: aiohttp.ClientSession) -> None:
    async with serving({RIGHTS: READ_ONLY, WALLETS: EMPTY}) as served:
        desk = Desk(client, served)
        await asyncio.gather(*(desk.ask(0) for _ in range(3)))
        assert [one.partition("?")[0] for one in served.asked].count(RIGHTS) == 1


async def test_where_a_venue_does_not_tell_the_key_is_used_and_the_operator_is_told_once(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "stormwatch"):
        async with serving({WALLETS: EMPTY}) as served:
            desk = Desk(client, served)
            desk.rest._rights._venue = replace(BYBIT, key_rights=None)  # type: ignore[union-attr]
            assert [(await desk.ask(now_s))[0].refusal for now_s in (0, 60)] == [None, None]
    assert [one.getMessage() for one in caplog.records] == [
        "bybit does not tell what the key DESK_KEY may do: make sure that it can only read"
    ]


def read(venue: str, body: object) -> list[str]:
    declared = venues.declared(venue).key_rights
    assert declared is not None
    assert declared.call.signed
    return list(declared.read(json.dumps(body).encode()))


@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
def test_binances_permissions_are_read(venue: str) -> None:
    assert read(venue, BINANCE) == []
    for name in BINANCE:
        if name.startswith(("enable", "permits")) and name not in ("enableReading", "enableFixReadOnly"):
            assert read(venue, {**BINANCE, name: True}) == [name]
    assert read(venue, {**BINANCE, "enableSomethingNew": True}) == ["enableSomethingNew"], (
        "a right that nobody knows yet"
    )
    assert read(venue, {**BINANCE, "enableMargin": None}) == ["enableMargin"], "absence is not innocence"
    odds: list[object] = [{}, [], None, {**BINANCE, "enableWithdrawals": "false"}]
    for odd in odds:
        with pytest.raises(Malformed):
            read(venue, odd)


def test_bybits_and_okxs_permissions_are_read() -> None:
    assert read("bybit", {"retCode": 0, "result": {"readOnly": 1}}) == []
    assert read("bybit", {"retCode": 0, "result": {"readOnly": 0}}) == ["write"]
    assert read("okx", {"code": "0", "data": [{"perm": "read_only"}]}) == []
    assert read("okx", {"code": "0", "data": [{"perm": "read_only,withdraw, trade"}]}) == ["withdraw", "trade"]
    for venue, odd in (
        ("bybit", {"result": {"readOnly": 2}}), ("bybit", {"result": {"readOnly": True}}), ("bybit", {"result": {}}),
        ("okx", {"data": []}), ("okx", {"data": [{"perm": " "}]}), ("okx", {"data": [{"perm": 1}]}),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            read(venue, odd)


@pytest.mark.parametrize("name", venues.NAMES)
def test_a_question_about_rights_is_charged_to_a_declared_budget_of_its_host(name: str) -> None:
    venue = venues.declared(name)
    if venue.key_rights is not None:
        budgets = {one.name: one for one in venue.budgets}
        assert venue.key_rights.call.host in budgets[venue.key_rights.call.budget].hosts
    signed: list[RestCheck] = [one for one in venue.checks if one.name == "wallet_status" and one.call(None).signed]
    assert bool(signed) == (venue.sign is not None)
