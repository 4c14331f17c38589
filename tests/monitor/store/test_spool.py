"""The spool: in order, on the disk, bounded, and complete after a crash except for the line in writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isnan, nan
from pathlib import Path

import pytest

from monitor.store import batch as batches
from monitor.store import spool as spools
from monitor.store.spool import Spool
from tests.monitor.store.rows import batch, change, signal

Opened = Callable[..., Spool]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens spools of runs, and closes them at the end."""
    opened_spools: list[Spool] = []

    def one(run_id: str, bound_bytes: int = 10_000_000) -> Spool:
        opened_spools.append(Spool.open(tmp_path, run_id, bound_bytes))
        return opened_spools[-1]

    yield one
    for spool in opened_spools:
        spool.close()


def _taken(spool: Spool) -> list[int]:
    numbers = []
    while (one := spool.oldest()) is not None:
        numbers.append(one.number)
        spool.done()
    return numbers


def test_a_batch_is_read_back_unchanged_from_its_line() -> None:
    sent = batch(3, signal(1), signal(2, attributes={}), changes=(change(),), checkpoints={"ethereum": b"\x00\xff"})
    line = batches.encode(sent)
    assert line.count(b"\n") == 1
    assert batches.decode(line) == sent
    assert sent.rows == 4


def test_a_value_that_is_no_number_is_read_back_as_nan() -> None:
    assert isnan(batches.decode(batches.encode(batch(1, signal(1, value=nan)))).signals[0].value)


def test_batches_are_drained_in_order_and_leave_no_files(opened: Opened, tmp_path: Path) -> None:
    spool = opened("run")
    for number in (1, 2, 3):
        spool.append(batch(number, signal(number)))
    assert len(spool) == 3
    assert _taken(spool) == [1, 2, 3]
    assert (len(spool), spool.size, list(tmp_path.iterdir())) == (0, 0, [])


def test_a_batch_stays_until_it_is_done(opened: Opened, tmp_path: Path) -> None:
    spool = opened("run")
    spool.append(batch(1, signal(1)))
    assert spool.oldest() == spool.oldest() == batch(1, signal(1))


def test_a_batch_added_while_draining_comes_last(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 500)
    spool = opened("run")
    for number in range(1, 6):
        spool.append(batch(number, signal(number)))
    assert spool.oldest() == batch(1, signal(1))
    spool.done()
    spool.append(batch(6, signal(6)))
    assert _taken(spool) == [2, 3, 4, 5, 6]


def test_batches_of_dead_runs_come_first_oldest_run_first(opened: Opened, tmp_path: Path) -> None:
    runs = [opened(run_id) for run_id in ("2026-b", "2026-a")]
    for spool, run_id in zip(runs, ("2026-b", "2026-a"), strict=True):
        spool.append(batch(1, run_id=run_id))
    for spool in runs:
        spool.close()
    spool = opened("2026-c")
    assert len(spool) == 2
    spool.append(batch(1, run_id="2026-c"))
    order = []
    while (one := spool.oldest()) is not None:
        order.append(one.run_id)
        spool.done()
    assert order == ["2026-a", "2026-b", "2026-c"]
    assert list(tmp_path.iterdir()) == []


def test_the_spool_of_a_live_run_is_unchanged(opened: Opened, tmp_path: Path) -> None:
    alive = opened("a")
    alive.append(batch(1, signal(1), run_id="a"))
    other = opened("b")
    assert other.oldest() is None
    alive.close()
    after = opened("c")
    assert _taken(after) == [1]


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_a_truncated_last_line_is_skipped_and_counted(opened: Opened, tmp_path: Path, keep: int) -> None:
    spool = opened("a")
    for number in (1, 2, 3):
        spool.append(batch(number, signal(number)))
    spool.close()
    (path,) = (tmp_path / "a").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2].rstrip(b"\n")[:keep])
    after = opened("b")
    after.append(batch(4, run_id="b"))
    assert _taken(after) == [1, 2, 4]
    assert after.damaged == 1


def test_a_damaged_line_in_the_middle_loses_no_other_line(opened: Opened, tmp_path: Path) -> None:
    spool = opened("a")
    for number in (1, 2, 3):
        spool.append(batch(number, signal(number)))
    spool.close()
    (path,) = (tmp_path / "a").glob("*.jsonl")
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\xff" * (len(second) - 1) + b"\n" + third)
    after = opened("b")
    assert _taken(after) == [1, 3]
    assert after.damaged == 1


def test_a_run_that_reopens_its_spool_appends_after_the_earlier_batches(opened: Opened, tmp_path: Path) -> None:
    spool = opened("a")
    spool.append(batch(1))
    spool.close()
    again = opened("a")
    again.append(batch(2))
    assert _taken(again) == [1, 2]


@pytest.mark.parametrize(("cut_bytes", "left", "damaged"), [(1, [1, 2, 3], 0), (9, [1, 3], 1)])
def test_a_run_that_reopens_its_spool_appends_nothing_to_a_truncated_line(
    opened: Opened, tmp_path: Path, cut_bytes: int, left: list[int], damaged: int
) -> None:
    spool = opened("a")
    for number in (1, 2):
        spool.append(batch(number, signal(number)))
    spool.close()
    (path,) = (tmp_path / "a").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-cut_bytes])  # 1: only the newline is missing, the batch is whole
    again = opened("a")
    again.append(batch(3, signal(3)))
    assert _taken(again) == left
    assert again.damaged == damaged


def test_a_full_spool_raises_an_error(opened: Opened, tmp_path: Path) -> None:
    spool = opened("a", 100)
    assert not spool.full
    spool.append(batch(1, signal(1)))
    assert spool.full


def test_a_text_that_is_not_utf8_can_be_stored(opened: Opened, tmp_path: Path) -> None:
    spool = opened("a")
    spool.append(batch(1, signal(1, asset="X\ud800")))
    stored = spool.oldest()
    assert stored is not None
    assert stored.signals[0].subject.asset == "X\ufffd\ufffd\ufffd"


def test_a_refused_batch_is_set_aside_and_not_drained(opened: Opened, tmp_path: Path) -> None:
    spool = opened("a")
    path = spool.set_aside(batch(9, signal(1)))
    assert batches.decode(path.read_bytes()) == batch(9, signal(1))
    assert opened("b").oldest() is None
