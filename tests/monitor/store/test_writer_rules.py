"""The writer's rules without a server: order, checkpoints after their signals, batch sizes, retries, counts."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.signals import SignalKind
from monitor.store.batch import Batch
from monitor.store.settings import StoreSettings
from monitor.store.writer import Writer
from tests.monitor.jumping_time import JumpingLoop, elapsed_s, run_jumping
from tests.monitor.store.memory_store import MemoryStore, Ticking
from tests.monitor.store.rows import change, signal


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    """Small batches, a spool of this test's own."""
    return StoreSettings(folder=str(tmp_path), batch_rows=10, batch_s=1.0, queue_rows=100)


def written_before_checkpoint(batches: list[Batch], body: bytes) -> set[int]:
    """The signals written with a checkpoint or before it."""
    seen: set[int] = set()
    for one in batches:
        seen |= {row.seq for row in one.signals}
        if one.checkpoints.get("ethereum") == body:
            return seen
    raise AssertionError(f"checkpoint {body!r} was never written")


async def test_a_checkpoint_is_never_written_before_the_signals_that_came_before_it(
    settings: StoreSettings,
) -> None:
    store = MemoryStore()
    writer = Writer(store, replace(settings, batch_rows=3, queue_rows=10_000), Ticking())
    chance, sent = random.Random(7), 0
    before: dict[bytes, set[int]] = {}
    for number in range(60):
        kinds = chance.choices([SignalKind.REQUEST, SignalKind.UPGRADE, SignalKind.HEAD], k=chance.randint(0, 5))
        writer.on_signals([signal(sent + index, kind=kind) for index, kind in enumerate(kinds)])
        sent += len(kinds)
        before[b"%d" % number] = set(range(sent))
        writer.checkpoint("ethereum", b"%d" % number)
        store.away = chance.random() < 0.4
        await writer.write_now()
    store.away = False
    assert await writer.flush()

    assert store.seqs == list(range(sent))
    for body in {one.checkpoints["ethereum"] for one in store.batches if one.checkpoints}:
        assert before[body] <= written_before_checkpoint(store.batches, body)
    assert store.batches[-1].checkpoints == {"ethereum": b"59"}


async def test_a_checkpoint_waits_while_its_signals_cannot_be_written(settings: StoreSettings) -> None:
    store = MemoryStore()
    store.away_after = 1
    writer = Writer(store, settings, Ticking())
    writer.on_signals([signal(seq, kind=SignalKind.UPGRADE) for seq in range(15)])
    writer.checkpoint("ethereum", b"15")
    await writer.write_now()
    assert store.seqs == list(range(10))
    assert store.batches[0].checkpoints == {}
    assert not await writer.flush()

    store.away, store.away_after = False, None
    following = Writer(store, settings, Ticking())
    assert await following.drain()
    assert written_before_checkpoint(store.batches, b"15") == set(range(15))
    await following.flush()


async def test_a_checkpoint_of_a_later_run_is_written_after_the_batches_of_a_dead_run(settings: StoreSettings) -> None:
    store = MemoryStore()
    store.away = True
    dead = Writer(store, settings, Ticking(), run_id="1-dead")
    dead.on_signals([signal(1, kind=SignalKind.UPGRADE)])
    dead.checkpoint("ethereum", b"1")
    assert not await dead.flush()
    store.away = False
    following = Writer(store, settings, Ticking(), run_id="2-following")
    following.checkpoint("ethereum", b"2")
    await following.write_now()
    assert [one.checkpoints["ethereum"] for one in store.batches] == [b"1", b"2"]
    await following.flush()


