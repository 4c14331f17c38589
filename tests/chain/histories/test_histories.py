"""Runs two hundred simulated histories through all detectors: checks the found pairs and the attribution of every removed unit.

`python -m tests.chain.histories.simulation 1000 1200` runs other seeds and prints the same figures.
"""

from __future__ import annotations

import pytest

from tests.chain.histories.simulation import errors, f1, simulate_history

MIN_F1 = 0.95
MAX_ERROR = 0.001


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_migration_pairs_are_found_and_removed_tokens_are_attributed_correctly(first: int) -> None:
    histories = [simulate_history(seed) for seed in range(first, first + 50)]
    precision, recall, both = f1(histories)
    wrong = errors(histories)
    pairs = sum(len(one.true_pairs) for one in histories)
    print(f"\nseeds {first}…{first + 49}: {pairs} pairs, precision {precision:.4f}, recall {recall:.4f}, F1 {both:.4f}")
    print(f"mean error of the sums, as a share of what was removed: {wrong}")
    assert pairs > 50, "too few pairs to judge by"
    assert both >= MIN_F1
    assert max(wrong.values()) <= MAX_ERROR
    for one in histories:
        for _, reported, _ in one.sums:
            assert reported["removed"] == sum(part for bucket, part in reported.items() if bucket != "removed")
