"""Checks that a checkpoint restores its content, whatever detectors remember, and is small if little changed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.events import NetworkId, PlacedEvent, Retracted
from chain.events.network import Reorged
from chain.sync.ancestor_marks import Mark
from chain.sync.canonical import Followed
from chain.sync.checkpoint import PLACED, VERSION, Checkpoint, decode
from tests.chain.builders import START, header
from tests.chain.detectors.test_liquidity import move
from tests.chain.sync.test_canonical_window import followed

NETWORK = NetworkId("local")


def whole() -> Checkpoint:
    """Returns a checkpoint with a value in each field."""
    window = (
        followed(1, one=b"same", two=b"a" * 50, gone=b"x"),
        followed(2, one=b"same", two=b"a" * 25 + b"b" + b"a" * 24),
        followed(3, one=b"", two=b"a" * 50, new=b"\xff\x00"),
    )
    return Checkpoint(
        window=window,
        pending=(
            Reorged(network=NETWORK, seen_at=START, depth=2, common_number=1, old_head="o", new_head="n"),
            Retracted(network=NETWORK, seen_at=START + timedelta(microseconds=7), event_id="gone", event=move(9)),
            move(3),
        ),
        marks=(Mark(number=0, hash="zero"), Mark(number=64, hash="next")),
        ancestor_events=(move(1, amount=2**256 - 1),),
        start=17,
        already_emitted=frozenset({"b", "a"}),
    )


def test_a_checkpoint_restores_every_one_of_its_fields() -> None:
    checkpoint = whole()
    found = decode(checkpoint.encode())
    assert found is not None
    for one in fields(Checkpoint):
        assert getattr(found, one.name) == getattr(checkpoint, one.name), one.name
        assert getattr(found, one.name), "an empty field would prove nothing"


def test_an_empty_checkpoint_and_a_start_at_block_0_are_restored() -> None:
    for checkpoint in (Checkpoint(window=(), pending=()), Checkpoint(window=(), pending=(), start=0)):
        found = decode(checkpoint.encode())
        assert found == checkpoint
        assert found is not None
        assert found.start == checkpoint.start


def test_a_checkpoint_is_the_same_bytes_each_time_and_one_line_of_json() -> None:
    assert whole().encode() == whole().encode()
    assert b"\n" not in whole().encode()
    plain = json.loads(whole().encode())
    assert (plain["version"], plain["stands"]) == (VERSION, ["a", "b"])


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1, None, str(VERSION)])
def test_only_a_checkpoint_of_this_exact_version_is_resumed(version: Any) -> None:
    plain = json.loads(whole().encode())
    assert decode(json.dumps(plain).encode()) == whole()
    assert decode(json.dumps(plain | {"version": version}).encode()) is None
    assert decode(b"{}") is None


def test_every_event_with_a_position_can_be_stored() -> None:
    assert set(PLACED.values()) == set(get_args(PlacedEvent))
    assert all(name == kind.__name__ for name, kind in PLACED.items())


def test_a_memory_is_written_once_for_all_blocks_and_detectors_that_share_it() -> None:
    memory = bytes(range(256)) * 40
    blocks = [Followed(header=header(at), events=(), memories={"one": memory, "two": memory}) for at in range(1, 30)]
    body = Checkpoint(window=tuple(blocks), pending=()).encode()
    assert len(json.loads(body)["memories"]) == 1
    assert json.loads(body)["blocks"][1]["memories"] == {}, "what did not change is not even named"


def test_only_the_difference_of_a_changed_memory_is_written() -> None:
    before = bytes(range(256)) * 40
    after = before[:5000] + b"!!" + before[5001:]
    window = tuple(
        Followed(header=header(at), events=(), memories={"one": one}) for at, one in enumerate((before, after), 1)
    )
    checkpoint = Checkpoint(window=window, pending=())
    [first, second] = json.loads(checkpoint.encode())["memories"]
    assert first[:3] == [None, 0, 0]
    assert second == [0, 5000, len(before) - 5001, "ISE="], "base64 of the two bytes"
    assert decode(checkpoint.encode()) == checkpoint


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"abc", b"abc" * 2), (b"abcabc", b"abc"), (b"", b"abc"), (b"abc", b""), (b"aaaa", b"aaa"), (b"aaa", b"aaaa"),
        (b"ab", b"ba"), (b"a", b"b"), (b"xay", b"xby"), (b"xabay", b"xay"), (b"abab", b"ababab"),
    ],
)  # fmt: skip
def test_memories_that_grow_shrink_or_repeat_are_restored(before: bytes, after: bytes) -> None:
    memories = (before, after, before, after + before)
    window = tuple(Followed(header=header(at), events=(), memories={"one": one}) for at, one in enumerate(memories, 1))
    found = decode(Checkpoint(window=window, pending=()).encode())
    assert found is not None
    assert [one.memories["one"] for one in found.window] == list(memories)


MEMORIES = st.dictionaries(st.sampled_from(["one", "two", "three"]), st.binary(max_size=6))


@given(st.lists(MEMORIES, max_size=8))
def test_each_block_has_its_own_detector_memories_even_if_detectors_come_and_go(
    memories: list[dict[str, bytes]],
) -> None:
    window = tuple(Followed(header=header(at), events=(), memories=one) for at, one in enumerate(memories, 1))
    found = decode(Checkpoint(window=window, pending=()).encode())
    assert found is not None
    assert [dict(one.memories) for one in found.window] == memories


def test_the_log_filter_of_a_block_is_not_stored() -> None:
    window = (replace(followed(1), header=replace(header(1), bloom=1 << 2047, base_fee=5)),)
    found = decode(Checkpoint(window=window, pending=()).encode())
    assert found is not None
    assert (found.window[0].header.bloom, found.window[0].header.base_fee) == (None, 5)