@pytest.mark.parametrize(("rows", "sizes"), [(9, [9]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
async def test_a_batch_has_a_maximum_of_rows_and_its_own_number(
    settings: StoreSettings, rows: int, sizes: list[int]
) -> None:
    store = MemoryStore()
    writer = Writer(store, settings, Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(rows)])
    await writer.write_now()
    assert store.sizes == sizes
    assert [(one.run_id, one.number) for one in store.batches] == [("run", n + 1) for n in range(len(sizes))]
    assert (writer.written, writer.waiting, writer.spooled) == (rows, 0, 0)
    await writer.flush()


@pytest.mark.parametrize(("rows", "at_once"), [(9, False), (10, True), (11, True)])
def test_a_batch_is_written_when_it_is_full_or_after_its_time(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch, rows: int, at_once: bool
) -> None:
    class Stamped(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.asked = asyncio.Event()

        async def save(self, batch: Batch) -> bool:
            at_s.append(elapsed_s())
            self.asked.set()
            return await super().save(batch)

    at_s: list[float] = []

    async def work() -> None:
        store = Stamped()
        writer = Writer(store, replace(settings, batch_s=30.0), Ticking())
        task = asyncio.ensure_future(writer.run())
        writer.on_signals([signal(seq) for seq in range(rows)])
        await store.asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.flush()

    run_jumping(monkeypatch, work())
    assert at_s[0] == pytest.approx(0.0 if at_once else 30.0)


async def test_a_batch_whose_answer_was_lost_is_sent_again_and_written_once(settings: StoreSettings) -> None:
    store = MemoryStore()
    store.forgets_to_answer = 1
    writer = Writer(store, settings, Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(10)])
    await writer.write_now()
    assert (writer.away, writer.spooled, writer.written) == (True, 1, 0)
    assert await writer.flush()
    assert store.tries == [("run", 1), ("run", 1)]
    assert store.seqs == list(range(10))
    assert writer.written == 0  # the second time nothing was written


async def test_a_spool_that_is_drained_twice_after_a_crash_writes_each_batch_once(
    settings: StoreSettings, tmp_path: Path
) -> None:
    store = MemoryStore()
    store.away = True
    writer = Writer(store, settings, Ticking(), run_id="1-dead")
    writer.on_signals([signal(seq) for seq in range(30)])
    assert not await writer.flush()
    (left,) = (tmp_path / "spool" / "1-dead").glob("*.jsonl")
    copy = left.read_bytes()
    store.away = False
    first = Writer(store, settings, Ticking(), run_id="2")
    assert await first.drain()
    await first.flush()
    left.parent.mkdir()
    left.write_bytes(copy)  # as if the file had not been removed before the machine went down
    second = Writer(store, settings, Ticking(), run_id="3")
    assert await second.drain()
    assert (first.written, second.written) == (30, 0)
    assert store.seqs == list(range(30))
    assert len(store.tries) == 3 + 3 + 1  # the first run tried its first batch once
    await second.flush()


async def test_an_unreachable_server_is_tried_after_1_2_4_8_15_15_seconds_and_after_1_again_once_it_was_up(
    settings: StoreSettings,
) -> None:
    store = MemoryStore()
    tried_at: list[float] = []

    async def work(loop: JumpingLoop) -> None:
        writer = Writer(store, replace(settings, spool_mb=1), Ticking())
        for eighth in range(700):
            now_s = eighth / 8
            loop.now_s = 1000.0 + now_s
            store.away = now_s < 50 or now_s > 60
            tries = len(store.tries)
            writer.on_signals([signal(eighth)])
            await writer.write_now()
            if len(store.tries) > tries and store.away:
                tried_at.append(now_s)
        await writer.flush()

    def run() -> None:
        loop = JumpingLoop()
        loop.run_until_complete(work(loop))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    await asyncio.to_thread(run)
    assert tried_at[:6] == [0.0, 1.0, 3.0, 7.0, 15.0, 30.0]
    assert tried_at[6] == 45.0
    assert tried_at[7] > 60
    assert tried_at[8] == tried_at[7] + 1.0
    assert tried_at[9] == tried_at[8] + 2.0


@pytest.mark.parametrize(("for_s", "tries"), [(0.9, 1), (1.0, 2), (2.9, 2), (3.0, 3), (6.9, 3), (14.9, 4), (59.9, 7)])
def test_an_unreachable_server_is_not_tried_more_often_than_its_pauses_allow(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch, for_s: float, tries: int
) -> None:
    store = MemoryStore()
    store.away = True

    async def work() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        begun_s = loop.now_s
        writer = Writer(store, settings, Ticking())
        for tenth in range(round(for_s * 10) + 1):
            loop.now_s = begun_s + tenth / 10
            await writer.write_now()
            writer.on_signals([signal(tenth)] if tenth == 0 else [])
            await writer.write_now()
        counted.append(len(store.tries))
        await writer.flush()

    counted: list[int] = []
    run_jumping(monkeypatch, work())
    assert counted == [tries]


async def test_while_the_server_is_down_newer_batches_never_overtake_those_on_disk(
    settings: StoreSettings,
) -> None:
    store = MemoryStore()
    store.away = True
    writer = Writer(store, settings, Ticking(), run_id="run")
    for start in (0, 10, 20):
        writer.on_signals([signal(start + one) for one in range(10)])
        await writer.write_now()
    assert (writer.spooled, writer.waiting, writer.away, len(store.tries)) == (3, 0, True, 1)
    store.away = False
    writer.on_signals([signal(30)])
    await writer.write_now()  # too soon to try: newer rows are appended on disk
    assert (writer.spooled, store.batches) == (4, [])
    assert await writer.flush()
    assert [one.number for one in store.batches] == [1, 2, 3, 4]
    assert store.seqs == list(range(31))


async def test_if_the_server_goes_down_during_a_stop_the_rest_is_left_on_disk_in_order(settings: StoreSettings) -> None:
    store = MemoryStore()
    store.away_after = 1
    writer = Writer(store, settings, Ticking(), run_id="1")
    writer.on_signals([signal(seq) for seq in range(35)])
    assert not await writer.flush()
    assert store.seqs == list(range(10))
    assert len(store.tries) == 2  # tried once, not for every batch
    assert (writer.written, writer.waiting) == (10, 0)
    store.away, store.away_after = False, None
    following = Writer(store, settings, Ticking(), run_id="2")
    following.on_signals([signal(35)])
    assert await following.flush()
    assert store.seqs == list(range(36))
    assert following.written == 26


async def test_rows_wait_in_memory_while_the_disk_fails_and_none_is_lost(
    settings: StoreSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    store.away = True
    writer = Writer(store, settings, Ticking())
    writer.on_signals([signal(seq) for seq in range(25)])

    def fails(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fails)
        await writer.write_now()
        assert (writer.waiting, writer.spooled) == (25, 0)
        assert "the spool cannot be written" in caplog.text
        await writer.write_now()
        assert (writer.waiting, writer.spooled) == (25, 0)
    await writer.write_now()
    assert (writer.waiting, writer.spooled) == (0, 3)
    store.away = False
    assert await writer.flush()
    assert store.seqs == list(range(25))


async def test_a_refused_batch_is_set_aside_once_and_the_next_batches_are_written(
    settings: StoreSettings, tmp_path: Path
) -> None:
    store = MemoryStore()
    store.refuses = {1, 3}
    writer = Writer(store, settings, Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(40)])
    await writer.write_now()
    assert [one.number for one in store.batches] == [2, 4]
    assert (writer.refused, writer.written, writer.away, writer.waiting) == (2, 20, False, 0)
    names = sorted(path.name for path in (tmp_path / "spool" / "refused").iterdir())
    assert names == ["run-1.jsonl", "run-3.jsonl"]
    assert writer.figures()["refused"] == 2
    await writer.flush()


async def test_a_refused_batch_on_disk_does_not_block_the_other_batches_on_disk(
    settings: StoreSettings, tmp_path: Path
) -> None:
    store = MemoryStore()
    store.away = True
    writer = Writer(store, settings, Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(20)])
    await writer.write_now()
    store.away, store.refuses = False, {1}
    assert await writer.drain()
    assert [one.number for one in store.batches] == [2]
    assert (writer.spooled, writer.refused) == (0, 1)
    await writer.flush()


@pytest.mark.parametrize(("queued", "spooled_too"), [(50, False), (51, True)])
async def test_a_queue_more_than_half_full_is_appended_to_the_backlog_while_it_is_drained(
    settings: StoreSettings, queued: int, spooled_too: bool
) -> None:
    class Watched(MemoryStore):
        async def save(self, batch: Batch) -> bool:
            waiting.append(writer.waiting)
            return await super().save(batch)

    waiting: list[int] = []
    store = Watched()
    store.away = True
    writer = Writer(store, settings, Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(20)])
    await writer.write_now()
    store.away = False
    waiting.clear()
    writer.on_signals([signal(20 + seq) for seq in range(queued)])
    assert await writer.drain()
    assert waiting[:2] == [queued, queued - 10 if spooled_too else queued]
    assert writer.waiting == (queued - 10 if spooled_too else queued)
    assert await writer.flush()
    assert store.seqs == list(range(20 + queued))


