"""The spool on the disk: synced before a line counts, complete after a failed write, numbered so that no file is used twice."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.store import batch as batches
from monitor.store import spool as spools
from monitor.store.spool import Spool
from tests.monitor.store.rows import batch, signal

LINE = len(batches.encode(batch(1, signal(1))))


@dataclass
class Disk:
    """The sync calls to the operating system: (path, bytes at that moment), and whether they fail."""

    synced: list[tuple[Path, int]] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    spool: Spool | None = None
    fails: bool = False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Watches `os.fsync`."""
    ours = Disk()
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if ours.fails and path.suffix == ".jsonl":
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)
        ours.synced.append((path, os.fstat(descriptor).st_size))
        if ours.spool is not None:
            ours.counted.append(len(ours.spool))

    monkeypatch.setattr(os, "fsync", watched)
    return ours


@pytest.fixture
def spool(tmp_path: Path, disk: Disk) -> Iterator[Spool]:
    """An empty spool on a watched disk."""
    disk.spool = Spool.open(tmp_path, "run", 10_000_000)
    yield disk.spool
    disk.spool.close()


def _taken(spool: Spool) -> list[int]:
    numbers = []
    while (one := spool.oldest()) is not None:
        numbers.append(one.number)
        spool.done()
    return numbers


def _names(tmp_path: Path) -> list[str]:
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jsonl"))


def test_each_line_is_synced_completely_before_it_counts(spool: Spool, disk: Disk, tmp_path: Path) -> None:
    file = tmp_path / "run" / "00000001.jsonl"
    for number in (1, 2, 3):
        spool.append(batch(number, signal(1)))
        assert disk.synced[-1] == (file, number * LINE)
        assert disk.counted[-1] == number - 1
        assert (len(spool), spool.size) == (number, number * LINE)


def test_a_new_file_syncs_its_folders(spool: Spool, disk: Disk, tmp_path: Path) -> None:
    spool.append(batch(1))
    assert [path for path, _size in disk.synced][:2] == [tmp_path / "run", tmp_path]
    disk.synced.clear()
    spool.append(batch(2))
    assert [path.name for path, _size in disk.synced] == ["00000001.jsonl"]


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_failed_write_leaves_the_file_unchanged(spool: Spool, disk: Disk, tmp_path: Path, before: int) -> None:
    for number in range(1, before + 1):
        spool.append(batch(number, signal(1)))
    disk.fails = True
    with pytest.raises(OSError, match="Input/output"):
        spool.append(batch(before + 1, signal(1)))
    assert (tmp_path / "run" / "00000001.jsonl").stat().st_size == before * LINE
    assert (len(spool), spool.size) == (before, before * LINE)

    disk.fails = False
    spool.append(batch(9, signal(1)))
    assert _taken(spool) == [*range(1, before + 1), 9]
    assert spool.damaged == 0


def test_a_new_file_begins_when_the_last_one_has_reached_its_size(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 2 * LINE)
    for number in range(1, 6):
        spool.append(batch(number, signal(1)))
    assert _names(tmp_path) == ["run/00000001.jsonl", "run/00000002.jsonl", "run/00000003.jsonl"]
    sizes = [(tmp_path / name).stat().st_size for name in _names(tmp_path)]
    assert sizes == [2 * LINE, 2 * LINE, LINE]


def test_a_file_is_continued_while_it_is_one_byte_below_its_size(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 2 * LINE + 1)
    for number in range(1, 4):
        spool.append(batch(number, signal(1)))
    assert _names(tmp_path) == ["run/00000001.jsonl"]


def test_the_size_of_a_file_is_eight_megabytes() -> None:
    assert spools.SEGMENT_BYTES == 8_000_000


def test_numbers_continue_after_a_restart_and_no_file_is_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    seen: list[str] = []
    for start in (1, 4, 7):
        spool = Spool.open(tmp_path, "run", 10_000_000)
        for number in range(start, start + 3):
            spool.append(batch(number, signal(1)))
        assert not set(_names(tmp_path)[-3:]) & set(seen)
        seen += _names(tmp_path)[-3:]
        spool.done()
        spool.close()
    assert seen == [f"run/{number:08d}.jsonl" for number in range(1, 10)]

    last = Spool.open(tmp_path, "run", 10_000_000)
    assert _taken(last) == list(range(4, 10))
    last.close()


