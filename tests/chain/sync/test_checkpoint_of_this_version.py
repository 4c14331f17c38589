"""The stored form of version 5, written by hand: another form needs another version, or a restart would read it wrongly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chain.sync.ancestor_marks import Mark
from chain.sync.canonical import Followed
from chain.sync.checkpoint import Checkpoint, decode
from tests.chain.builders import header

EMPTY: dict[str, Any] = {
    "version": 5, "memories": [], "blocks": [], "untold": [], "marks": [], "elder_told": [], "start": None, "stands": [],
}  # fmt: skip


def stored(**changed: Any) -> bytes:
    return json.dumps(EMPTY | changed, separators=(",", ":")).encode()


def block(number: int, memories: dict[str, int], gone: tuple[str, ...] = ()) -> dict[str, Any]:
    one = header(number)
    plain = {"number": number, "hash": one.hash, "parent_hash": one.parent_hash, "time": one.time.isoformat()}
    return {"header": plain, "told": [], "memories": memories, "gone": list(gone)}


def test_an_empty_checkpoint_is_this_line_of_json() -> None:
    assert Checkpoint(window=(), pending=()).encode() == stored()
    assert decode(stored()) == Checkpoint(window=(), pending=())


def test_marks_the_start_and_what_was_emitted_are_read_from_their_places() -> None:
    found = decode(stored(marks=[[64, "a"], [128, "b"]], start=7, stands=["x", "y"]))
    assert found == Checkpoint(
        window=(),
        pending=(),
        marks=(Mark(number=64, hash="a"), Mark(number=128, hash="b")),
        start=7,
        already_emitted=frozenset({"x", "y"}),
    )


def test_a_memory_is_the_shared_head_the_new_part_and_the_shared_tail_of_the_one_it_names() -> None:
    memories = [[None, 0, 0, "YWJjZGVm"], [0, 2, 1, "IQ=="], [1, 0, 4, ""], [2, 4, 0, "eHk="]]  # abcdef, !, nothing, xy
    blocks = [block(1, {"one": 0}), block(2, {"one": 1, "two": 2}), block(3, {"two": 3}, gone=("one",)), block(4, {})]
    found = decode(stored(memories=memories, blocks=blocks))
    assert found is not None
    assert [one.memories for one in found.window] == [
        {"one": b"abcdef"},
        {"one": b"ab!f", "two": b"ab!f"},
        {"two": b"ab!fxy"},
        {"two": b"ab!fxy"},
    ]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13, 21])
def test_of_a_memory_in_which_one_byte_changed_that_byte_alone_is_written(length: int) -> None:
    before = bytes(range(length))
    for at in range(length):
        after = before[:at] + b"\xff" + before[at + 1 :]
        window = tuple(
            Followed(header=header(number), events=(), memories={"one": memory})
            for number, memory in enumerate((before, after), 1)
        )
        written = json.loads(Checkpoint(window=window, pending=()).encode())["memories"]
        assert written[1] == [0, at, length - 1 - at, "/w=="], f"{length} bytes, changed at {at}"
