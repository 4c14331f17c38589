"""Days of signals: created before their first row, one day in advance, dropped completely exactly after retention."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import asyncpg
import pytest

from monitor.store.partitions import day_of
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings
from tests.monitor.store.rows import NOON, delivery, signal
from tests.monitor.store.written import write

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("signals_d20260301", date(2026, 3, 1)),
        ("signals_d2026030", None),
        ("signals_d202603011", None),
        ("signals_d2026030x", None),
        ("signals_20260301", None),
        ("20260301", None),
        ("signals_default", None),
    ],
)
def test_a_table_name_gives_its_day_or_none(name: str, day: date | None) -> None:
    assert day_of(name) == day


async def _days(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'signals'::regclass order by 1"
    )
    await connection.close()
    return [row["name"] for row in rows]


async def test_partitions_of_today_and_tomorrow_are_created_and_no_others(store: PostgresStore, dsn: str) -> None:
    assert await store.retain(NOON) == []
    assert await _days(dsn) == ["signals_d20260301", "signals_d20260302"]
    await store.retain(MIDNIGHT + DAY)
    assert await _days(dsn) == ["signals_d20260301", "signals_d20260302", "signals_d20260303"]


async def test_a_row_is_in_the_partition_of_its_utc_day_of_receipt(store: PostgresStore, dsn: str) -> None:
    tokyo = timezone(timedelta(hours=9))
    first, last = MIDNIGHT, MIDNIGHT + DAY - TICK
    await write(store, signal(1, at=first), signal(2, at=last))
    assert await _days(dsn) == ["signals_d20260301"]
    await write(store, signal(3, at=(MIDNIGHT - TICK).astimezone(tokyo)), signal(4, at=MIDNIGHT + DAY))
    assert await _days(dsn) == ["signals_d20260228", "signals_d20260301", "signals_d20260302"]
    connection = await asyncpg.connect(dsn)
    assert [row["seq"] for row in await connection.fetch("select seq from signals_d20260301 order by seq")] == [1, 2]
    await connection.close()


async def test_a_chunk_over_many_days_creates_each_of_its_days_and_no_empty_day(store: PostgresStore, dsn: str) -> None:
    at = [NOON, NOON + 5 * DAY, NOON + 2 * DAY]
    await write(store, *(signal(seq, at=one) for seq, one in enumerate(at)))
    assert await _days(dsn) == ["signals_d20260301", "signals_d20260303", "signals_d20260306"]


@pytest.mark.parametrize("hour", [timedelta(0), timedelta(hours=12), DAY - TICK])
async def test_a_day_is_dropped_when_its_retention_has_passed_and_not_before(
    settings: StoreSettings, hour: timedelta
) -> None:
    store = PostgresStore(replace(settings, retention_days=3), {})
    await store.open()
    await write(store, *(signal(back, at=NOON - back * DAY) for back in range(6)))
    assert await store.retain(MIDNIGHT + hour) == ["signals_d20260224", "signals_d20260225"]
    left = [one.seq async for one in store.signals(NOON - 400 * DAY, NOON + 400 * DAY)]
    assert sorted(left) == [0, 1, 2, 3]
    await store.close()


async def test_deliveries_are_deleted_with_their_day_and_not_before(settings: StoreSettings, dsn: str) -> None:
    store = PostgresStore(replace(settings, retention_days=3), {})
    await store.open()
    edge = MIDNIGHT - 3 * DAY
    at = [edge - DAY, edge - TICK, edge, edge + TICK, NOON]
    await write(store, deliveries=[delivery(revision=number, at=one) for number, one in enumerate(at, start=1)])
    await store.retain(NOON)
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("select revision from deliveries order by revision")
    await connection.close()
    assert [row["revision"] for row in rows] == [3, 4, 5]
    await store.close()


async def test_a_table_that_is_no_day_partition_is_unchanged(store: PostgresStore, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "create table signals_old partition of signals for values from ('2020-01-01 00:00+00') to ('2021-01-01 00:00+00')"
    )
    await connection.close()
    assert await store.retain(NOON) == []
    assert "signals_old" in await _days(dsn)


async def test_a_day_dropped_by_retention_is_created_again_for_a_late_row(settings: StoreSettings, dsn: str) -> None:
    store = PostgresStore(replace(settings, retention_days=1), {})
    await store.open()
    late = signal(1, at=NOON - 2 * DAY)
    await write(store, late)
    assert await store.retain(NOON) == ["signals_d20260227"]
    assert await write(store, late)
    assert await _days(dsn) == ["signals_d20260227", "signals_d20260301", "signals_d20260302"]
    assert await store.retain(NOON) == ["signals_d20260227"]
    await store.close()