def test_numbers_continue_while_the_oldest_files_are_drained(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    for number in (1, 2):
        spool.append(batch(number, signal(1)))
    spool.done()
    spool.append(batch(3, signal(1)))
    assert _names(tmp_path) == ["run/00000002.jsonl", "run/00000003.jsonl"]


def test_files_of_another_run_do_not_count_for_our_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    dead = Spool.open(tmp_path, "a-dead", 10_000_000)
    for number in (1, 2, 3):
        dead.append(batch(number, run_id="a-dead"))
    dead.close()
    spool = Spool.open(tmp_path, "b-ours", 10_000_000)
    spool.append(batch(1, run_id="b-ours"))
    assert _names(tmp_path)[-1] == "b-ours/00000001.jsonl"
    assert len(_names(tmp_path)) == 4
    spool.close()


def test_a_file_whose_lines_are_all_done_is_removed_at_once(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 2 * LINE)
    for number in (1, 2, 3):
        spool.append(batch(number, signal(1)))
    spool.done()
    assert len(_names(tmp_path)) == 2
    spool.done()
    assert _names(tmp_path) == ["run/00000002.jsonl"]
    assert (len(spool), spool.size) == (1, LINE)
    spool.done()
    assert list(tmp_path.iterdir()) == []


def test_the_limit_is_exact_to_the_byte(tmp_path: Path) -> None:
    exact, roomy = (Spool.open(tmp_path / name, "run", bound) for name, bound in (("a", LINE), ("b", LINE + 1)))
    for one in (exact, roomy):
        assert not one.full
        one.append(batch(1, signal(1)))
    assert (exact.full, roomy.full) == (True, False)
    exact.done()
    assert not exact.full
    for one in (exact, roomy):
        one.close()


def test_a_truncated_last_line_loses_only_itself_and_is_counted_once(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, "a", 10_000_000)
    for number in (1, 2, 3):
        spool.append(batch(number, signal(1)))
    spool.close()
    (path,) = tmp_path.glob("a/*.jsonl")
    os.truncate(path, 3 * LINE - 7)

    after = Spool.open(tmp_path, "b", 10_000_000)
    assert len(after) == 3  # not read yet
    assert _taken(after) == [1, 2]
    assert (after.damaged, len(after), after.size) == (1, 0, 0)
    assert not path.exists()
    after.close()


def test_after_a_crash_unfinished_batches_return_and_batches_of_a_removed_file_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    spool = Spool.open(tmp_path, "a", 10_000_000)
    for number in (1, 2, 3):
        spool.append(batch(number, signal(1)))
    spool.done()
    spool.close()
    after = Spool.open(tmp_path, "b", 10_000_000)
    assert _taken(after) == [2, 3]
    after.close()


def test_folders_and_files_are_accessible_only_to_the_operator(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool", "run", 10_000_000)
    spool.append(batch(1))
    aside = spool.set_aside(batch(2))
    for folder in (tmp_path / "spool", tmp_path / "spool" / "run", aside.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch(r"run-2\.jsonl", aside.name)
    spool.close()


def test_a_live_run_keeps_its_folder_until_it_drains_it_itself(tmp_path: Path) -> None:
    alive = Spool.open(tmp_path, "a", 10_000_000)
    alive.append(batch(1, signal(1), run_id="a"))
    other = Spool.open(tmp_path, "b", 10_000_000)
    assert (len(other), other.oldest()) == (0, None)
    other.close()
    assert _taken(alive) == [1]
    alive.close()


def test_a_run_that_reopens_its_spool_writes_no_line_into_a_full_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 2 * LINE)
    first = Spool.open(tmp_path, "run", 10_000_000)
    for number in (1, 2, 3, 4):
        first.append(batch(number, signal(1)))
    first.close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")}
    again = Spool.open(tmp_path, "run", 10_000_000)
    again.append(batch(5, signal(1)))
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl")}
    assert after == {**before, "00000003.jsonl": batches.encode(batch(5, signal(1)))}
    assert _taken(again) == [1, 2, 3, 4, 5]
    again.close()


def test_each_new_file_and_not_only_the_first_syncs_its_folder(
    spool: Spool, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 1)
    for number in (1, 2, 3):
        spool.append(batch(number, signal(1)))
    assert [path for path, _size in disk.synced].count(tmp_path / "run") == 3
