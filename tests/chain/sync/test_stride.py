"""Decides when the state is read at the end of each run of blocks only."""

from __future__ import annotations

from chain.sync.stride import KEPT_BLOCKS, Stride


def test_slowness_makes_the_stride_coarse_only_if_the_watcher_is_late() -> None:
    stride = Stride(1.0)
    assert not stride.ran(1, took_s=9, behind=4)
    assert not stride.ran(10, took_s=8, behind=50), "late, but it catches up"
    assert not stride.coarse
    assert stride.ran(10, took_s=8.1, behind=5)
    assert stride.coarse


def test_a_coarse_stride_is_told_once_and_ends_when_single_blocks_are_read_in_time() -> None:
    stride = Stride(1.0)
    stride.ran(1, took_s=5, behind=9)
    assert not stride.ran(KEPT_BLOCKS - 1, took_s=100, behind=99)
    assert not stride.ran(2, took_s=0.1, behind=0)
    assert stride.coarse, "two blocks at once"
    assert not stride.ran(1, took_s=0.9, behind=0)
    assert stride.coarse, "not in time"
    assert not stride.ran(1, took_s=0.5, behind=0)
    assert not stride.coarse


def test_a_coarse_stride_is_kept_for_a_while() -> None:
    stride = Stride(1.0)
    stride.ran(1, took_s=5, behind=9)
    stride.ran(1, took_s=0.1, behind=0)
    assert stride.coarse
