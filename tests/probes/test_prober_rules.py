"""How often a venue's checks run, which slots they use, what is listed again, and what a control's slot reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zlib import crc32

import pytest

from probes.controls import Controls
from probes.prober import Prober, ProberSettings, probe_once
from probes.readings import (
    Instrument,
    InstrumentsListed,
    Market,
    Reading,
    Refusal,
    RequestTimed,
    SlotMissed,
    VenueId,
)
from probes.rest.http import utc_now
from probes.venue import BookSnapshot, Budget, Context, Feed, Keys, Per, RestCall, RestCheck, Venue
from tests.probes.loopback import Loopback, free_port, hung_up, say, serving

MADE = VenueId("made")
T0 = datetime(2026, 11, 1, tzinfo=UTC)


def instrument(symbol: str, market: Market = Market.PERP) -> Instrument:
    return Instrument(symbol=symbol, base="BTC", quote="USDT", market=market)


PERP, SPOT = instrument("P"), instrument("S", Market.SPOT)


def check(
    name: str, *words: Reading | BookSnapshot, every_s: float = 1e6, signed: bool = False, **changed: Any
) -> RestCheck:
    def call(one: Instrument | None) -> RestCall:
        return RestCall(path=f"/{name}", query={} if one is None else {"of": one.symbol}, signed=signed)

    def read(body: bytes, context: Context) -> Sequence[Reading | BookSnapshot]:
        return words

    return replace(RestCheck(name=name, call=call, read=read, every_s=every_s), **changed)


def listing(*listed: Instrument, name: str = "instruments") -> RestCheck:
    return check(name, InstrumentsListed(venue=MADE, received_at=T0, instruments=listed))


def venue(*checks: RestCheck, feeds: tuple[Feed, ...] = (), **changed: Any) -> Venue:
    return Venue(**{"budgets": (), **changed}, id=MADE, title="", docs="", hosts={}, checks=checks, feeds=feeds)


def settings(served: Loopback, **changed: Any) -> ProberSettings:
    return replace(
        ProberSettings(assets=["BTC"], hosts={"rest": served.url, "ws": served.ws_url}, timeout_s=5.0), **changed
    )


async def until(readings: AsyncIterator[Reading], enough: Callable[[list[Reading]], bool]) -> list[Reading]:
    """Collect readings until there are enough."""
    collected: list[Reading] = []
    async with asyncio.timeout(20):
        async for reading in readings:
            collected.append(reading)
            if enough(collected):
                return collected
    raise AssertionError("readings go on for ever")


def slots(collected: Sequence[Reading], name: str) -> list[datetime]:
    return [one.scheduled_at for one in collected if isinstance(one, RequestTimed) and one.check == name]


ANY = {path: say("{}") for path in ("/instruments", "/ping", "/slow", "/each", "/other")}


@pytest.mark.parametrize(
    ("changed", "every_s"),
    [({}, 0.05), ({"interval_scale": 2.0}, 0.1), ({"every_s": {"ping": 0.08}, "interval_scale": 3.0}, 0.08)],
)
async def test_slots_of_a_check_are_one_interval_apart_whatever_the_interval_factor(
    changed: dict[str, Any], every_s: float
) -> None:
    async with serving(ANY) as served:
        prober = Prober(venue(check("ping", every_s=0.05)), settings(served, **changed))
        async with aclosing(prober.readings()) as readings:
            collected = await until(readings, lambda collected: len(slots(collected, "ping")) >= 4)
    due = slots(collected, "ping")
    for earlier, later in pairwise(due):
        steps = (later - earlier).total_seconds() / every_s
        assert steps >= 0.999
        assert abs(steps - round(steps)) < 1e-3


async def test_a_first_slot_is_at_the_checks_own_offset_after_the_start() -> None:
    now = [T0]
    async with serving(ANY) as served:
        prober = Prober(
            venue(listing(PERP), check("each", per=Per.INSTRUMENT, every_s=0.5)), settings(served), clock=lambda: now[0]
        )
        now[0] = T0
        async with aclosing(prober.readings()) as readings:
            collected = await until(readings, lambda collected: len(slots(collected, "each")) >= 1)
    share = crc32(b"made/each/P") / 2**32
    assert (slots(collected, "each")[0] - T0).total_seconds() == pytest.approx(0.5 * share, abs=1e-3)


@pytest.mark.parametrize(("after_s", "timeout_s"), [(0.25, 5.0), (60.0, 0.25)])
async def test_slots_that_pass_during_a_request_are_reported_once_each_and_skipped(
    after_s: float, timeout_s: float
) -> None:
    answers = {**ANY, "/slow": say("{}", after_s=after_s)}
    async with serving(answers) as served:
        prober = Prober(
            venue(listing(PERP), check("slow", every_s=0.1, per=Per.INSTRUMENT)), settings(served, timeout_s=timeout_s)
        )
        async with aclosing(prober.readings()) as readings:
            collected = await until(readings, lambda collected: len(slots(collected, "slow")) >= 3)
    due = slots(collected, "slow")
    missed = [one for one in collected if isinstance(one, SlotMissed)]
    assert {(one.venue, one.check, one.instrument) for one in missed} == {("made", "slow", "P")}
    for one, following in zip(missed, due[1:], strict=False):
        assert one.scheduled_at in due
        assert (following - one.scheduled_at).total_seconds() == pytest.approx(0.1 * (one.missed + 1), abs=1e-5)
        assert one.missed >= 2
        assert one.received_at > one.scheduled_at
        assert (one.every_s, one.censored) == (0.1, after_s > timeout_s)
    timed = [one for one in collected if isinstance(one, RequestTimed) and one.check == "slow"]
    assert all(one.latency_s >= 0.25 for one in timed)


async def test_a_request_that_is_given_up_on_its_way_is_a_missed_slot() -> None:
    async with serving({"/slow": say("{}", after_s=60.0), "/ping": say("{}")}) as served:
        prober = Prober(
            venue(check("slow", every_s=0.05), check("ping", every_s=0.05)), settings(served, timeout_s=60.0)
        )
        async with aclosing(prober.readings()) as readings:
            await until(readings, lambda _one: "/slow" in served.asked)
        missed = [one for one in prober.remaining() if isinstance(one, SlotMissed)]
    assert [(one.missed, one.every_s, one.censored) for one in missed if one.check == "slow"] == [(1, 0.0, True)]


async def test_a_market_check_runs_for_each_instrument_and_a_venue_check_runs_once() -> None:
    declared = venue(
        listing(PERP, SPOT),
        check("each", per=Per.INSTRUMENT),
        check("other", per=Per.INSTRUMENT, market=Market.SPOT),
        check("ping"),
    )
    async with serving(ANY) as served:
        collected = await probe_once(declared, None, settings(served))
        asked = sorted(served.asked)
    assert asked == ["/each?of=P", "/each?of=S", "/instruments", "/other?of=S", "/ping"]
    assert [one.check for one in collected if isinstance(one, RequestTimed)].count("instruments") == 1


async def test_only_the_named_check_is_reported_although_the_listing_is_requested() -> None:
    declared = venue(listing(PERP), check("ping"), check("other"))
    async with serving(ANY) as served:
        collected = await probe_once(declared, "other", settings(served))
        assert served.asked == ["/instruments", "/other"]
    assert {one.check for one in collected if isinstance(one, RequestTimed)} == {"other"}


async def test_a_single_probe_of_many_instruments_waits_for_its_turn_within_a_budget() -> None:
    many = [instrument(f"P{number}") for number in range(12)]
    small = (Budget(name="ip", limit=10, window_s=0.3),)
    async with serving(ANY) as served:
        declared = venue(listing(*many), check("each", per=Per.INSTRUMENT), budgets=small)
        wanted = [one.symbol for one in many]
        readings = await probe_once(declared, "each", settings(served, instruments=wanted))
    assert [one.refusal for one in readings if isinstance(one, RequestTimed)] == [None] * 12


async def test_a_single_probe_does_not_wait_for_a_venue_that_throttles() -> None:
    async with serving({**ANY, "/each": say("slow down", 429, {"Retry-After": "600"})}) as served:
        declared = venue(listing(PERP, SPOT), check("each", per=Per.INSTRUMENT))
        readings = await probe_once(declared, "each", settings(served, instruments=["P", "S"]))
    assert [one.refusal for one in readings if isinstance(one, RequestTimed)] == [Refusal.THROTTLED, Refusal.BUDGET]


async def test_a_failed_listing_is_requested_again_and_a_successful_one_is_not() -> None:
    answers = {**ANY, "/instruments": hung_up}
    second = replace(listing(SPOT), call=lambda _one: RestCall(path="/other"))
    async with serving(answers) as served:
        prober = Prober(venue(listing(PERP), second), settings(served, relist_s=0.02))
        async with aclosing(prober.readings()) as readings:
            await until(readings, lambda collected: len(slots(collected, "instruments")) >= 5)
        assert served.asked.count("/other") == 1
        assert served.asked.count("/instruments") >= 3
    assert prober.instruments == [SPOT]


async def test_without_a_listing_readers_know_the_expected_symbols_of_a_venue() -> None:
    declared = venue(
        check("ping", every_s=0.01), symbols=lambda asset: {Market.PERP: f"{asset}-P", Market.SPOT: f"{asset}-S"}
    )
    async with serving(ANY) as served:
        prober = Prober(declared, settings(served))
        async with aclosing(prober.readings()) as readings:
            await until(readings, lambda collected: True)
    assert {one.symbol: one.market for one in prober.instruments} == {"BTC-P": Market.PERP, "BTC-S": Market.SPOT}
    assert set(prober.state.instruments) == {"BTC-P", "BTC-S"}


async def test_a_market_that_is_listed_is_not_guessed() -> None:
    declared = venue(
        listing(PERP), check("ping", every_s=0.01), symbols=lambda asset: {Market.PERP: "guess", Market.SPOT: "S2"}
    )
    async with serving(ANY) as served:
        prober = Prober(declared, settings(served))
        async with aclosing(prober.readings()) as readings:
            await until(readings, lambda collected: len(slots(collected, "ping")) >= 1)
    assert sorted(one.symbol for one in prober.instruments) == ["P", "S2"]


def test_a_signed_check_needs_keys_and_a_disabled_one_never_runs() -> None:
    declared = venue(check("ping"), check("wallet", signed=True), check("other"))
    without = Prober(declared, ProberSettings(assets=[], disabled=["other"]))
    assert [one.name for one in without.checks()] == ["ping"]
    having = Prober(declared, ProberSettings(assets=[], keys=Keys(key="k", secret="s")))
    assert [one.name for one in having.checks()] == ["ping", "wallet", "other"]


def test_a_feed_splits_the_instruments_of_its_market_over_connections() -> None:
    feed = Feed(
        name="f", host="ws", read=lambda _raw, _context: (), subscribe=lambda _some, _now: (), max_instruments=2
    )
    declared = venue(feeds=(feed, replace(feed, name="g", market=Market.SPOT)))
    prober = Prober(declared, ProberSettings(assets=[]))
    prober.instruments = [instrument(f"X{number}") for number in range(5)]
    every, spot = prober.feeds()
    assert [[one.symbol for one in some] for some in prober.batches(every)] == [["X0", "X1"], ["X2", "X3"], ["X4"]]
    assert prober.batches(spot) == []
    assert [one.name for one in Prober(declared, ProberSettings(assets=[], disabled=["f"])).feeds()] == ["g"]


async def test_a_control_is_requested_on_its_own_slots_and_any_answer_is_good() -> None:
    async with serving({"/a": say("x", 500), "/b": say(b"x" * 1_000_001), "/c": say(b"x" * 1_000_000)}) as served:
        targets = {name: f"{served.url}/{name}" for name in ("a", "b", "c")}
        async with aclosing(Controls(targets, every_s=0.1, timeout_s=5.0).readings()) as readings:
            collected = await until(
                readings, lambda collected: all(len(slots(collected, name)) >= 3 for name in targets)
            )
    for name, refusal in (("a", None), ("b", Refusal.OVERSIZED), ("c", None)):
        due = slots(collected, name)
        steps = (due[-1] - due[0]).total_seconds() / 0.1
        assert abs(steps - round(steps)) < 1e-3
        assert {one.refusal for one in collected if isinstance(one, RequestTimed) and one.check == name} == {refusal}
    for one in collected:
        assert isinstance(one, RequestTimed)
        assert (one.venue, one.instrument) == ("control", None)
        assert one.latency_s >= one.service_s > 0


async def test_a_control_that_does_not_answer_times_out_at_its_limit() -> None:
    async with serving({"/": say("x", after_s=20)}) as served:
        controls = Controls({"a": served.url + "/"}, every_s=0.05, timeout_s=0.1)
        readings = controls.readings()
        (timing,) = await until(readings, lambda timing: True)
        await readings.aclose()
    assert isinstance(timing, RequestTimed)
    assert (timing.refusal, timing.censored, timing.status) == (Refusal.TIMEOUT, True, None)
    assert timing.latency_s >= 0.1


async def test_closing_a_prober_or_the_controls_leaves_no_connection_behind() -> None:
    port = await free_port()
    async with serving(ANY) as served:
        async with aclosing(Prober(venue(check("ping", every_s=0.01)), settings(served)).readings()) as readings:
            await anext(readings)
        target = {"a": f"http://127.0.0.1:{port}/"}
        async with aclosing(Controls(target, every_s=0.01, timeout_s=1.0).readings()) as readings:
            await anext(readings)
        asked = len(served.asked)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert len(served.asked) <= asked + 1
    assert len(asyncio.all_tasks()) == 1


def test_our_clock_is_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


async def test_a_controls_latency_counts_from_its_slot() -> None:
    async with serving({"/": say("x", after_s=0.12)}) as served:
        controls = Controls({"a": served.url + "/"}, every_s=0.05, timeout_s=5.0)
        readings = controls.readings()
        collected = await until(readings, lambda collected: len(collected) >= 3)
        await readings.aclose()
    for one in collected:
        assert isinstance(one, RequestTimed)
        assert one.sent_at > one.scheduled_at
        late_s = (one.sent_at - one.scheduled_at).total_seconds()
        assert one.latency_s - one.service_s == pytest.approx(late_s, abs=1e-5)
