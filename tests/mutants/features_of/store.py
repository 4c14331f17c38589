"""Lists what users rely on in the store, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    swap(
        "a chunk that was written is not written again",
        "monitor.store.reader",
        "StoreReader._find_place",
        "position = await session.position(end)",
        "position = self._position; await session.position(end)",
    ),
    swap(
        "rows and their place are written together",
        "monitor.store.session",
        "Session._transaction",
        'queries()["begin"]',
        '"select 1"',
    ),
    Feature("one daemon a vantage holds the lease", "monitor.store.session", "Session._check_lease", "return"),
    swap(
        "an idle reader renews its lease",
        "monitor.store.reader",
        "StoreReader._follow",
        "await session.renew(connect_s)",
        "pass",
    ),
    swap(
        "a row the server refuses is set aside",
        "monitor.store.reader",
        "StoreReader._write_carefully",
        "await asyncio.to_thread(self._refused.put, bad)",
        "pass",
    ),
    swap(
        "a statement that is not answered costs its connection",
        "monitor.store.session",
        "Session._limited",
        "expired or isinstance(error, TimeoutError)",
        "False",
    ),
    swap(
        "a server that is only slow is given longer",
        "monitor.store.reader",
        "StoreReader._follow",
        "connect_s * 2**self._silences",
        "connect_s",
    ),
)
