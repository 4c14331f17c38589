"""Two hundred played histories through all detectors: pairs found, and where every unit that left is told to be.

`python -m tests.chain.lives.playing 1000 1200` plays other seeds and prints the same figures.
"""

from __future__ import annotations

import pytest

from tests.chain.lives.playing import errors, f1, played

MIN_F1 = 0.95
MAX_ERROR = 0.001


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_migration_pairs_are_found_and_removed_tokens_are_attributed_correctly(first: int) -> None:
    histories = [played(seed) for seed in range(first, first + 50)]
    precision, recall, both = f1(histories)
    wrong = errors(histories)
    pairs = sum(len(one.true_pairs) for one in histories)
    print(f"\nseeds {first}…{first + 49}: {pairs} pairs, precision {precision:.4f}, recall {recall:.4f}, F1 {both:.4f}")
    print(f"mean error of the sums, as a share of what was removed: {wrong}")
    assert pairs > 50, "too few pairs to judge by"
    assert both >= MIN_F1
    assert max(wrong.values()) <= MAX_ERROR
    for one in histories:
        for _, told, _ in one.sums:
            assert told["removed"] == sum(part for bucket, part in told.items() if bucket != "removed")
