"""The store on a real PostgreSQL: saved rows are read back exactly once, until retention ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from math import inf, isnan, nan

import pytest

from monitor.errors import OperatorError
from monitor.incidents import IncidentState, Level
from monitor.log.codec import decode_rows, encode_signals
from monitor.signals import Signal, SignalKind, Subject
from monitor.store.log_rows import Rows, Signals
from monitor.store.postgres import PostgresStore, Wanted
from monitor.store.session import Owner, Session
from monitor.store.settings import StoreSettings
from tests.monitor.store.conftest import SocketDoor
from tests.monitor.store.rows import NOON, change, delivery, signal
from tests.monitor.store.written import write

DAY = timedelta(days=1)


async def _all(store: PostgresStore, asset: str | None = None) -> list[Signal]:
    return [one async for one in store.signals(NOON - 400 * DAY, NOON + 400 * DAY, asset)]


async def test_signals_are_read_back_as_they_were_saved(store: PostgresStore) -> None:
    saved = [signal(seq, kind=kind) for seq, kind in enumerate(SignalKind)]
    assert await write(store, *saved)
    assert await _all(store) == saved


async def test_signals_are_selected_by_asset_and_time_in_order_of_receipt(store: PostgresStore) -> None:
    late, other, early = signal(3), signal(2, asset="ETH"), signal(1)
    await write(store, late, other, early)
    assert await _all(store) == [early, other, late]
    assert await _all(store, "BTC") == [early, late]
    assert [one async for one in store.signals(early.received_at, late.received_at)] == [early, other]


async def test_more_signals_than_one_cursor_fetch_are_read_back_in_order(store: PostgresStore) -> None:
    saved = [signal(seq) for seq in range(5001)]
    await write(store, *saved)
    assert await _all(store) == saved


async def test_values_that_are_no_numbers_become_null_and_are_read_back_as_nan(store: PostgresStore) -> None:
    await write(store, signal(1, value=nan), signal(2, value=-inf, attributes={"mid": inf, "state": "ok"}))
    first, second = await _all(store)
    assert isnan(first.value)
    assert isnan(second.value)
    assert second.attributes == {"mid": None, "state": "ok"}


async def test_characters_that_postgresql_cannot_store_are_replaced(store: PostgresStore) -> None:
    attributes = {"title": "literally \\u0000"}
    sent = (
        signal(1, attributes={"title": "a\x00b"}),
        signal(2, asset="X\ud800"),
        signal(3, attributes=dict(attributes)),
    )
    assert await write(store, *sent)
    first, second, third = await _all(store)
    assert first.attributes == {"title": "a\ufffdb"}
    assert second.subject.asset is not None
    assert second.subject.asset.startswith("X\ufffd")
    assert third.attributes == attributes


async def test_incidents_give_their_latest_change_newest_first(store: PostgresStore) -> None:
    changes = (change("a", 1), change("a", 3), change("b", 2), change("a", 2))
    await write(store, changes=changes)
    assert await store.incidents() == [changes[1], changes[2]]
    assert await store.incidents(limit=1) == [changes[1]]
    assert await store.incidents(since=changes[1].at) == [changes[1]]
    assert await store.incident("a") == [changes[0], changes[3], changes[1]]
    assert await store.incident("none") == []


async def test_a_stored_revision_is_not_stored_again(store: PostgresStore) -> None:
    await write(store, changes=(change(headline="first"),))
    await write(store, changes=(change(headline="second"),))
    assert [one.headline for one in await store.incident("i-1")] == ["first"]


async def test_a_change_with_an_infinite_rate_is_read_back_with_nan(store: PostgresStore) -> None:
    await write(store, changes=(change(far_per_day=inf),))
    (back,) = await store.incidents()
    assert isnan(back.far_per_day)
    assert isnan(back.evidence[0].far_per_day)
    assert back.evidence[0].links == ("a:b",)


async def test_a_late_older_checkpoint_does_not_replace_the_newest(store: PostgresStore) -> None:
    assert await store.load_checkpoint("ethereum") is None
    await write(store, checkpoints={"ethereum": b"two", "base": b"b"}, clock=lambda: NOON + DAY)
    await write(store, checkpoints={"ethereum": b"one"}, clock=lambda: NOON)
    assert await store.load_checkpoint("ethereum") == b"two"


async def test_days_beyond_retention_are_dropped_completely(settings: StoreSettings) -> None:
    store = PostgresStore(replace(settings, retention_days=2), {})
    await store.open()
    retained = [signal(1, at=NOON - 2 * DAY), signal(2, at=NOON), signal(3, at=NOON + DAY)]
    await write(store, signal(0, at=NOON - 3 * DAY), *retained, changes=(change(),))
    assert await store.retain(NOON) == ["signals_d20260226"]
    assert await store.retain(NOON) == []
    assert await _all(store) == retained
    assert len(await store.incidents()) == 1
    assert await write(store, signal(4, at=NOON - 3 * DAY))
    await store.close()


async def test_a_day_dropped_by_another_process_is_created_again(settings: StoreSettings, store: PostgresStore) -> None:
    await write(store, signal(1))
    other = PostgresStore(settings, {})
    await other.open(migrate=False)
    assert await other.retain(NOON + 100 * DAY) == ["signals_d20260301"]
    await other.close()
    assert await write(store, signal(2))
    assert await _all(store) == [signal(2)]


async def test_two_writers_can_create_one_day_at_the_same_moment(store: PostgresStore, settings: StoreSettings) -> None:
    other = PostgresStore(settings, {})
    await other.open()
    rows = [Signals(), Signals()]
    for number in range(20):
        body = encode_signals([signal(number, at=NOON + number % 5 * DAY)])
        rows[number % 2].add(decode_rows(body), "run")
    sessions = [
        await Session.open(one.server, Owner(name, name, name), 5.0, 30.0)
        for one, name in ((store, "here"), (other, "there"))
    ]
    await asyncio.gather(*(one.position(0) for one in sessions))
    await asyncio.gather(*(one.write(Rows(some), 0, 1) for one, some in zip(sessions, rows, strict=True)))
    for one in sessions:
        await one.close()
    assert len(await _all(store)) == 20
    await other.close()


async def test_a_ping_and_a_flush_report_when_the_server_is_down_and_up_again(
    settings: StoreSettings, door: SocketDoor
) -> None:
    store = PostgresStore(replace(settings, dsn=door.dsn), {})
    await store.open()
    assert await store.ping()
    await door.shut()
    assert not await store.ping()
    assert not await write(store, signal(1))
    await door.open()
    assert await store.ping()
    assert await write(store, signal(1))
    await store.close()


async def test_a_store_that_failed_to_open_opens_at_its_next_use(settings: StoreSettings, door: SocketDoor) -> None:
    await door.shut()
    store = PostgresStore(replace(settings, dsn=door.dsn), {})
    with pytest.raises(OperatorError, match=r"store\.dsn"):
        await store.open()
    await door.open()
    assert await write(store, signal(1))
    assert await store.migrate() == []
    await store.close()


async def test_a_cut_store_ends_what_waits_for_a_late_server_at_once(settings: StoreSettings, door: SocketDoor) -> None:
    store = PostgresStore(replace(settings, dsn=door.dsn), {})
    await store.open()
    door.answers_late_s = 60.0
    door.asked.clear()
    retaining = asyncio.create_task(store.retain(NOON))
    await door.asked.wait()
    async with asyncio.timeout(2):  # without the cut, the rollback alone waits for as long as a statement may take
        store.cut()
        retaining.cancel()
        await asyncio.gather(retaining, return_exceptions=True)
        await store.close()


async def test_incidents_are_chosen_by_time_scope_peak_and_present_state(store: PostgresStore) -> None:
    btc = change("a", 1)
    eth = replace(change("b", 2), scope="asset:ETH", peak=Level.PERFECT_STORM)
    ended = replace(change("c", 3), scope="venue:bybit", state=IncidentState.ENDED)
    later = replace(change("d", 4), scope="asset:SOL", opened_at=change("d", 4).at + timedelta(hours=1))
    await write(store, changes=(btc, eth, ended, later))

    async def ids(wanted: Wanted) -> set[str]:
        return {one.incident_id for one in await store.incidents(wanted=wanted)}

    assert await ids(Wanted()) == {"a", "b", "c", "d"}
    assert await ids(Wanted(scopes=("asset:ETH", "venue:bybit"))) == {"b", "c"}
    assert await ids(Wanted(min_peak=Level.PERFECT_STORM)) == {"b"}
    assert await ids(Wanted(state=IncidentState.ENDED)) == {"c"}
    assert await ids(Wanted(until=later.at)) == {"a", "b", "c"}


async def test_history_is_selected_by_time_asset_and_venue_whichever_of_scope_and_evidence_names_them(
    store: PostgresStore,
) -> None:
    venue = replace(change("i-2"), scope="venue:okx", evidence=())
    eth = replace(
        change("i-3", 5), scope="asset:ETH", evidence=(replace(change().evidence[0], subject=Subject(venue="okx")),)
    )
    told = [replace(delivery(one.revision), incident_id=one.incident_id) for one in (change(), venue, eth)]
    await write(store, signal(1), changes=[change(), venue, eth], deliveries=told)

    async def ids(
        asset: str | None = None, venue: str | None = None, until_s: float = 60.0
    ) -> tuple[list[str], list[str]]:
        span = (NOON, NOON + timedelta(seconds=until_s))
        changes = [one.incident_id async for one in store.changes(*span, asset, venue)]
        return changes, sorted([one.incident_id async for one in store.deliveries(*span, asset, venue)])

    assert await ids() == (["i-1", "i-2", "i-3"],) * 2
    assert await ids("BTC") == (["i-1"],) * 2
    assert await ids(venue="okx") == (["i-2", "i-3"],) * 2
    assert await ids("ETH", "okx") == (["i-3"],) * 2
    assert await ids("BTC", "okx") == ([], [])
    assert (await ids(until_s=5.0))[0] == ["i-1", "i-2"]  # the end is excluded
    span = (NOON, NOON + timedelta(seconds=1))
    assert len([one async for one in store.signals(*span, None, "bybit")]) == 1
    assert [one async for one in store.signals(*span, None, "okx")] == []
    assert NOON.replace(hour=0) in await store.days()
