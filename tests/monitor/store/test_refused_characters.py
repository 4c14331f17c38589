"""Characters that only the server refuses: the row is cleaned and written, and nothing else changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.signals import Signal
from monitor.store.postgres import PostgresStore
from tests.monitor.store.rows import NOON, change, signal
from tests.monitor.store.written import write

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (signal(1, attributes={"title": "a\x00b"}), signal(1, attributes={"title": "a\ufffdb"})),
        (signal(1, asset="B\x00TC"), signal(1, asset="B\ufffdTC")),
    ],
)
async def test_a_signal_with_a_nul_is_written_with_a_replacement(
    store: PostgresStore, sent: Signal, stored: Signal
) -> None:
    assert await write(store, sent, signal(2))

    assert [one async for one in store.signals(NOON - DAY, NOON + DAY)] == [stored, signal(2)]


async def test_a_change_with_a_nul_is_written_with_a_replacement(store: PostgresStore) -> None:
    assert await write(store, signal(1), changes=(change(headline="a\x00b"),))

    assert await store.incidents() == [change(headline="a\ufffdb")]
    assert [one async for one in store.signals(NOON - DAY, NOON + DAY)] == [signal(1)]
