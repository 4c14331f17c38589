"""The folders and locks of the spool: made when they are missing, removed when they are empty, left alone when not ours."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from monitor.store.spool import Spool
from tests.monitor.store.rows import batch, signal

BOUND = 10_000_000


def is_locked(folder: Path) -> bool:
    """Whether somebody holds the lock of a run's folder."""
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def numbers(spool: Spool) -> list[int]:
    """The numbers of the batches that wait, in order; none waits afterwards."""
    found = []
    while (one := spool.oldest()) is not None:
        found.append(one.number)
        spool.done()
    return found


def test_the_folder_of_a_spool_is_made_with_those_above_it(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "a" / "b" / "spool", "run", BOUND)
    spool.append(batch(1))

    assert (tmp_path / "a" / "b" / "spool" / "run" / "00000001.jsonl").exists()
    spool.close()


def test_a_folder_that_was_removed_while_the_program_runs_is_made_again(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool", "run", BOUND)
    shutil.rmtree(tmp_path / "spool")
    spool.append(batch(1, signal(1)))
    assert numbers(spool) == [1]

    shutil.rmtree(tmp_path / "spool")
    aside = spool.set_aside(batch(2, signal(2)))
    assert aside == tmp_path / "spool" / "refused" / "run-2.jsonl"
    assert aside.exists()
    spool.close()


def test_a_second_refused_batch_is_put_beside_the_first(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, "run", BOUND)
    assert [spool.set_aside(batch(number)).name for number in (1, 2)] == ["run-1.jsonl", "run-2.jsonl"]
    assert sorted(path.name for path in (tmp_path / "refused").iterdir()) == ["run-1.jsonl", "run-2.jsonl"]
    spool.close()


def test_a_run_holds_the_lock_of_its_folder_from_its_first_batch_until_it_closes(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, "run", BOUND)
    spool.append(batch(1))
    assert is_locked(tmp_path / "run")

    spool.close()
    assert not is_locked(tmp_path / "run")


def test_a_run_holds_the_lock_of_a_dead_run_while_its_batches_wait(tmp_path: Path) -> None:
    dead = Spool.open(tmp_path, "a", BOUND)
    dead.append(batch(1, run_id="a"))
    dead.close()

    spool = Spool.open(tmp_path, "b", BOUND)
    assert is_locked(tmp_path / "a")
    assert numbers(spool) == [1]
    assert not (tmp_path / "a").exists()
    spool.close()


def test_an_empty_folder_of_a_dead_run_is_removed_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    spool = Spool.open(tmp_path, "b", BOUND)

    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_a_folder_that_holds_a_strangers_file_is_not_removed_and_not_locked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("not a folder")
    spool = Spool.open(tmp_path, "b", BOUND)

    assert (len(spool), spool.oldest()) == (0, None)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["notes.txt"]
    assert (tmp_path / "file").read_text() == "not a folder"
    spool.close()


def test_the_refused_batches_are_not_taken_for_a_dead_run(tmp_path: Path) -> None:
    first = Spool.open(tmp_path, "a", BOUND)
    aside = first.set_aside(batch(1))
    first.close()

    second = Spool.open(tmp_path, "b", BOUND)
    assert (len(second), second.oldest()) == (0, None)
    second.close()
    assert [path.name for path in aside.parent.iterdir()] == ["run-1.jsonl"]


def test_our_own_batches_come_behind_those_of_a_run_whose_name_sorts_later(tmp_path: Path) -> None:
    for run_id, number in (("a", 1), ("z", 2)):
        left = Spool.open(tmp_path / run_id, run_id, BOUND)
        left.append(batch(number, run_id=run_id))
        left.close()
    shutil.move(tmp_path / "z" / "z", tmp_path / "a" / "z")

    again = Spool.open(tmp_path / "a", "a", BOUND)
    assert numbers(again) == [2, 1]
    again.close()


def test_the_batches_of_one_run_come_in_the_order_of_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    for number in (3, 1, 2):
        other = Spool.open(tmp_path / f"x{number}", "run", BOUND)
        other.append(batch(number))
        other.close()
        folder.mkdir(exist_ok=True)
        shutil.move(tmp_path / f"x{number}" / "run" / "00000001.jsonl", folder / f"{number:08d}.jsonl")
        shutil.rmtree(tmp_path / f"x{number}")

    spool = Spool.open(tmp_path, "b", BOUND)
    assert numbers(spool) == [1, 2, 3]
    spool.close()


def test_an_empty_file_of_a_dead_run_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "00000001.jsonl").touch()
    spool = Spool.open(tmp_path, "b", BOUND)

    assert (len(spool), spool.size, spool.oldest(), spool.damaged) == (0, 0, None, 0)
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_a_run_appends_to_its_own_last_file_if_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "00000007.jsonl").touch()
    spool = Spool.open(tmp_path, "run", BOUND)
    spool.append(batch(1))

    assert [path.name for path in (tmp_path / "run").glob("*.jsonl")] == ["00000007.jsonl"]
    assert numbers(spool) == [1]
    spool.close()