async def test_figures_count_waiting_and_dropped_rows_and_rows_on_disk(settings: StoreSettings, tmp_path: Path) -> None:
    store = MemoryStore()
    store.away = True
    writer = Writer(store, replace(settings, queue_rows=12), Ticking(), run_id="run")
    writer.on_signals([signal(seq) for seq in range(15)])
    writer.on_changes([change()])
    expected = {"waiting": 12, "spooled": 0, "written": 0, "dropped": 4, "refused": 0, "damaged": 0, "away": 0.0}
    assert writer.figures() == expected
    await writer.write_now()
    assert writer.figures() == {**expected, "waiting": 0, "spooled": 2, "away": 1.0}
    assert writer.dropped == {"request": 4}
    (path,) = (tmp_path / "spool" / "run").glob("*.jsonl")
    path.write_bytes(b"{\n" + path.read_bytes().partition(b"\n")[2])
    assert not await writer.drain()
    assert (writer.damaged, writer.spooled) == (1, 1)
    assert writer.figures() == {**expected, "waiting": 0, "spooled": 1, "damaged": 1, "away": 1.0}
    store.away = False
    assert await writer.drain()
    assert [one.number for one in store.batches] == [2]
    await writer.flush()


def test_runs_have_names_that_sort_by_time_and_never_collide(settings: StoreSettings) -> None:
    clock = Ticking()
    names = [Writer(MemoryStore(), settings, clock).run_id for _ in range(50)]
    assert sorted(names) == names
    assert len(set(names)) == 50
    frozen = clock.now
    assert len({Writer(MemoryStore(), settings, lambda: frozen).run_id for _ in range(50)}) == 50
    assert names[0].startswith("20260301T120000001000-")


def test_the_default_limits_are_as_documented() -> None:
    settings = StoreSettings()
    assert (settings.batch_rows, settings.batch_s, settings.queue_rows) == (5000, 1.0, 200_000)
    assert (settings.spool_mb, settings.retention_days, settings.resume_s) == (1024, 30, 3600.0)
